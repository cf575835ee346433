"""How good a space is, beside what: recalls, attributes, minimal pairs, chance, closed forms."""

from xmodal_lab.evaluation.evaluator import Evaluator
from xmodal_lab.evaluation.spaces import (
    DIRECTIONS,
    attributes,
    chance_recalls,
    closed_form_recalls,
    embed_captions,
    recalls,
    swaps,
)

__all__ = [
    "DIRECTIONS",
    "Evaluator",
    "attributes",
    "chance_recalls",
    "closed_form_recalls",
    "embed_captions",
    "recalls",
    "swaps",
]
