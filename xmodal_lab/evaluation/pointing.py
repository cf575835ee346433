"""Where a word points: held against the half of the picture in which its thing stands."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from xmodal_lab.batch import Padded
from xmodal_lab.datasets.scenes import COLOURS, WORDS, Scene
from xmodal_lab.datasets.scenes.language import COLOUR_WORDS
from xmodal_lab.joint.regions import GRID


def pointing(plans: Sequence[Tensor], captions: Padded, shown: Sequence[Scene]) -> float:
    """Share of colour words whose first region lies in the half where their thing stands.

    Which half that is the relation tells: of 'a red box left of a blue star', red is in the left
    half and blue in the right one. Guessing scores 0.5.

    Args:
        plans: for each scene (words, 16), any measure of who belongs to whom.
        captions: word ids of the scenes' captions.
        shown: scenes of two things.
    """
    means = {word: colour for colour in COLOURS for word in COLOUR_WORDS[colour]}
    hits = []
    for plan, ids, scene in zip(plans, captions.values.tolist(), shown, strict=True):
        for number, region in zip(ids, plan.argmax(1).tolist(), strict=False):
            colour = means.get(WORDS[number - 1])
            if colour is None:
                continue
            sideways = scene.relation in ("left of", "right of")
            place = region % GRID if sideways else region // GRID
            first = scene.things[0].colour == colour
            hits.append((place < GRID // 2) == (first == (scene.relation in ("left of", "above"))))
    return sum(hits) / len(hits)
