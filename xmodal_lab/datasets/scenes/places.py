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


def boxes(
    found: Bool[np.ndarray, "count size size"],
) -> Bool[np.ndarray, "count size size"]:
    """Every mask filled up to its bounding box: the hole of a ring belongs to the ring there.

    Raises:
        ValueError: for a mask without a pixel.
    """
    _refuse_empty(found)

    def between(there: np.ndarray) -> np.ndarray:
        """True from the first to the last pixel that is there, along the last axis."""
        begun = np.logical_or.accumulate(there, axis=1)
        to_come = np.logical_or.accumulate(there[:, ::-1], axis=1)[:, ::-1]
        return begun & to_come

    return between(found.any(axis=2))[:, :, None] & between(found.any(axis=1))[:, None, :]


def centres(found: Bool[np.ndarray, "count size size"]) -> Float[np.ndarray, "count 2"]:
    """The mean column and line (x, y) of each mask, as shares of the picture, 0 … 1.

    Raises:
        ValueError: for a mask without a pixel.
    """
    _refuse_empty(found)
    pixels = found.sum((1, 2))
    middles = (np.arange(found.shape[1]) + 0.5) / found.shape[1]
    return np.stack([found.sum(1) @ middles, found.sum(2) @ middles], axis=1) / pixels[:, None]


def _refuse_empty(found: np.ndarray) -> None:
    there = found.any(axis=(1, 2))
    if not there.all():
        raise ValueError(f"mask {int(np.argmin(there))} has no pixel")


def _repainted(scene: Scene, thing: int) -> Scene:
    taken = {other.colour for other in scene.things}
    colour = next(colour for colour in COLOURS if colour not in taken)
    things = list(scene.things)
    things[thing] = replace(things[thing], colour=colour)
    return Scene(tuple(things), scene.relation)
