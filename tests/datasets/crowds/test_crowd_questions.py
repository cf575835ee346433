"""What is asked, how often, and that guessing does not help."""

import sys
from collections import Counter, defaultdict

import numpy as np
import pytest
import torch

from xmodal_lab.datasets.crowds import (
    ANSWERS,
    ANSWERS_OF,
    KINDS,
    Crowd,
    Placed,
    answer,
    encode,
    questions,
    sample_crowds,
)
from xmodal_lab.datasets.crowds.law import law
from xmodal_lab.datasets.scenes import Thing

TRAIN = sample_crowds("train", 900, 8)


@pytest.fixture(scope="module")
def asked():
    return questions(TRAIN)


# --- the generator against the oracle -----------------------------------------------------------


@pytest.mark.parametrize("split", ["val", "new_pairs"])
def test_the_oracle_answers_every_question_the_same(split):
    crowds = sample_crowds(split, 200, 1)
    for crowd in crowds:
        for kind in KINDS:
            for _, choice in law(crowd, kind):
                assert answer(crowd, choice.asked.text) == choice.answer
                assert choice.answer in ANSWERS_OF[kind]


def test_things_and_vias_are_what_the_question_is_about(asked):
    for number in range(0, len(asked), 5):
        one = asked[number]
        things = TRAIN[one.crowd_row].things
        assert (one.thing is None) == (one.kind in ("existence", "count"))
        assert (one.via is None) == (one.kind != "two hops")
        if one.thing is not None:
            thing = things[one.thing]
            assert one.answer == (thing.shape if one.kind == "shape" else thing.colour)
            named = things[one.thing if one.via is None else one.via]
            assert (named.colour if one.kind == "shape" else named.shape) in one.text


# --- the law ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_open_answers_are_equally_likely_and_probabilities_sum_to_one(kind):
    for crowd in TRAIN[:150]:
        by_answer, by_question = Counter(), defaultdict(set)
        for probability, choice in law(crowd, kind):
            by_answer[choice.answer] += probability
            by_question[choice.answer].add(round(probability, 12))
        if not by_answer:
            continue
        assert sum(by_answer.values()) == pytest.approx(1)
        if kind == "count":
            assert [by_answer[a] for a in sorted(by_answer)] == pytest.approx([0.2, 0.2, 0.3, 0.3])
        else:
            assert len(by_answer) > 1
            assert list(by_answer.values()) == pytest.approx([1 / len(by_answer)] * len(by_answer))
        assert kind == "existence" or all(len(shares) == 1 for shares in by_question.values())


def test_half_of_the_noes_ask_for_a_shape_that_is_there():
    for crowd in TRAIN[:150]:
        shapes = {thing.shape for thing in crowd.things}
        both = {t.shape for t in crowd.things if t.size == "small"} & {
            t.shape for t in crowd.things if t.size == "large"
        }
        there = sum(
            probability
            for probability, choice in law(crowd, "existence")
            if choice.answer == "no" and choice.asked.shape in shapes
        )
        assert there == pytest.approx(0 if both == shapes else 0.25)


def test_questions_are_drawn_as_the_law_says():
    crowd = next(crowd for crowd in TRAIN if all(law(crowd, kind) for kind in KINDS))
    for kind in KINDS:
        found = Counter(questions([crowd] * 800, 1, 3, [kind]).texts)
        for probability, choice in law(crowd, kind):  # in which every question stands once
            assert found[choice.asked.text] / 800 == pytest.approx(probability, abs=0.06)


def test_kinds_are_about_as_common_and_no_crowd_has_two_of_one(asked):
    shares = Counter(asked.kinds.tolist())
    assert all(0.15 < shares[kind] / len(asked) < 0.26 for kind in KINDS)
    assert len(set(zip(asked.rows.tolist(), asked.kinds.tolist(), strict=True))) == len(asked)
    assert 2.8 * len(TRAIN) < len(asked) <= 3 * len(TRAIN)


def test_answers_of_a_kind_are_about_as_common(asked):
    for kind in KINDS:
        found = asked.select(np.flatnonzero(asked.kinds == kind)).answers
        shares = torch.bincount(found, minlength=len(ANSWERS)) / len(found)
        for name in ANSWERS_OF[kind]:
            wanted = 1 / len(ANSWERS_OF[kind])
            assert shares[ANSWERS.index(name)] == pytest.approx(wanted, abs=0.07), (kind, name)


def test_the_mentioned_thing_seldom_has_the_answers_colour(asked):
    two_hops = [asked[i] for i in np.flatnonzero(asked.kinds == "two hops").tolist()]
    same = [TRAIN[one.crowd_row].things[one.via].colour == one.answer for one in two_hops]
    assert np.mean(same) < 1 / 8


# --- directions ---------------------------------------------------------------------------------


def crowd_around(*angles):
    """A moon in the middle and stars, one for each angle in degrees, clockwise from the right."""
    colours = ("red", "green", "cyan", "white")
    placed = [Placed(Thing("moon", "purple", "small"), 32.0, 32.0, 6.0)]
    for colour, angle in zip(colours, angles, strict=False):
        turn = np.deg2rad(angle)
        x, y = (32 + 22 * float(way) for way in (np.cos(turn), np.sin(turn)))
        placed.append(Placed(Thing("star", colour, "small"), x, y, 6.0))
    return Crowd(tuple(placed))


@pytest.mark.parametrize(
    ("angles", "wanted"),
    [
        (
            (0, 90, 180, 270),
            {"right of": "red", "below": "green", "left of": "cyan", "above": "white"},
        ),
        ((39, 180), {"right of": "red", "left of": "green"}),
        ((41, 180), {"left of": "green"}),
        ((49, 180), {"left of": "green"}),
        ((51, 180), {"below": "red", "left of": "green"}),
        ((0, 45, 180), {"left of": "cyan"}),
        ((-20, 20, 180), {"left of": "cyan"}),
        ((0, 55, 200), {"right of": "red", "below": "green", "left of": "cyan"}),
    ],
)
def test_what_stands_clearly_where(angles, wanted):
    crowd = crowd_around(*angles)
    for relation in ("left of", "right of", "above", "below"):
        text = f"what colour is the thing {relation} the moon?"
        if relation in wanted:
            assert answer(crowd, text) == wanted[relation]
        else:
            with pytest.raises(ValueError, match=f"{relation} the moon: ask for another direction"):
                answer(crowd, text)
    found = {c.asked.relation: c.answer for _, c in law(crowd, "two hops")}
    assert found == (wanted if len(wanted) > 1 else {})


# --- rows ---------------------------------------------------------------------------------------


def test_a_row_depends_on_the_seed_its_number_and_its_crowd():
    few, many = questions(TRAIN[:20], 2, 5), questions(TRAIN[:50], 2, 5)
    assert many.texts[: len(few)] == few.texts
    assert (many.answers[: len(few)] == few.answers).all()
    assert questions(TRAIN[:20], 2, 6).texts != few.texts
    assert questions(TRAIN[:20], 1, 5).texts == [few.texts[i] for i in range(0, len(few), 2)]


def test_only_random_is_drawn_from_the_generator(only_random, monkeypatch):
    before = questions(TRAIN[:20])
    # By its full name: the package's own ``questions`` is the function.
    module = sys.modules["xmodal_lab.datasets.crowds.questions"]
    monkeypatch.setattr(module, "stream", only_random)
    assert questions(TRAIN[:20]).texts == before.texts


def test_only_the_wanted_kinds_are_asked():
    assert set(questions(TRAIN[:50], 1, kinds=["count"]).kinds) == {"count"}
    assert len(questions(TRAIN[:50], 5)) > len(questions(TRAIN[:50], 3))


def test_selected_questions_stay_together(asked):
    chosen = asked.select([7, 3, 7])
    assert [chosen[i] for i in range(3)] == [asked[7], asked[3], asked[7]]
    with pytest.raises(ValueError, match=r"got a mask: use select\(np\.flatnonzero"):
        asked.select(asked.kinds == "count")


def test_a_batch_puts_words_pictures_and_answers_side_by_side(asked):
    pictures = torch.arange(len(TRAIN), dtype=torch.float).view(-1, 1)
    rows = torch.tensor([11, 4])
    batch = asked.batch(pictures, rows)
    assert batch["image"].flatten().tolist() == asked.rows[rows].tolist()
    assert batch["labels"].tolist() == asked.answers[rows].tolist()
    for number, ids, length in zip(rows.tolist(), *batch["text"], strict=True):
        assert (
            tuple(ids[:length].tolist())
            == asked[number].words
            == tuple(encode(asked.texts[number]))
        )
    assert asked.batch(pictures).size == len(asked)


@pytest.mark.parametrize(
    ("crowds", "kinds", "message"),
    [
        (TRAIN[:3], ["colour", "hue"], r"unknown kinds \['hue'\]: choose from colour, shape"),
        ([], KINDS, "nothing of colour, .* can be asked about 0 crowds"),
    ],
)
def test_what_cannot_be_asked(crowds, kinds, message):
    with pytest.raises(ValueError, match=message):
        questions(crowds, kinds=kinds)
