"""Pictures of crowds, and that boxes and masks are where things were painted."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from xmodal_lab.datasets.crowds import Crowd, boxes, draw, masks, sample_crowds
from xmodal_lab.datasets.crowds.drawing import BELONGS
from xmodal_lab.datasets.scenes import COLOURS, RGB, stream

CROWDS = sample_crowds("train", 40, 6) + sample_crowds("new_pairs", 40, 6)


def share_painted(crowd, number, size=64):
    """How much of each pixel a thing covers: by painting it twice, in two colours.

    On one channel the two pictures differ by the share times the colours' difference.
    """
    pictures = []
    for colour in ("white", "blue"):
        placed = list(crowd.placed)
        thing = replace(placed[number].thing, colour=colour)
        placed[number] = replace(placed[number], thing=thing)
        pictures.append(draw(Crowd(tuple(placed)), size)[0].astype(float))
    return (pictures[0] - pictures[1]) / (RGB["white"][0] - RGB["blue"][0])


@pytest.mark.parametrize("size", [64, 40, 96])
def test_a_mask_holds_the_pixels_of_which_a_tenth_is_painted(size):
    for crowd in CROWDS[::4]:
        found = masks(crowd, size)
        assert not found[len(crowd.placed) :].any()
        for number in range(len(crowd.placed)):
            share = share_painted(crowd, number, size)
            clear = np.abs(share - BELONGS) > 0.01  # levels are rounded: 1 in 192
            assert (found[number] == (share > BELONGS))[clear].all()


def test_boxes_are_the_extents_of_what_is_painted():
    for crowd in CROWDS:
        found = boxes(crowd)
        assert np.isnan(found[len(crowd.placed) :]).all()
        for number in range(len(crowd.placed)):
            share = share_painted(crowd, number)
            outer, inner = (
                [axis.nonzero()[0][[0, -1]] for axis in (there.any(axis=0), there.any(axis=1))]
                for there in (share > BELONGS - 0.01, share > BELONGS + 0.01)
            )
            (x0, x1), (y0, y1) = outer
            low = np.array([x0, y0, x1 + 1, y1 + 1])
            (x0, x1), (y0, y1) = inner
            high = np.array([x0, y0, x1 + 1, y1 + 1])
            # Where a pixel is just about a tenth covered, both are right.
            assert ((found[number] == low) | (found[number] == high)).all()


def test_no_two_things_touch_and_none_is_cut_off():
    for crowd in CROWDS:
        found = masks(crowd)
        # One pixel further in all directions still meets no other thing.
        wider = np.zeros_like(found)
        for right, down in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
            wider |= np.roll(found, (down, right), (1, 2))
        for one, other in combinations(range(len(crowd.placed)), 2):
            assert not (wider[one] & found[other]).any()
        x0, y0, x1, y1 = boxes(crowd)[: len(crowd.placed)].T
        size = np.minimum(x1 - x0, y1 - y0)
        assert size.min() >= 7 and max(x1.max(), y1.max()) <= 64


def test_every_thing_shows_its_colour():
    for row, crowd in enumerate(CROWDS):
        image = draw(crowd, generator=stream(row)).astype(float)
        for mask, thing in zip(masks(crowd), crowd.things, strict=False):
            inside = np.median(image[:, mask], axis=1)
            nearest = min(COLOURS, key=lambda c: np.linalg.norm(inside - RGB[c]))
            assert nearest == thing.colour


def test_large_things_are_larger_than_small_ones():
    areas = {"small": [], "large": []}
    for crowd in CROWDS:
        for box, thing in zip(boxes(crowd), crowd.things, strict=False):
            areas[thing.size].append(max(box[2] - box[0], box[3] - box[1]))
    assert max(areas["small"]) < min(areas["large"]) + 1


def test_the_generator_changes_light_and_noise_but_no_place():
    crowd = CROWDS[0]
    one, other = (draw(crowd, generator=stream(seed)).astype(int) for seed in (1, 2))
    assert (one != other).mean() > 0.5
    np.testing.assert_array_equal(one, draw(crowd, generator=stream(1)))
    np.testing.assert_array_equal(draw(crowd), draw(crowd))


def test_only_random_is_drawn_from_the_generator(only_random):
    np.testing.assert_array_equal(
        draw(CROWDS[0], generator=only_random(3)), draw(CROWDS[0], generator=stream(3))
    )


def test_a_picture_too_small_to_draw():
    with pytest.raises(ValueError, match="at least 8 pixels a side, got size=7"):
        draw(CROWDS[0], 7)
