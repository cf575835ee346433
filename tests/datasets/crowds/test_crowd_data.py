"""Loading crowds is a pure function of its arguments, and is done once."""

import numpy as np
import pytest

from xmodal_lab.datasets import crowds
from xmodal_lab.datasets.crowds import SPLITS, from_crowds, load, sample_crowds, store

COUNT = 8


def same(one, other):
    return (
        one.crowds == other.crowds
        and (one.images == other.images).all()
        and np.array_equal(one.boxes, other.boxes, equal_nan=True)
    )


@pytest.mark.parametrize("split", SPLITS)
def test_loading_gives_the_sampled_crowds_and_again_the_same(split):
    data = load(split, COUNT, 2)
    assert data.crowds == sample_crowds(split, COUNT, 2) and data.modalities == ("image",)
    assert data.images.shape == (COUNT, 3, 64, 64) and data.images.dtype == np.uint8
    assert same(data, load(split, COUNT, 2)) and not same(data, load(split, COUNT, 3))


def test_a_second_time_nothing_is_drawn(monkeypatch):
    data = load("val", COUNT)

    def refuse(*_):
        raise AssertionError("drawn anew")

    monkeypatch.setattr(store, "_draw_all", refuse)
    assert same(load("val", COUNT), data)


def test_a_longer_data_set_starts_with_the_shorter_one():
    for split in SPLITS:
        assert same(load(split, COUNT, 4).select(range(3)), load(split, 3, 4)), split


def test_boxes_and_masks_are_those_of_each_crowd():
    data = load("test", COUNT)
    for row, crowd in enumerate(data.crowds):
        np.testing.assert_array_equal(data.boxes[row], crowds.boxes(crowd))
        np.testing.assert_array_equal(data.masks()[row], crowds.masks(crowd))
    assert data.select([]).masks().shape == (0, 5, 64, 64)


def test_selecting_keeps_rows_together():
    data = load("train", COUNT)
    chosen = data.select(np.array([5, 0, 5]))
    assert len(chosen) == 3 and chosen.crowds == [data.crowds[i] for i in (5, 0, 5)]
    assert (chosen.images == data.images[[5, 0, 5]]).all()
    with pytest.raises(ValueError, match=r"got a mask: use select\(np\.flatnonzero"):
        data.select(np.ones(COUNT, bool))


def test_given_crowds_are_drawn_by_seed_and_row():
    given = sample_crowds("train", 4, 1)
    data = from_crowds(given, 3)
    assert same(from_crowds(given[:2], 3), data.select([0, 1]))
    assert (from_crowds(given, 4).images != data.images).any()


@pytest.mark.parametrize(
    ("split", "count", "match"), [("dev", 3, "split 'dev'"), ("val", -2, "-2")]
)
def test_what_cannot_be_loaded(split, count, match):
    with pytest.raises(ValueError, match=match):
        load(split, count)
