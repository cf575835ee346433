"""Foils: near copies that mean something else, and give away nothing that a test will ask."""

from collections import Counter

import numpy as np
import pytest

from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes.factors import HELD_OUT_PAIRS
from xmodal_lab.datasets.scenes.foils import foil_captions, twins
from xmodal_lab.datasets.scenes.language import split_words

ATTRIBUTES = ("relation", "colour", "shape")


@pytest.fixture(scope="module")
def data():
    return scenes.load("train", 300, seed=5, modalities=["text"])


def test_a_foil_means_something_else_and_something_of_the_train_split(data):
    for scene, caption in zip(data.scenes, foil_captions(data), strict=True):
        foil = scenes.parse(caption)
        assert foil.key != scene.key and scenes.split_of(foil) == "train"
        assert not {thing.pair for thing in foil.things} & HELD_OUT_PAIRS


@pytest.mark.parametrize("attribute", scenes.SWAPS)
def test_most_foils_of_two_things_are_the_swap_asked_for(data, attribute):
    same_words = ("colour", "shape", "size")
    swapped = 0
    captions = foil_captions(data, attributes=[attribute])
    for scene, own, caption in zip(data.scenes, data.captions, captions, strict=True):
        if scene.relation and scenes.parse(caption).key == scenes.swapped(scene, attribute).key:
            swapped += 1
            if attribute in same_words:
                assert Counter(split_words(own)) == Counter(split_words(caption))
    # A swap of sizes does nothing to two things of one size; others may leave the train split.
    least = {"size": 0.25, "relation": 0.7}.get(attribute, 0.35)
    assert swapped > least * (data.thing_counts == 2).sum()


def test_the_rest_differ_by_one_word(data):
    single = data.select(np.flatnonzero(data.thing_counts == 1))
    assert len(single) > 30
    replaced = Counter()
    for own, caption in zip(single.captions, foil_captions(single), strict=True):
        words = zip(split_words(own), split_words(caption), strict=True)
        changed = [i for i, (old, new) in enumerate(words) if old != new]
        assert len(changed) == 1
        replaced[changed[0]] += 1
    # 'a', size, colour, shape
    assert set(replaced) == {2, 3}


def test_foils_follow_their_seed_and_their_row(data):
    assert foil_captions(data, 1) == foil_captions(data, 1) != foil_captions(data, 2)
    assert foil_captions(data.select(range(50)), 1) == foil_captions(data, 1)[:50]


def test_all_attributes_are_drawn(data):
    drawn = Counter()
    for scene, caption in zip(data.scenes, foil_captions(data), strict=True):
        if scene.relation:
            foil = scenes.parse(caption).key
            drawn.update(a for a in ATTRIBUTES if scenes.swapped(scene, a).key == foil)
    assert min(drawn[a] for a in ATTRIBUTES) > 30


def test_twins_are_pairs_of_their_own(data):
    few = data.select(range(20))
    found = twins(few, seed=3, modalities=["text", "image"])
    assert found.modalities == ("text", "image") and len(found) == 20
    for scene, twin, caption in zip(few.scenes, found.scenes, found.captions, strict=True):
        assert twin.key != scene.key and scenes.split_of(twin) == "train"
        assert scenes.parse(caption).key == twin.key
        assert len(twin.things) == len(scene.things)


@pytest.mark.parametrize("wrong", [[], ["place"], ["relation", "hue"]])
def test_attributes_must_be_known(data, wrong):
    with pytest.raises(ValueError, match="expected attributes out of colour, shape, size"):
        foil_captions(data, attributes=wrong)
    with pytest.raises(ValueError, match="expected attributes out of colour, shape, size"):
        twins(data, attributes=wrong)


def test_foils_need_captions():
    pictures = scenes.load("train", 5, modalities=["image"])
    with pytest.raises(ValueError, match="load it with 'text'"):
        foil_captions(pictures)
