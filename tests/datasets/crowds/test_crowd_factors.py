"""Which crowds exist, and that nothing held out leaks into training."""

from collections import Counter
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest

from xmodal_lab.datasets.crowds import SPLITS, Crowd, Placed, factors, sample_crowds, split_of
from xmodal_lab.datasets.scenes import COLOURS, HELD_OUT_PAIRS, SHAPES, SIZES, Thing
from xmodal_lab.datasets.scenes.drawing import CANVAS, TILT

SEEN = ("train", "val", "test")
SAMPLED = 600
RED_STAR = Thing("star", "red", "small")


@pytest.fixture(scope="module")
def many():
    """Crowds of each split."""
    return {split: sample_crowds(split, SAMPLED, 4) for split in SPLITS}


def pairs_of(crowds):
    return Counter(thing.pair for crowd in crowds for thing in crowd.things)


# --- splits -------------------------------------------------------------------------------------


def test_no_company_of_things_is_in_two_splits(many):
    keys = {split: {crowd.key for crowd in crowds} for split, crowds in many.items()}
    for one, other in combinations(SPLITS, 2):
        assert not keys[one] & keys[other], (one, other)
    for split, crowds in many.items():
        assert {split_of(crowd) for crowd in crowds} == {split}


def test_places_and_order_do_not_change_the_split(many):
    for crowd in many["train"][:200]:
        other = Crowd(tuple(replace(p, x=CANVAS - p.x) for p in crowd.placed[::-1]))
        assert other != crowd and other.key == crowd.key and split_of(other) == "train"


def test_splits_share_companies_80_to_10_to_10():
    # Without a split of their own: companies as new_pairs' plan fills them, freely.
    generator = factors.stream(0)
    found = Counter()
    while sum(found.values()) < 2000:
        things = factors._fill(factors._plan(generator, "new_pairs"), generator)
        if HELD_OUT_PAIRS.isdisjoint(thing.pair for thing in things):
            found[factors._split_of(things)] += 1
    for split, share in zip(SEEN, (0.8, 0.1, 0.1), strict=True):
        assert found[split] / 2000 == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("split", SEEN)
def test_held_out_pairs_are_never_seen_and_all_others_are(many, split):
    assert pairs_of(many[split]).keys() == set(product(COLOURS, SHAPES)) - HELD_OUT_PAIRS


def test_every_crowd_of_new_pairs_has_a_held_out_pair_and_every_such_pair_occurs(many):
    assert all(HELD_OUT_PAIRS & pairs_of([crowd]).keys() for crowd in many["new_pairs"])
    assert pairs_of(many["new_pairs"]).keys() >= HELD_OUT_PAIRS


# --- the law ------------------------------------------------------------------------------------


def alike(crowd, attribute):
    """How many share the commonest value, and how many values there are."""
    counts = Counter(getattr(thing, attribute) for thing in crowd.things)
    return max(counts.values()), len(counts)


@pytest.mark.parametrize("split", SPLITS)
def test_half_are_counting_crowds_and_nothing_else_repeats(many, split):
    counting = 0
    for crowd in many[split]:
        number = len(crowd.things)
        (colours, different), (shapes, others) = alike(crowd, "colour"), alike(crowd, "shape")
        assert (different, others) == (number - colours + 1, number - shapes + 1)
        if colours > 1 and shapes > 1:
            assert number == 5 and colours != shapes and max(colours, shapes) <= 4
            counting += 1
        else:
            assert colours * shapes <= (2 if number > 3 else 1)
    assert counting / SAMPLED == pytest.approx(0.5, abs=0.07)


def test_numbers_sizes_colours_and_shapes_are_about_as_common(many):
    crowds = many["train"]
    everyday = Counter(
        len(crowd.things)
        for crowd in crowds
        if 1 in (alike(crowd, "colour")[0], alike(crowd, "shape")[0])
    )
    assert everyday.keys() == {3, 4, 5}
    assert min(everyday.values()) > 0.7 * max(everyday.values())
    for attribute, values in (("size", SIZES), ("colour", COLOURS), ("shape", SHAPES)):
        found = Counter(getattr(thing, attribute) for crowd in crowds for thing in crowd.things)
        assert found.keys() == set(values)
        assert min(found.values()) > 0.55 * max(found.values()), attribute


def test_things_stand_on_the_canvas_apart_and_anywhere(many):
    middles = []
    for crowd in many["train"]:
        for placed in crowd.placed:
            low, high = factors.RADII[placed.thing.size]
            assert low <= placed.radius <= high and abs(placed.tilt) <= TILT
            assert placed.reach <= min(placed.x, placed.y)
            assert max(placed.x, placed.y) <= CANVAS - placed.reach
            middles.append((placed.x, placed.y))
        for one, other in combinations(crowd.placed, 2):
            between = ((one.x - other.x) ** 2 + (one.y - other.y) ** 2) ** 0.5
            assert between >= one.reach + other.reach + 1
    quarters, _, _ = np.histogram2d(*np.array(middles).T, bins=2, range=[[0, CANVAS]] * 2)
    assert quarters.min() > 0.85 * quarters.max()


# --- sampling -----------------------------------------------------------------------------------


@pytest.mark.parametrize("split", SPLITS)
def test_a_longer_sample_starts_with_the_shorter_one_and_seeds_differ(many, split):
    for count in (0, 1, 23):
        assert sample_crowds(split, count, 4) == many[split][:count]
    assert not set(sample_crowds(split, 30, 5)) & set(many[split])
    assert not set(sample_crowds(split, 30, 2**32)) & set(many[split])


def test_only_random_is_drawn_from_the_generator(only_random, many):
    for place, split in enumerate(SPLITS):
        for row in range(20):
            generator = only_random(4, place, row, factors.CROWD)
            assert factors._sample_crowd(generator, split) == many[split][row]


# --- what is refused ----------------------------------------------------------------------------


def row_of(count, step=16.0):
    return tuple(Placed(RED_STAR, 8 + step * i, 30.0, 6.0) for i in range(count))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Crowd(row_of(2)), r"3 to 5 things, got 2; .*scenes\.Scene"),
        (lambda: Crowd(row_of(6, 10.0)), "3 to 5 things, got 6"),
        (lambda: Crowd(row_of(3, 13.0)), "things 0 and 1 of the crowd touch"),
        (lambda: Placed(RED_STAR, 70.0, 3.0, 6.0), "64 × 64 canvas .* got x=70"),
        (lambda: Placed(RED_STAR, 7.0, 3.0, 0.0), "has a radius, .*radius=0"),
        (lambda: sample_crowds("new_voices", 3), "unknown split 'new_voices': .*train.*new_pairs"),
        (lambda: sample_crowds("train", -1), "got -1"),
        (lambda: sample_crowds("train", 3, seed=-1), "non-negative"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(make, message):
    with pytest.raises(ValueError, match=message):
        make()
