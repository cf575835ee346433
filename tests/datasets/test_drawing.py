"""Pictures: what they show is in the pixels, whole, apart and at its place."""

from itertools import combinations, product

import numpy as np
import pytest

from xmodal_lab.datasets.scenes import drawing
from xmodal_lab.datasets.scenes.drawing import CANVAS, RADII, RGB, TILT, draw
from xmodal_lab.datasets.scenes.factors import (
    COLOURS,
    SHAPES,
    SIZES,
    Scene,
    Thing,
    sample_scenes,
    stream,
)

NOMINAL = np.array([RGB[colour] for colour in COLOURS], dtype=float)


def alone(shape, size, colour="white"):
    return Scene((Thing(shape, colour, size),))


def nearest_colours(image):
    """Number of the nearest colour of every pixel, -1 for background."""
    pixels = image.astype(float)
    distances = np.sqrt(((pixels[None] - NOMINAL[:, :, None, None]) ** 2).sum(1))
    # The background stays below 28 + 44 + 22 levels; every colour has a channel far above.
    return np.where(pixels.max(0) > 140, distances.argmin(0), -1)


def coverages(scene, generator, size=64):
    """How much of every pixel each thing covers, drawn one by one without the others."""
    centres, radii = drawing._layout(scene, generator[4:8], generator)
    found = []
    for number, thing in enumerate(scene.things):
        tilt = TILT * (2 * generator[8 + 6 * number + 1] - 1)
        middle = (CANVAS / 2, CANVAS / 2)
        found.append(
            [
                painted(thing.shape, at, radii[number], tilt, size)
                for at in (centres[number], middle)
            ]
        )
    return found


def painted(shape, centre, radius, tilt, size):
    """A white thing on black: how much of every pixel it covers."""
    image = np.zeros((3, size, size), np.float32)
    drawing.paint(image, Thing(shape, "white", "small"), centre, radius, tilt, np.full(3, 0.5))
    return image[0] / RGB["white"][0]


# --- the same again -----------------------------------------------------------------------------


def test_a_picture_depends_on_scene_size_and_generator_alone():
    for index, scene in enumerate(sample_scenes("train", 30)):
        first = draw(scene, 32, stream(index))
        draw(scene, 48, stream(index, 1))  # what was drawn before must not matter
        np.testing.assert_array_equal(first, draw(scene, 32, stream(index)))
        assert (first != draw(scene, 32, stream(index, 2))).any()
        np.testing.assert_array_equal(draw(scene), draw(scene))


def test_only_random_is_drawn_from_the_generator(only_random):
    for index, scene in enumerate(sample_scenes("train", 30, 1)):
        np.testing.assert_array_equal(
            draw(scene, 32, only_random(index)), draw(scene, 32, stream(index))
        )


@pytest.mark.parametrize("size", [64, 128, 256])
def test_the_picture_is_the_same_at_every_size_only_sharper(size, monkeypatch):
    monkeypatch.setattr(drawing, "NOISE", 0.0)
    shares = []
    for index, scene in enumerate(sample_scenes("train", 40, 2)):
        small = draw(scene, 32, stream(index)).astype(float)
        large = draw(scene, size, stream(index)).astype(float)
        shrunk = large.reshape(3, 32, size // 32, 32, size // 32).mean((2, 4))
        difference = np.abs(small - shrunk)
        assert difference.mean() < 1
        shares.append((difference.max(0) > 25).mean())
    # Edges are straight within a pixel only at the larger size: star tips differ, nothing else.
    assert np.mean(shares) < 0.005


def test_noise_leaves_the_picture_where_it_is(monkeypatch):
    scene = sample_scenes("train", 1, 3)[0]
    noisy = draw(scene, 32, stream(0))
    monkeypatch.setattr(drawing, "NOISE", 0.0)
    clean = draw(scene, 32, stream(0)).astype(float)
    difference = noisy - clean
    assert abs(difference.mean()) < 0.5 and 2 < difference.std() < 6
    assert np.abs(difference).max() <= 10


# --- what can be seen ---------------------------------------------------------------------------


def test_things_stand_as_the_relation_says():
    for index, scene in enumerate(sample_scenes("train", 300, 4, things=2)):
        labels = nearest_colours(draw(scene, 32, stream(4, index)))
        places = []
        for thing in scene.things:
            rows, columns = np.nonzero(labels == COLOURS.index(thing.colour))
            places.append((np.median(columns), np.median(rows)))
        (x, y), (other_x, other_y) = places
        right, down = x - other_x, y - other_y
        along = right if scene.relation in ("left of", "right of") else down
        assert (along < 0) == (scene.relation in ("left of", "above")), scene
        # The other axis must not tempt: a thing 'left of' is less 'above' than 'left of'.
        assert abs(along) > abs(right + down - along), scene


def test_every_thing_has_its_own_colour():
    for index, scene in enumerate(sample_scenes("train", 300, 5)):
        labels = nearest_colours(draw(scene, 32, stream(5, index)))
        counts = np.bincount(labels[labels >= 0], minlength=len(COLOURS))
        most = set(np.argsort(counts)[::-1][: len(scene.things)])
        assert most == {COLOURS.index(thing.colour) for thing in scene.things}, scene
        assert min(counts[number] for number in most) > 15


@pytest.mark.parametrize("colour", COLOURS)
def test_plain_colours_are_exact_and_jitter_keeps_them_apart(colour):
    picture = draw(alone("square", "large", colour), 32)
    assert tuple(picture[:, 16, 16]) == RGB[colour]
    apart = [np.hypot.reduce(np.subtract(RGB[colour], RGB[o])) for o in COLOURS if o != colour]
    # Each channel is off by the jitter and the noise at most.
    assert min(apart) / 2 > drawing.COLOUR_JITTER + drawing.NOISE


@pytest.mark.parametrize(("thing_size", "size"), [*product(SIZES, (32, 64))])
def test_any_two_shapes_can_be_told_apart(thing_size, size):
    covers = {s: draw(alone(s, thing_size), size)[0] > 140 for s in SHAPES}
    for one, other in combinations(SHAPES, 2):
        union = (covers[one] | covers[other]).sum()
        assert (covers[one] ^ covers[other]).sum() > 0.12 * union, (one, other)


@pytest.mark.parametrize("shape", SHAPES)
def test_tilt_does_not_turn_one_shape_into_another(shape):
    def cover(name, share):
        return painted(name, (32.0, 32.0), 10.0, TILT * (2 * share - 1), 32) > 0.5

    upright = cover(shape, 0.5)
    for other, share in product(SHAPES, (0.0, 0.25, 0.5, 0.75, 1.0)):
        if other != shape:
            turned = cover(other, share)
            assert (upright ^ turned).sum() > 0.08 * (upright | turned).sum(), (other, share)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_large_thing_is_larger_than_every_small_one(shape):
    def area(radius):
        return painted(shape, (32.0, 32.0), radius, 0.0, 64).sum()

    assert area(RADII["large"][0]) > 1.6 * area(RADII["small"][1])
    large, small = (draw(alone(shape, size))[0] > 140 for size in ("large", "small"))
    assert large.sum() > 1.4 * small.sum()


def test_radii_stay_within_their_size():
    for index, scene in enumerate(sample_scenes("train", 200, 6)):
        generator = stream(index).random(20)
        _, radii = drawing._layout(scene, generator[4:8], generator)
        for thing, radius in zip(scene.things, radii, strict=True):
            assert RADII[thing.size][0] <= radius <= RADII[thing.size][1]


# --- whole and apart ----------------------------------------------------------------------------


def test_nothing_of_importance_is_cut_at_the_border():
    for index, scene in enumerate(sample_scenes("train", 400, 7)):
        for cover, centred in coverages(scene, stream(7, index).random(20)):
            assert cover.sum() > 0.97 * centred.sum(), scene


def test_two_things_do_not_overlap():
    for index, scene in enumerate(sample_scenes("train", 500, 8, things=2)):
        (one, _), (other, _) = coverages(scene, stream(8, index).random(20))
        assert np.minimum(one, other).sum() < 0.01 * min(one.sum(), other.sum()), scene


@pytest.mark.parametrize("throw", [0.0, 1.0 - 2**-53])
def test_the_largest_things_at_the_extremes_stay_apart_and_inside(throw):
    # All draws at one end: outermost places and strongest tilt, with the smallest or largest radii.
    for first, second in combinations(SHAPES, 2):
        for relation in ("left of", "right of", "above", "below"):
            scene = Scene((Thing(first, "red", "large"), Thing(second, "blue", "large")), relation)
            found = coverages(scene, np.full(20, throw))
            assert np.minimum(found[0][0], found[1][0]).sum() < 0.01 * found[0][0].sum()
            for cover, centred in found:
                assert cover.sum() > 0.97 * centred.sum()


def test_places_are_spread_over_the_canvas():
    middles = []
    for index in range(300):
        scene = alone("circle", "small")
        generator = stream(9, index).random(14)
        middles += drawing._layout(scene, generator[4:8], generator)[0]
    spread = np.asarray(middles)
    assert spread.min() < 14 and spread.max() > CANVAS - 14
    assert abs(spread.mean() - CANVAS / 2) < 3


# --- levels and sizes ---------------------------------------------------------------------------


def test_levels_beyond_0_and_255_are_cut_not_wrapped(monkeypatch):
    monkeypatch.setitem(drawing.RGB, "white", (400, -90, 254))
    assert tuple(draw(alone("square", "large"), 32)[:, 16, 16]) == (255, 0, 254)
    monkeypatch.setattr(drawing, "NOISE", 1000.0)
    picture = draw(alone("square", "large"), 32, stream(1))
    assert picture.dtype == np.uint8 and {0, 255} <= set(picture.ravel().tolist())


@pytest.mark.parametrize("size", [8, 9, 31, 32, 33, 100])
def test_any_size_from_8_can_be_drawn(size):
    for generator in (None, stream(3)):
        picture = draw(sample_scenes("train", 1, 3, things=2)[0], size, generator)
        assert picture.shape == (3, size, size) and picture.dtype == np.uint8
        assert picture.max() > 140 > 100 > picture.min()


@pytest.mark.parametrize("size", [7, 1, 0, -32])
def test_smaller_pictures_are_refused(size):
    with pytest.raises(ValueError, match=f"at least 8 pixels a side, got size={size}"):
        draw(alone("star", "small"), size)
