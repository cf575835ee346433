"""Handwriting: fixed splits without overlap, every row whole, order by seed alone."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from xmodal_lab.datasets import digits


def keys(data) -> list[bytes]:
    return [image.tobytes() for image in data.images]


def test_the_splits_share_no_digit_and_together_are_all():
    parts = {split: digits.load(split) for split in digits.SPLITS}
    assert {split: len(part) for split, part in parts.items()} == digits.SPLITS
    together = sorted(key for part in parts.values() for key in keys(part))
    assert len(set(together)) == len(together) == 1797


def test_every_picture_is_its_scan_enlarged_and_its_number_the_scans():
    shipped, data = load_digits(), digits.load("test")
    # The middle of each 4 × 4 block is near its pixel, since enlarging is linear in between.
    small = data.images[:, 0].reshape(-1, 8, 4, 8, 4)[:, :, 1:3, :, 1:3].mean((2, 4)) * 16 / 255
    for row in range(0, 400, 40):
        apart = np.abs(shipped.images - small[row]).mean((1, 2))
        assert shipped.target[apart.argmin()] == data.numbers[row]
        assert apart.min() < 1
    assert data.images.shape == (400, 3, 32, 32) and data.images.dtype == np.uint8
    assert data.images.max() == 255 and data.images.min() == 0
    assert (data.images[:, 0] == data.images[:, 2]).all()


def test_every_split_holds_every_digit():
    for split in digits.SPLITS:
        counts = np.bincount(digits.load(split).numbers, minlength=10)
        assert counts.min() >= 0.06 * counts.sum()


def test_the_seed_decides_the_order_alone_and_longer_starts_with_shorter():
    whole, other = digits.load("train", seed=1), digits.load("train", seed=2)
    assert sorted(keys(whole)) == sorted(keys(other)) and keys(whole) != keys(other)
    assert keys(digits.load("train", 50, seed=1)) == keys(whole)[:50]
    assert keys(digits.load("train", seed=1)) == keys(whole)


def test_which_digit_is_where_stays_for_ever():
    """Figures of one year are those of the next: the first ten of each split."""
    first = {split: digits.load(split, 10).numbers.tolist() for split in digits.SPLITS}
    assert first == FIRST


FIRST = {
    "train": [5, 7, 1, 9, 5, 0, 0, 5, 0, 1],
    "val": [9, 3, 3, 5, 8, 2, 2, 4, 6, 0],
    "test": [0, 6, 4, 9, 2, 1, 7, 0, 8, 8],
}


def test_rows_can_be_chosen_and_compared():
    data = digits.load("val", 30)
    some = data.select([4, 2])
    assert some.numbers.tolist() == data.numbers[[4, 2]].tolist()
    assert keys(some) == [keys(data)[4], keys(data)[2]]
    assert some.captions == [digits.NUMBER_WORDS[n] for n in some.numbers]
    assert data.modalities == ("text", "image")
    matches = data.matches(some)
    assert matches.shape == (30, 2) and matches[4, 0] and matches[2, 1]
    assert data.matches().sum() == sum(n * n for n in np.bincount(data.numbers))
    with pytest.raises(ValueError, match="got a mask"):
        data.select(data.numbers == 3)


@pytest.mark.parametrize(
    ("split", "count", "said"),
    [
        ("natural", None, "unknown split 'natural': choose one of train, val, test"),
        ("val", 201, "the val split has 200 digits, got count=201"),
        ("val", -1, "got count=-1"),
    ],
)
def test_what_is_not_there(split, count, said):
    with pytest.raises(ValueError, match=said):
        digits.load(split, count)
