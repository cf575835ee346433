"""Stated chance, held against guessers that are fitted on one sample and scored on another."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from xmodal_lab.datasets.crowds import KINDS, questions, sample_crowds, stated_chance

# Left by chance: a share of .4 of 400 questions has a standard error of 2.4 points.
FEW = 0.075


@pytest.fixture(scope="module")
def samples():
    return [questions(sample_crowds(split, n, 9)) for split, n in (("train", 1500), ("val", 700))]


def of_kind(asked, kind):
    return asked.select(np.flatnonzero(asked.kinds == kind))


def test_the_stated_chance_of_every_kind(samples):
    stated = stated_chance(samples[0])
    text = {"colour": 0.15, "shape": 0.16, "existence": 0.51, "count": 0.21, "two hops": 0.135}
    picture = {"colour": 0.37, "shape": 0.37, "existence": 0.5, "count": 0.3, "two hops": 0.41}
    assert tuple(stated) == KINDS
    for kind in KINDS:
        assert stated[kind]["text only"] == pytest.approx(text[kind], abs=0.03), kind
        assert stated[kind]["picture only"] == pytest.approx(picture[kind], abs=0.025), kind


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_table_of_texts_stands_at_the_stated_chance(samples, kind):
    learned = defaultdict(Counter)
    train, val = (of_kind(asked, kind) for asked in samples)
    for text, label in zip(train.texts, train.answers.tolist(), strict=True):
        learned[text][label] += 1
    guesses = [learned[text].most_common(1)[0][0] for text in val.texts]
    right = np.mean([g == a for g, a in zip(guesses, val.answers.tolist(), strict=True)])
    assert right == pytest.approx(stated_chance(val)[kind]["text only"], abs=FEW)


@pytest.mark.parametrize("kind", ["colour", "shape"])
def test_naming_any_open_answer_stands_at_the_chance_of_the_picture(samples, kind):
    """Whoever sees the picture knows which answers are open, and that none is likelier."""
    other, right = "shape" if kind == "colour" else "colour", []
    asked = of_kind(samples[1], kind)
    for number in range(len(asked)):
        things = asked.crowds[int(asked.rows[number])].things
        marks = [getattr(thing, other) for thing in things]
        values = {
            getattr(t, kind) for t, m in zip(things, marks, strict=True) if marks.count(m) == 1
        }
        right.append(asked[number].answer == sorted(values)[0])
    assert np.mean(right) == pytest.approx(stated_chance(asked)[kind]["picture only"], abs=FEW)


def test_a_picture_says_nothing_of_yes_or_no(samples):
    """Not even by the number of things, of shapes, or of large things."""
    asked = of_kind(samples[0], "existence")
    yes = np.array([asked[i].answer == "yes" for i in range(len(asked))])
    things = [asked.crowds[row].things for row in asked.rows.tolist()]
    for count in (
        len,
        lambda t: len({x.shape for x in t}),
        lambda t: sum(x.size == "large" for x in t),
    ):
        numbers = np.array([count(t) for t in things])
        for number in np.unique(numbers):
            rows = yes[numbers == number]
            assert abs(rows.mean() - 0.5) < 4 * 0.5 / len(rows) ** 0.5
