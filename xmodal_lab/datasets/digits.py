"""Handwriting: 1,797 digits that people wrote by hand and scikit-learn carries along.

8 × 8 pixels of 17 grey levels, by 13 writers. Nobody recorded who wrote which, so the splits share
writers: a score here says nothing of a new hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int64, UInt8
from torch.nn import functional as F

from xmodal_lab.datasets.scenes.factors import stream

NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPLITS = {"train": 1197, "val": 200, "test": 400}
IMAGE_SIZE = 32  # as the scenes' pictures have
# Decides once and for all which digit belongs to which split.
SPLIT_SEED = 1998


@dataclass(frozen=True)
class DigitData:
    """Handwritten digits; row i of everything is one of them.

    Attributes:
        numbers: what is written, 0 to 9.
        images: (count, 3, 32, 32) levels 0–255: white ink on black, three equal channels.
    """

    numbers: Int64[np.ndarray, " count"]
    images: UInt8[np.ndarray, "count 3 32 32"]

    modalities = ("text", "image")

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def captions(self) -> list[str]:
        """The number words."""
        return [NUMBER_WORDS[number] for number in self.numbers]

    def select(self, indices: Sequence[int] | np.ndarray) -> DigitData:
        """The rows with these numbers, in this order.

        Raises:
            ValueError: for a mask of True and False, whose values would be read as rows 1 and 0.
        """
        if len(indices) and np.asarray(indices).dtype == bool:
            raise ValueError("expected row numbers, got a mask: use select(np.flatnonzero(mask))")
        rows = np.asarray(indices, dtype=int)
        return DigitData(self.numbers[rows], self.images[rows])

    def matches(self, other: DigitData | None = None) -> Bool[np.ndarray, "count others"]:
        """Which rows are the same digit: the targets of a recall."""
        others = self if other is None else other
        return self.numbers[:, None] == others.numbers[None, :]


def load(split: str = "train", count: int | None = None, seed: int = 0) -> DigitData:
    """Digits of one split: 1,197 for training, 200 for validation, 400 for testing.

    Which digit belongs to which split is fixed; the seed decides their order alone. So a larger
    count starts with the smaller one, and all rows of a split are the same for every seed.

    Args:
        split: 'train', 'val' or 'test'.
        count: how many; None for all.
        seed: any non-negative integer.

    Raises:
        ValueError: for an unknown split, or more digits than it has.

    Source: Alpaydin and Kaynak 1998 (UCI), as scikit-learn's ``load_digits`` has it.
    """
    from sklearn.datasets import load_digits  # here: it takes a second to import

    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(SPLITS)}")
    count = SPLITS[split] if count is None else count
    if not 0 <= count <= SPLITS[split]:
        raise ValueError(f"the {split} split has {SPLITS[split]} digits, got count={count}")
    shipped, names = load_digits(), list(SPLITS)
    order = np.argsort(stream(SPLIT_SEED).random(len(shipped.target)), kind="stable")
    start = sum(SPLITS[name] for name in names[: names.index(split)])
    rows = order[start : start + SPLITS[split]]
    rows = rows[np.argsort(stream(seed, start).random(len(rows)), kind="stable")[:count]]
    return DigitData(shipped.target[rows].astype(np.int64), _enlarged(shipped.images[rows]))


def _enlarged(levels: np.ndarray) -> UInt8[np.ndarray, "count 3 32 32"]:
    """Levels 0–16 of 8 × 8 pixels as levels 0–255 of 32 × 32, linear in between."""
    small = torch.from_numpy(levels).float()[:, None] * (255 / 16)
    large = F.interpolate(small, (IMAGE_SIZE, IMAGE_SIZE), mode="bilinear", align_corners=False)
    return large.round().byte().expand(-1, 3, -1, -1).contiguous().numpy()
