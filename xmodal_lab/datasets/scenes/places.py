"""Where the things of a scene stand, pixel by pixel: what a map of a network is held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from xmodal_lab.datasets.scenes.factors import COLOURS, Scene
from xmodal_lab.datasets.scenes.store import from_scenes


def masks(
    shown: Sequence[Scene], seed: int = 0, thing: int = 0
) -> Bool[np.ndarray, "count size size"]:
    """Which pixels one thing of each scene touches, in the pictures of ``from_scenes``.

    Each scene is drawn twice, the second time with the thing in another colour: every random
    choice but the colour is shared, so the pixels that differ are the thing's.

    Args:
        shown: as they were given to ``from_scenes``.
        seed: the same as there.
        thing: 0 for the first thing, 1 for the second.

    Raises:
        ValueError: for a thing that a scene does not have.
    """
    if any(not 0 <= thing < len(scene.things) for scene in shown):
        raise ValueError(f"not every scene has a thing number {thing}, counted from 0")
    repainted = [_repainted(scene, thing) for scene in shown]
    pictures = (from_scenes(scenes, seed, ["image"]).images for scenes in (shown, repainted))
    one, other = pictures
    return (one != other).any(axis=1)


def centres(found: Bool[np.ndarray, "count size size"]) -> Float[np.ndarray, "count 2"]:
    """The mean column and line (x, y) of each mask, as shares of the picture, 0 … 1.

    Raises:
        ValueError: for a mask without a pixel.
    """
    pixels = found.sum((1, 2))
    if not pixels.all():
        raise ValueError(f"mask {int(np.argmin(pixels))} has no pixel")
    middles = (np.arange(found.shape[1]) + 0.5) / found.shape[1]
    return np.stack([found.sum(1) @ middles, found.sum(2) @ middles], axis=1) / pixels[:, None]


def _repainted(scene: Scene, thing: int) -> Scene:
    taken = {other.colour for other in scene.things}
    colour = next(colour for colour in COLOURS if colour not in taken)
    things = list(scene.things)
    things[thing] = replace(things[thing], colour=colour)
    return Scene(tuple(things), scene.relation)
