"""Which scenes exist, and that nothing held out leaks into training."""

import dataclasses
from collections import Counter
from itertools import product

import pytest

from xmodal_lab.datasets.scenes import factors
from xmodal_lab.datasets.scenes.factors import (
    COLOURS,
    HELD_OUT_PAIRS,
    HELD_OUT_VOICES,
    RELATIONS,
    SHAPES,
    SPLITS,
    SWAPS,
    TRAIN_VOICES,
    VOICE_COUNT,
    Scene,
    Thing,
    all_things,
    sample_scenes,
    split_of,
    stream,
    swapped,
)

SAMPLED = SPLITS[:-1]
SEEN = ("train", "val", "test")
RED_STAR, BLUE_BOX = Thing("star", "red", "small"), Thing("square", "blue", "large")


def pairs_of(scenes):
    return Counter(thing.pair for scene in scenes for thing in scene.things)


# --- splits -------------------------------------------------------------------------------------


def test_no_two_thing_scene_is_in_two_splits():
    keys = {
        split: {scene.key for seed in range(3) for scene in sample_scenes(split, 200, seed, 2)}
        for split in ("train", "val", "test", "new_pairs")
    }
    for one, other in product(keys, keys):
        assert one == other or not keys[one] & keys[other], (one, other)


def test_a_scene_told_from_its_other_thing_stays_in_its_split():
    for scene in sample_scenes("train", 300, 5, 2) + sample_scenes("test", 300, 5, 2):
        assert split_of(scene.flipped()) == split_of(scene)


def test_splits_share_all_two_thing_scenes_80_to_10_to_10():
    # Every meaning there is, once: 'left of' and 'above' stand for their inverses too.
    homes, seen = Counter(), set()
    for first, second in product(all_things(), repeat=2):
        if first.shape == second.shape or first.colour == second.colour:
            continue
        for relation in ("left of", "above"):
            scene = Scene((first, second), relation)
            seen.add(scene.key)
            homes[split_of(scene)] += 1
    assert sum(homes.values()) == len(seen) == 2 * (8 * 8 * 2) * (7 * 7 * 2)
    kept = sum(homes[split] for split in SEEN)
    for split, share in zip(SEEN, (0.8, 0.1, 0.1), strict=True):
        assert homes[split] / kept == pytest.approx(share, abs=0.01)
    with_held_out = {k for k in seen if {(k[1][1], k[1][2]), (k[2][1], k[2][2])} & HELD_OUT_PAIRS}
    assert homes["new_pairs"] == len(with_held_out)


@pytest.mark.parametrize("things", [None, 1, 2])
@pytest.mark.parametrize("split", [*SEEN, "new_voices"])
def test_held_out_pairs_are_never_seen(split, things):
    assert not HELD_OUT_PAIRS & pairs_of(sample_scenes(split, 400, 1, things)).keys()


@pytest.mark.parametrize("things", [None, 1, 2])
def test_every_scene_of_new_pairs_has_a_held_out_pair_and_every_such_pair_occurs(things):
    scenes = sample_scenes("new_pairs", 300, 2, things)
    assert all(HELD_OUT_PAIRS & pairs_of([scene]).keys() for scene in scenes)
    assert pairs_of(scenes).keys() >= HELD_OUT_PAIRS


def test_twelve_pairs_are_held_out_and_none_of_their_parts():
    assert len(HELD_OUT_PAIRS) == 12
    seen = pairs_of(sample_scenes("train", 800, 0)).keys()
    assert seen == set(product(COLOURS, SHAPES)) - HELD_OUT_PAIRS
    for place, names in ((0, COLOURS), (1, SHAPES)):
        assert set(Counter(pair[place] for pair in HELD_OUT_PAIRS).values()) <= {1, 2}
        assert {pair[place] for pair in HELD_OUT_PAIRS} == set(names)


def test_new_voices_tell_test_scenes():
    scenes = sample_scenes("new_voices", 200, 3, 2)
    assert {split_of(scene) for scene in scenes} == {"test"}
    # Drawn anew: otherwise the test split could not be told apart from it.
    assert scenes != sample_scenes("test", 200, 3, 2)


def test_voices_are_for_training_or_held_out_never_both():
    assert len(HELD_OUT_VOICES) == 4
    assert sorted(TRAIN_VOICES + HELD_OUT_VOICES) == list(range(VOICE_COUNT))


# --- sampling -----------------------------------------------------------------------------------


@pytest.mark.parametrize("things", [None, 1, 2])
@pytest.mark.parametrize("split", SAMPLED)
def test_a_longer_sample_starts_with_the_shorter_one(split, things):
    longer = sample_scenes(split, 60, 9, things)
    for count in (0, 1, 23):
        assert sample_scenes(split, count, 9, things) == longer[:count]


@pytest.mark.parametrize("split", SAMPLED)
def test_seeds_and_splits_give_other_scenes(split):
    drawn = [sample_scenes(split, 40, seed, 2) for seed in (0, 1, 2**32)]
    drawn += [sample_scenes(other, 40, 0, 2) for other in SAMPLED if other != split]
    for i, one in enumerate(drawn):
        for other in drawn[:i]:
            # By chance two lists may share a meaning at one place, not at many.
            assert sum(a.key == b.key for a, b in zip(one, other, strict=True)) <= 3


def test_number_of_things():
    assert all(len(scene.things) == 1 for scene in sample_scenes("train", 50, things=1))
    assert all(len(scene.things) == 2 for scene in sample_scenes("train", 50, things=2))
    share = sum(len(scene.things) == 1 for scene in sample_scenes("train", 1000)) / 1000
    assert share == pytest.approx(0.25, abs=0.05)


def test_every_shape_colour_size_and_relation_is_about_as_common():
    scenes = sample_scenes("train", 1500, 4, 2)
    relations = Counter(scene.relation for scene in scenes)
    assert all(relations[name] / 1500 == pytest.approx(1 / 4, abs=0.04) for name in RELATIONS)
    for attribute, values in (("shape", SHAPES), ("colour", COLOURS), ("size", factors.SIZES)):
        found = Counter(getattr(thing, attribute) for scene in scenes for thing in scene.things)
        assert found.keys() == set(values)
        assert min(found.values()) > 0.7 * max(found.values()), attribute


def test_only_random_is_drawn_from_the_generator(only_random):
    for split in SAMPLED:
        for index, scene in enumerate(sample_scenes(split, 30, 0)):
            generator = only_random(0, SPLITS.index(split), index, 0)
            assert factors._sample_scene(generator, split, None) == scene


def test_streams_depend_on_every_number():
    first = {stream(*n).random() for n in product((0, 1, 2**32), (0, 5), (0, 7, 10**6), (0, 4))}
    assert len(first) == 3 * 2 * 3 * 2
    assert stream(1, 2, 3).random() == stream(1, 2, 3).random()


# --- scenes -------------------------------------------------------------------------------------


def test_telling_a_scene_from_its_other_thing_keeps_its_meaning():
    for scene in sample_scenes("train", 200, 6):
        assert scene.flipped().key == scene.key
        assert scene.flipped().flipped() == scene
        assert (scene.flipped() == scene) == (len(scene.things) == 1)


def test_the_key_tells_different_meanings_apart():
    scenes = {
        Scene((one, two), relation)
        for one, two in product(all_things(), repeat=2)
        for relation in RELATIONS
        if one.shape in ("star", "moon") and two.shape == "heart" and one.colour != two.colour
    }
    assert len({scene.key for scene in scenes}) == len(scenes)
    assert len({Scene((thing,)).key for thing in all_things()}) == 128


@pytest.mark.parametrize("attribute", SWAPS)
def test_swapping_twice_gives_the_scene_back_and_once_moves_one_attribute(attribute):
    for scene in sample_scenes("train", 200, 7, 2):
        foil = swapped(scene, attribute)
        assert swapped(foil, attribute) == scene
        for name in ("shape", "colour", "size"):
            mine = [getattr(thing, name) for thing in scene.things]
            theirs = [getattr(thing, name) for thing in foil.things]
            assert theirs == (mine[::-1] if name == attribute else mine)
        if attribute == "relation":
            assert (
                foil.key != scene.key and foil.key == Scene(scene.things[::-1], scene.relation).key
            )
        else:
            assert foil.relation == scene.relation


def test_there_are_128_things_104_of_them_seen():
    assert [len(set(all_things(which))) for which in (None, False, True)] == [128, 104, 24]
    assert set(all_things()) == set(all_things(True)) | set(all_things(False))


def test_scenes_are_frozen_and_hashable():
    scene = Scene((RED_STAR, BLUE_BOX), "above")
    assert hash(scene) == hash(Scene((RED_STAR, BLUE_BOX), "above"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        scene.relation = "below"


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Thing("sphere", "red", "small"), r"unknown shape 'sphere': .*circle.*moon"),
        (lambda: Thing("star", "pink", "small"), r"unknown colour 'pink': .*red.*white"),
        (lambda: Thing("star", "red", "tiny"), r"unknown size 'tiny': .*small, large"),
        (lambda: Scene(()), "one or two things, got 0"),
        (lambda: Scene((RED_STAR, BLUE_BOX, RED_STAR), "above"), "one or two things, got 3"),
        (lambda: Scene((RED_STAR,), "above"), "no relation, got 'above'"),
        (lambda: Scene((RED_STAR, BLUE_BOX), "beside"), "unknown relation 'beside': .*left of"),
        (lambda: Scene((RED_STAR, BLUE_BOX)), "unknown relation None"),
        (lambda: Scene((RED_STAR, Thing("ring", "red", "small")), "above"), "shape and in colour"),
        (lambda: Scene((RED_STAR, Thing("star", "blue", "small")), "above"), "shape and in colour"),
        (lambda: sample_scenes("dev", 3), "unknown split 'dev': .*train.*new_voices"),
        (lambda: sample_scenes("natural", 3), "unknown split 'natural'"),
        (lambda: sample_scenes("train", -1), "got -1"),
        (lambda: sample_scenes("train", 3, things=3), "got 3 and 3"),
        (lambda: sample_scenes("train", 3, seed=-1), "non-negative"),
        (lambda: swapped(Scene((RED_STAR,)), "colour"), "nothing to swap with"),
        (lambda: swapped(Scene((RED_STAR, BLUE_BOX), "above"), "hue"), "unknown attribute 'hue'"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(make, message):
    with pytest.raises(ValueError, match=message):
        make()
