"""Loading crowds in bulk: drawn once, then read from the checked cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from xmodal_lab.datasets.cache import cached, fingerprint_of
from xmodal_lab.datasets.crowds.drawing import SIZE, boxes, draw, masks
from xmodal_lab.datasets.crowds.factors import MOST, SPLITS, Crowd, sample_crowds
from xmodal_lab.datasets.scenes import drawing as scene_drawing
from xmodal_lab.datasets.scenes.factors import stream

DRAWING = 1  # as for scenes
# The code that makes the pictures. Read on import: a file edited later is not the code that runs.
CODE = fingerprint_of(
    *(Path(__file__).with_name(f"{room}.py").read_bytes() for room in ("factors", "drawing")),
    Path(scene_drawing.__file__).read_bytes(),
)


@dataclass(frozen=True)
class CrowdData:
    """Crowds with their pictures; row i of everything is one crowd.

    Attributes:
        crowds: what each row means.
        images: levels 0–255.
        boxes: x0, y0, x1, y1 of each thing in pixels, in the order of ``crowd.placed``; NaN where
            a crowd has no such thing.
    """

    crowds: list[Crowd]
    images: UInt8[np.ndarray, "count 3 size size"]
    boxes: Float32[np.ndarray, "count 5 4"]

    modalities = ("image",)

    def __len__(self) -> int:
        return len(self.crowds)

    def masks(self) -> Bool[np.ndarray, "count 5 size size"]:
        """Which pixels belong to each thing; 20 kB a crowd, so select the crowds first."""
        found = [masks(crowd, self.images.shape[-1]) for crowd in self.crowds]
        return np.stack(found) if found else np.zeros((0, MOST, SIZE, SIZE), bool)

    def select(self, indices: Sequence[int] | np.ndarray) -> CrowdData:
        """The rows with these numbers, in this order.

        Raises:
            ValueError: for a mask of True and False, whose values would be read as rows 1 and 0.
        """
        if len(indices) and np.asarray(indices).dtype == bool:
            raise ValueError("expected row numbers, got a mask: use select(np.flatnonzero(mask))")
        index = np.asarray(indices, dtype=int)
        return CrowdData([self.crowds[i] for i in index], self.images[index], self.boxes[index])


def load(split: str = "train", count: int = 10_000, seed: int = 0) -> CrowdData:
    """Load crowds with their pictures and boxes; ``questions(data.crowds)`` asks about them.

    Row i depends on (split, seed, i) alone: a longer data set starts with the shorter one.

    Args:
        split: 'train', 'val' or 'test' (never the same company of things), or 'new_pairs' (a
            colour and a shape that were never seen together).
        count: number of crowds.
        seed: any non-negative integer.

    Raises:
        ValueError: for an unknown split or a negative count.
    """
    crowds = sample_crowds(split, count, seed)
    name = f"crowds-{split}-{count}-{seed}"
    place = (seed, SPLITS.index(split))
    arrays = cached(name, fingerprint_of(name, CODE), lambda: _draw_all(crowds, place))
    return CrowdData(crowds, arrays["images"], arrays["boxes"])


def from_crowds(crowds: Sequence[Crowd], seed: int = 0) -> CrowdData:
    """Draw given crowds; row i depends on the seed, i and its crowd alone."""
    return CrowdData(list(crowds), **_draw_all(crowds, (seed, len(SPLITS))))


def _draw_all(crowds: Sequence[Crowd], place: tuple[int, int]) -> dict[str, np.ndarray]:
    images = np.empty((len(crowds), 3, SIZE, SIZE), np.uint8)
    found = np.empty((len(crowds), MOST, 4), np.float32)
    for index, crowd in enumerate(crowds):
        images[index] = draw(crowd, SIZE, stream(*place, index, DRAWING))
        found[index] = boxes(crowd, SIZE)
    return {"images": images, "boxes": found}
