"""Minimal pairs differ by one swap alone; probes and prompts name what they say they name."""

from collections import Counter

import numpy as np
import pytest

from xmodal_lab.datasets.scenes import drawing
from xmodal_lab.datasets.scenes.factors import (
    HELD_OUT_PAIRS,
    INVERSE,
    SPLITS,
    SWAPS,
    Scene,
    all_things,
    split_of,
    swapped,
)
from xmodal_lab.datasets.scenes.galleries import CLASSES, minimal_pairs, probe, prompts
from xmodal_lab.datasets.scenes.language import (
    COLOUR_WORDS,
    MEANING,
    SHAPE_WORDS,
    SIZE_WORDS,
    parse,
    split_units,
)

WORDS_OF = {"colour": COLOUR_WORDS, "shape": SHAPE_WORDS, "size": SIZE_WORDS}
COUNT = 40


@pytest.fixture(scope="module", params=SWAPS)
def pairs(request):
    return minimal_pairs(request.param, "test", COUNT, 3)


# --- minimal pairs ------------------------------------------------------------------------------


def test_foils_are_the_scenes_with_one_attribute_swapped(pairs):
    assert len(pairs) == len(pairs.true) == len(pairs.foil) == COUNT
    for scene, foil in zip(pairs.true.scenes, pairs.foil.scenes, strict=True):
        assert foil == swapped(scene, pairs.attribute) and foil.key != scene.key
        assert split_of(scene) == "test" and split_of(foil) != "new_pairs"
        if pairs.attribute == "relation":
            assert foil.relation == INVERSE[scene.relation] and foil.things == scene.things


@pytest.mark.parametrize("texts", ["captions", "transcripts"])
def test_true_and_foil_texts_hold_the_same_words_and_tell_their_scene(pairs, texts):
    both = (getattr(pairs.true, texts), getattr(pairs.foil, texts))
    for row, (text, foil) in enumerate(zip(*both, strict=True)):
        assert parse(text).key == pairs.true.scenes[row].key
        assert parse(foil).key == pairs.foil.scenes[row].key
        before, after = split_units(text), split_units(foil)
        changed = [i for i, (b, a) in enumerate(zip(before, after, strict=True)) if b != a]
        if pairs.attribute == "relation":
            assert [INVERSE[MEANING["relation"][before[i]]] for i in changed] == [
                MEANING["relation"][after[i]] for i in changed
            ]
            assert len(changed) == 1
        else:
            assert Counter(text.split()) == Counter(foil.split())
            assert len(changed) == 2
            assert all(before[i] in MEANING[pairs.attribute] for i in changed)


def test_true_and_foil_are_spoken_by_one_voice_at_one_rate(pairs):
    assert pairs.true.voices == pairs.foil.voices
    for row in range(COUNT):
        lengths = len(pairs.true.waveforms[row]), len(pairs.foil.waveforms[row])
        # The same words, rate and pauses: only another relation phrase takes another time.
        if pairs.attribute != "relation":
            assert abs(lengths[0] - lengths[1]) <= 2


def test_first_and_second_thing_come_first_in_both_texts_alike(pairs):
    for row in range(COUNT):
        flipped = [
            parse(data.captions[row]) != data.scenes[row] for data in (pairs.true, pairs.foil)
        ]
        assert flipped[0] == flipped[1]


@pytest.mark.parametrize("attribute", ["colour", "shape"])
def test_pictures_differ_only_where_the_things_are(attribute, monkeypatch):
    monkeypatch.setattr(drawing, "NOISE", 0.0)
    clean = minimal_pairs(attribute, "test", COUNT, 3, modalities=["image"])
    monkeypatch.undo()
    noisy = minimal_pairs(attribute, "test", COUNT, 3, modalities=["image"])
    for row in range(COUNT):
        differs = (clean.true.images[row] != clean.foil.images[row]).any(0)
        # Two of the largest things cover less than two fifths of the picture.
        assert 0.02 < differs.mean() < 0.4
        elsewhere = [data.images[row][:, ~differs].astype(int) for data in (noisy.true, noisy.foil)]
        # Background and noise are the same, but for rounding at the rim of a thing.
        assert np.abs(elsewhere[0] - elsewhere[1]).max() <= 1
        assert (elsewhere[0] != elsewhere[1]).mean() < 0.01


def test_swapped_colours_leave_every_edge_where_it_was(monkeypatch):
    monkeypatch.setattr(drawing, "NOISE", 0.0)
    monkeypatch.setattr(drawing, "COLOUR_JITTER", 0.0)
    pairs = minimal_pairs("colour", "test", COUNT, 3, modalities=["image"])
    for row in range(COUNT):
        true, foil = pairs.true.images[row].max(0) > 130, pairs.foil.images[row].max(0) > 130
        # Bright colours reach the threshold a little further out on a soft edge.
        assert (true ^ foil).sum() <= 0.25 * (true | foil).sum()


def test_more_pairs_start_with_the_fewer_ones_and_seeds_differ():
    many = minimal_pairs("colour", "test", 20, 5)
    few = minimal_pairs("colour", "test", 7, 5)
    assert many.true.scenes[:7] == few.true.scenes and many.foil.captions[:7] == few.foil.captions
    np.testing.assert_array_equal(many.true.images[:7], few.true.images)
    assert minimal_pairs("colour", "test", 20, 6, ["text"]).true.scenes != many.true.scenes


@pytest.mark.parametrize("attribute", SWAPS)
@pytest.mark.parametrize("split", SPLITS[:-1])
def test_every_split_has_pairs_and_no_foil_brings_in_a_held_out_pair(split, attribute):
    pairs = minimal_pairs(attribute, split, 15, 1, modalities=["text"])
    assert len(pairs) == 15
    for scene, foil in zip(pairs.true.scenes, pairs.foil.scenes, strict=True):
        brought_in = {t.pair for t in foil.things} - {t.pair for t in scene.things}
        assert not brought_in & HELD_OUT_PAIRS


def test_only_the_modalities_asked_for_are_made():
    pairs = minimal_pairs("size", "test", 3, modalities=["image"])
    assert pairs.true.modalities == pairs.foil.modalities == ("image",)
    assert len(minimal_pairs("size", "test", 0)) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("hue", "test", 3), "unknown attribute 'hue': .*colour, shape, size, relation"),
        (("hue", "test", 0), "unknown attribute 'hue'"),
        (("size", "test", -1), "count must be ≥ 0, got -1"),
        (("size", "natural", 3), "unknown split 'natural'"),
    ],
)
def test_wrong_questions_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        minimal_pairs(*arguments)


# --- probes and prompts -------------------------------------------------------------------------


@pytest.mark.parametrize(("held_out", "things"), [(False, 104), (True, 24)])
def test_a_probe_shows_everything_as_often_and_labels_it_right(held_out, things):
    asked = probe(3, seed=2, held_out=held_out, modalities=["text", "image"])
    assert len(asked.data) == 3 * things
    shown = Counter(scene.things for scene in asked.data.scenes)
    assert set(shown.values()) == {3} and len(shown) == things
    assert {thing for (thing,) in shown} == set(all_things(held_out))
    for attribute, classes in CLASSES.items():
        for row, label in enumerate(asked.labels[attribute]):
            (thing,) = asked.data.scenes[row].things
            (read,) = parse(asked.data.captions[row]).things
            assert classes[label] == getattr(thing, attribute) == getattr(read, attribute)
    # Repeats are drawn anew, not copied.
    assert len({image.tobytes() for image in asked.data.images}) == len(asked.data)


def test_probes_of_one_seed_are_the_same_and_of_two_seeds_are_not():
    one, again, other = (probe(1, seed, True, ["image"]).data.images for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


@pytest.mark.parametrize("attribute", CLASSES)
def test_prompts_name_their_class_and_no_other(attribute):
    table = prompts(attribute)
    assert len(table) == len(CLASSES[attribute])
    others = len(all_things()) // len(CLASSES[attribute])
    for name, texts in zip(CLASSES[attribute], table, strict=True):
        words = WORDS_OF[attribute][name]
        assert len(texts) == len(set(texts)) == others * len(words)
        for text in texts:
            scene = parse(text)
            assert len(scene.things) == 1 and getattr(scene.things[0], attribute) == name
        for word in words:
            named = {parse(t) for t in texts if word in t.split()}
            assert named == {Scene((t,)) for t in all_things() if getattr(t, attribute) == name}


def test_prompts_for_what_is_no_class_are_refused():
    with pytest.raises(ValueError, match=r"unknown attribute 'relation': .*colour, shape, size"):
        prompts("relation")
