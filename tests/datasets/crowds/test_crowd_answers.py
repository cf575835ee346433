"""Typed questions: what is answered beyond what is asked in training, and why some are not."""

import pytest

from xmodal_lab.datasets.crowds import Crowd, Placed, answer
from xmodal_lab.datasets.scenes import Thing

THINGS = (
    Thing("star", "red", "small"),
    Thing("star", "blue", "large"),
    Thing("moon", "red", "small"),
    Thing("ring", "green", "small"),
)
PLACES = ((20.0, 8.0), (40.0, 14.0), (12.0, 50.0), (50.0, 50.0))
CROWD = Crowd(tuple(Placed(thing, x, y, 6.5) for thing, (x, y) in zip(THINGS, PLACES, strict=True)))
FIVE = ((8.0, 10.0), (28.0, 10.0), (48.0, 10.0), (8.0, 30.0), (28.0, 30.0))
SAME = Crowd(tuple(Placed(THINGS[0], x, y, 6.5) for x, y in FIVE))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("what colour is the moon?", "red"),
        ("what shape is the green thing?", "ring"),
        ("is there a big star?", "yes"),
        ("is there a large moon?", "no"),
        ("is there a small heart?", "no"),
        ("how many red things are there?", "2"),
        ("how many stars are there?", "2"),
        ("how many hearts are there?", "0"),
        ("what colour is the thing to the left of the ring?", "red"),
        ("what colour is the thing right of the moon?", "green"),
    ],
)
def test_answers(text, wanted):
    assert answer(CROWD, text) == wanted


@pytest.mark.parametrize(
    ("crowd", "text", "message"),
    [
        (CROWD, "what colour is the heart?", "there is no heart here: ask about moon or ring"),
        (
            CROWD,
            "what colour is the star?",
            "there are 2 stars here, so 'the star' may be any: ask",
        ),
        (CROWD, "what shape is the red thing?", "are 2 red things here.*ask about blue or green"),
        (CROWD, "what shape is the cyan thing?", "there is no cyan thing here"),
        (CROWD, "what colour is the thing left of the star?", "2 stars"),
        (CROWD, "what colour is the thing below the moon?", "nothing stands below the moon"),
        (
            CROWD,
            "what colour is the thing above the ring?",
            "2 things may be called above the ring",
        ),
        (SAME, "how many stars are there?", "there are 5, and the answers end with 4"),
        (SAME, "what colour is the star?", "no shape occurs once here"),
        (CROWD, "how old is the moon?", "unknown word 'old'"),
    ],
)
def test_what_a_crowd_leaves_open_is_refused_with_the_reason(crowd, text, message):
    with pytest.raises(ValueError, match=message):
        answer(crowd, text)
