"""Where things stand: masks of exactly the pixels that belong to a thing."""

import numpy as np
import pytest

from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes import Scene, Thing

RED_STAR, BLUE_RING = Thing("star", "red", "small"), Thing("ring", "blue", "large")


def test_a_mask_holds_the_things_pixels_and_no_others():
    """The thing is white, up to jitter and noise, and what is around it is dark."""
    shown = [Scene((Thing("square", "white", "large"),))] * 20
    images = scenes.from_scenes(shown, 3, ["image"]).images
    found = scenes.masks(shown, 3)
    for image, mask in zip(images, found, strict=True):
        bright = image.min(axis=0) > 150
        assert mask[bright].all()  # nothing of the thing is missed …
        assert mask.sum() < 1.5 * bright.sum()  # … and the rim of half-covered pixels is all beside


def test_two_things_have_their_own_masks_on_their_own_sides():
    shown = [
        Scene((RED_STAR, BLUE_RING), relation) for relation in scenes.RELATIONS for _ in "12345"
    ]
    first, second = (scenes.masks(shown, 1, thing) for thing in (0, 1))
    assert (first & second).sum() < 0.02 * (first | second).sum()
    apart = scenes.centres(second) - scenes.centres(first)
    for scene, (right, down) in zip(shown, apart, strict=True):
        relation = max((abs(right), "left of" if right > 0 else "right of"),
                       (abs(down), "above" if down > 0 else "below"))[1]  # fmt: skip
        assert relation == scene.relation


@pytest.mark.parametrize("shape", scenes.SHAPES)
def test_every_shape_and_colour_has_a_mask_of_its_size(shape):
    shown = [Scene((Thing(shape, c, s),)) for c in scenes.COLOURS for s in scenes.SIZES]
    share = scenes.masks(shown, 0).mean((1, 2))
    small, large = share[::2], share[1::2]
    assert small.min() > 0.02 and large.max() < 0.35
    assert large.min() > 1.5 * small.max()


def test_centres_of_masks():
    found = np.zeros((2, 4, 4), bool)
    found[0, 0, 3] = found[1, 1:3, :] = True
    assert scenes.centres(found).tolist() == [[0.875, 0.125], [0.5, 0.5]]
    with pytest.raises(ValueError, match="mask 1 has no pixel"):
        scenes.centres(np.stack([found[0], np.zeros((4, 4), bool)]))


def test_boxes_reach_from_the_first_pixel_to_the_last_both_ways():
    found = np.random.default_rng(0).random((30, 7, 7)) < 0.08
    found[np.arange(30), 3, 4] = True
    for mask, box in zip(found, scenes.boxes(found), strict=True):
        lines, columns = np.nonzero(mask)
        wanted = np.zeros((7, 7), bool)
        wanted[lines.min() : lines.max() + 1, columns.min() : columns.max() + 1] = True
        assert (box == wanted).all()
    with pytest.raises(ValueError, match="mask 0 has no pixel"):
        scenes.boxes(np.zeros((1, 4, 4), bool))


@pytest.mark.parametrize("thing", [1, -1])
def test_a_thing_that_is_not_there(thing):
    with pytest.raises(ValueError, match=f"not every scene has a thing number {thing}"):
        scenes.masks([Scene((RED_STAR,))], 0, thing)
