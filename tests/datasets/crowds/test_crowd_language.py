"""The 80 questions: how they are worded, read and refused."""

import pytest

from xmodal_lab.datasets.crowds import ANSWERS, ANSWERS_OF, KINDS, WORD_IDS, WORDS, encode, parse
from xmodal_lab.datasets.crowds.language import ASKED, MEANS


def test_eighty_questions_of_five_kinds_each_read_back():
    assert len(ASKED) == 80 and {asked.kind for asked in ASKED.values()} == set(KINDS)
    for asked in ASKED.values():
        assert parse(asked.text) == asked and asked.text.endswith("?")


def test_the_vocabulary_is_small_and_every_word_of_it_is_asked():
    assert len(WORDS) == 43 and sorted(WORD_IDS.values()) == list(range(1, 44))
    used = {number for text in ASKED for number in encode(text)}
    assert used == set(WORD_IDS.values())


def test_answers_are_23_and_each_kind_has_its_own():
    assert len(ANSWERS) == len(set(ANSWERS)) == 23
    assert [len(ANSWERS_OF[kind]) for kind in KINDS] == [8, 8, 2, 5, 8]
    assert {answer for answers in ANSWERS_OF.values() for answer in answers} == set(ANSWERS)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("What COLOUR is the star", "what colour is the star?"),
        ("which color is the plus?", "what colour is the cross?"),
        ("what shape is the crimson object ?", "what shape is the red thing?"),
        ("Is there a huge crescent?", "is there a big moon?"),
        ("is there a tiny box?", "is there a small square?"),
        ("how many discs are there?", "how many circles are there?"),
        ("how many pluses are there?", "how many crosses are there?"),
        ("how many boxes are there?", "how many squares are there?"),
        ("how many violet objects are there", "how many purple things are there?"),
        (
            "what colour is the thing to the left of the moon?",
            "what colour is the thing left of the moon?",
        ),
        ("what colour is the thing over the heart?", "what colour is the thing above the heart?"),
    ],
)
def test_typed_questions_may_use_other_words(typed, meant):
    assert parse(typed) == parse(meant) and parse(typed).text == meant
    assert encode(typed) == encode(meant)


def test_every_other_word_stands_for_one_of_the_vocabulary():
    assert set(MEANS.values()) == set(WORDS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty text"),
        ("what colour is the stra?", "unknown word 'stra': did you mean 'star'"),
        (
            "is there a red star?",
            "cannot read .*You can ask: .*is there a big ring.*Shapes: circle",
        ),
        ("star", "cannot read 'star' as a question"),
        ("what colour is the thing left of the moons?", "cannot read"),
    ],
)
def test_what_cannot_be_read_is_answered_with_what_can(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)
