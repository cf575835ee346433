"""How two vector spaces become comparable: losses, closed forms, assignments, maps, diagnostics."""

from xmodal_lab.alignment.assignment import hard_assignment, sinkhorn, softmax_assignment
from xmodal_lab.alignment.closed_form import cca, kernel_cca, median_distance, procrustes
from xmodal_lab.alignment.losses import (
    info_nce,
    info_nce_many,
    info_nce_tiled,
    info_nce_with_foils,
    over_pairs,
    pair_loss,
    sigmoid_loss,
    sigmoid_loss_tiled,
    triplet_loss,
)
from xmodal_lab.alignment.mappers import LinearMapper, MLPMapper
from xmodal_lab.alignment.unsupervised import align_unpaired
from xmodal_lab.alignment.word_regions import attention_score, best_match_score, transport_score

__all__ = [
    "LinearMapper",
    "MLPMapper",
    "align_unpaired",
    "attention_score",
    "best_match_score",
    "cca",
    "hard_assignment",
    "info_nce",
    "info_nce_many",
    "info_nce_tiled",
    "info_nce_with_foils",
    "kernel_cca",
    "median_distance",
    "over_pairs",
    "pair_loss",
    "procrustes",
    "sigmoid_loss",
    "sigmoid_loss_tiled",
    "sinkhorn",
    "softmax_assignment",
    "transport_score",
    "triplet_loss",
]
