"""Captions that are right, and captions that are wrong but no less likely."""

from collections import Counter

import pytest

from xmodal_lab.datasets.crowds import (
    WORDS,
    captions,
    encode_caption,
    sample_crowds,
    wrong_captions,
)
from xmodal_lab.datasets.scenes import HELD_OUT_PAIRS, Thing

CROWDS = sample_crowds("train", 300, 3) + sample_crowds("new_pairs", 100, 3)


def told(caption):
    """The things a caption names, read by splitting at commas."""
    found = Counter()
    for phrase in caption.split(", "):
        _, size, colour, shape = phrase.split()
        found[Thing(shape, colour, "large" if size == "big" else "small")] += 1
    return found


def test_a_caption_names_every_thing_in_any_order():
    orders = set()
    for crowd, caption in zip(CROWDS, captions(CROWDS), strict=True):
        assert told(caption) == Counter(crowd.things)
        orders.add(tuple(told(caption)) == tuple(Counter(crowd.things)))
    assert orders == {True, False}


def test_a_wrong_caption_differs_in_one_attribute_of_one_or_two_things():
    changed = Counter()
    for crowd, caption in zip(CROWDS, wrong_captions(CROWDS), strict=True):
        right, wrong = Counter(crowd.things), told(caption)
        assert right != wrong and wrong.total() == right.total()
        differs = [
            attribute
            for attribute in ("colour", "shape", "size")
            if Counter(getattr(t, attribute) for t in wrong.elements())
            != Counter(getattr(t, attribute) for t in right.elements())
        ]
        assert differs in ([], ["size"])  # colours and shapes are exchanged, sizes turned
        changed[bool(differs)] += 1
        assert (wrong - right).total() == (1 if differs else 2)
    assert 0.25 < changed[True] / len(CROWDS) < 0.7


def test_held_out_pairs_do_not_tell_a_wrong_caption():
    for crowd, caption in zip(CROWDS, wrong_captions(CROWDS), strict=True):
        new = {t.pair for t in told(caption)} - {t.pair for t in crowd.things}
        assert not new & HELD_OUT_PAIRS


@pytest.mark.parametrize("make", [captions, wrong_captions])
def test_rows_depend_on_seed_row_and_crowd(make):
    assert make(CROWDS[:40], 1) == make(CROWDS, 1)[:40] != make(CROWDS[:40], 2)


def test_captions_have_the_words_of_the_questions():
    text = captions(CROWDS)[0]
    assert [WORDS[number - 1] for number in encode_caption(text)] == text.replace(",", "").split()
    with pytest.raises(ValueError, match="unknown word 'huge'"):
        encode_caption("a huge red star")
