"""Captions: what is said can be read back, and every word of the grammar is used."""

from collections import Counter

import pytest

from xmodal_lab.datasets.scenes import language
from xmodal_lab.datasets.scenes.factors import (
    INVERSE,
    SPLITS,
    SWAPS,
    Scene,
    Thing,
    sample_scenes,
    stream,
    swapped,
)
from xmodal_lab.datasets.scenes.language import (
    COLOUR_WORDS,
    MEANING,
    RELATION_PHRASES,
    SHAPE_WORDS,
    SIZE_WORDS,
    UNITS,
    WORD_IDS,
    WORDS,
    describe,
    encode,
    parse,
    split_units,
    swap_words,
)

CAPTION = "a tiny red box to the left of a huge blue star"


def captions(count, seed=0, split="train", things=None):
    return [
        (scene, describe(scene, stream(seed, 99, index)))
        for index, scene in enumerate(sample_scenes(split, count, seed, things))
    ]


# --- describe and parse -------------------------------------------------------------------------


@pytest.mark.parametrize("split", SPLITS[:-1])
def test_a_caption_read_back_means_its_scene(split):
    for scene, caption in captions(80, 1, split):
        assert parse(caption).key == scene.key
        assert parse(f"  {caption.upper()}. ").key == scene.key
        # What was mentioned first stands first.
        assert parse(caption) in (scene, scene.flipped())


def test_half_of_the_captions_start_with_the_second_thing():
    told = captions(600, 2, things=2)
    assert sum(parse(caption) != scene for scene, caption in told) / 600 == pytest.approx(
        0.5, abs=0.07
    )


def test_flip_decides_what_comes_first():
    for index, scene in enumerate(sample_scenes("train", 60, 3, things=2)):
        for generator in (None, stream(index)):
            assert parse(describe(scene, generator, flip=False)) == scene
            assert parse(describe(scene, generator, flip=True)) == scene.flipped()


def test_without_a_generator_the_plainest_words_are_said():
    scene = Scene((Thing("star", "red", "small"), Thing("moon", "green", "large")), "left of")
    assert describe(scene) == "a small red star left of a large green moon"
    assert describe(Scene(scene.things[:1])) == "a small red star"


def test_every_word_of_the_grammar_is_said_and_no_other():
    tables = (COLOUR_WORDS, SHAPE_WORDS, SIZE_WORDS, RELATION_PHRASES)
    assert [sum(map(len, table.values())) for table in tables] == [17, 12, 6, 8]
    said = Counter(unit for _, caption in captions(1000, 4) for unit in split_units(caption))
    assert said.keys() == set(UNITS) and len(UNITS) == 1 + 17 + 12 + 6 + 8
    # Synonyms are as likely as one another.
    for table in tables:
        for words in table.values():
            counts = [said[word] for word in words]
            assert min(counts) > 0.6 * max(counts), words


def test_no_word_has_two_meanings():
    meanings = [unit for table in MEANING.values() for unit in table]
    assert len(meanings) == len(set(meanings))


def test_a_scene_of_two_things_has_144_to_864_captions():
    def captions_of(colour, shape, other_colour, other_shape):
        one, other = Thing(shape, colour, "small"), Thing(other_shape, other_colour, "large")
        scene = Scene((one, other), "above")
        return len({describe(scene, stream(5, i)) for i in range(6000)})

    assert captions_of("green", "star", "blue", "ring") == 144
    assert captions_of("red", "circle", "blue", "square") == pytest.approx(864, abs=12)


def test_only_random_is_drawn_from_the_generator(only_random):
    for index, scene in enumerate(sample_scenes("train", 100, 6)):
        assert describe(scene, only_random(index)) == describe(scene, stream(index))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a red small star", "'red' is no size word"),
        ("a small red", "expected 'a size colour shape'"),
        ("a small red star above", "expected 'a size colour shape'"),
        ("a small red star a large blue moon", "expected 'a size colour shape'"),
        ("a small red above", "'above' is no shape word"),
        ("a small red star big a large blue moon", "'big' is no relation word"),
        ("a small red star above a large scarlet moon", "differ in shape and in colour"),
        ("", "empty text"),
        (" . ", "empty text"),
    ],
)
def test_what_is_no_caption_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)


# --- words, units, numbers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("trianlge", "triangle"),
        ("yelow", "yellow"),
        ("crimsen", "crimson"),
        ("stars", "star"),
        ("turquois", "turquoise"),
    ],
)
@pytest.mark.parametrize("read", [encode, split_units, parse, lambda t: swap_words(t, "colour")])
def test_an_unknown_word_is_answered_with_its_nearest(read, wrong, near):
    with pytest.raises(ValueError, match=rf"unknown word '{wrong}': did you mean '{near}'"):
        read(f"a small red {wrong}")


def test_all_unknown_words_are_named_and_far_ones_get_examples():
    with pytest.raises(ValueError, match=r"'zzz'.*such as red.*; .*'sqare': did you mean 'square'"):
        encode("a zzz sqare zzz")


def test_units_are_cut_longest_first():
    first, last = ["a", "tiny", "red", "box"], ["a", "huge", "blue", "star"]
    assert split_units(CAPTION) == [*first, "to the left of", *last]
    assert split_units("left of to the left of above") == ["left of", "to the left of", "above"]
    for unit in UNITS:
        assert split_units(unit) == [unit]


def test_units_joined_give_the_caption_back():
    for _, caption in captions(200, 7):
        assert " ".join(split_units(caption)) == caption


@pytest.mark.parametrize("text", ["left", "to the ring", "of", "to the left"])
def test_parts_of_a_phrase_are_no_units(text):
    with pytest.raises(ValueError, match="only spoken as part of"):
        split_units(text)


def test_word_ids_are_unique_and_leave_0_for_padding():
    assert sorted(WORD_IDS.values()) == list(range(1, len(WORDS) + 1))
    assert [WORD_IDS[word] for word in WORDS] == list(range(1, len(WORDS) + 1))
    assert tuple(sorted(set(" ".join(UNITS).split()))) == WORDS
    for _, caption in captions(100, 8):
        numbers = encode(caption)
        assert min(numbers) >= 1
        assert " ".join(WORDS[number - 1] for number in numbers) == caption


# --- swapped words ------------------------------------------------------------------------------


@pytest.mark.parametrize("attribute", SWAPS)
def test_swapped_words_tell_the_swapped_scene(attribute):
    for scene, caption in captions(100, 9, things=2):
        foil = swap_words(caption, attribute)
        assert parse(foil).key == swapped(scene, attribute).key
        assert swap_words(foil, attribute) == caption
        if attribute == "relation":
            before, after = split_units(caption), split_units(foil)
            changed = [(b, a) for b, a in zip(before, after, strict=True) if b != a]
            assert len(changed) == 1
            meant = MEANING["relation"]
            assert meant[changed[0][1]] == INVERSE[meant[changed[0][0]]]
        else:
            assert sorted(foil.split()) == sorted(caption.split())


@pytest.mark.parametrize("attribute", SWAPS)
def test_one_thing_has_nothing_to_swap(attribute):
    with pytest.raises(ValueError, match=f"no {attribute} to swap"):
        swap_words("a small red star", attribute)


def test_unknown_attributes_are_refused():
    with pytest.raises(
        ValueError, match=r"unknown attribute 'hue': .*colour, shape, size, relation"
    ):
        swap_words(CAPTION, "hue")


def test_the_example_of_the_docstring_is_true():
    text, foil = "a tiny red box over a huge blue star", "a tiny blue box over a huge red star"
    assert text in language.swap_words.__doc__ and swap_words(text, "colour") == foil
