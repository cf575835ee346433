"""Questions with known answers: what may be asked about a crowd, and how often.

The law, which makes guessing useless as far as it can:

1. A kind of question is asked only where the crowd leaves at least two answers open; counting only
   where it leaves four: 0, 1 and two of 2, 3 and 4.
2. **The answer is drawn first**, then, among all questions that have this answer, one. Open answers
   are equally likely: so a picture of four red things and a blue one does not say that the answer
   to a colour question is red. Only for counts 2, 3 and 4 have the weight 1.5, as each of
   them is open in two of three counting crowds: so all five are equally common.
3. Existence: half of the noes ask for a shape that is there in the other size.
4. No crowd gets two questions of one kind, and kinds that fewer crowds allow weigh more where they
   can be asked (``questions.KIND_WEIGHTS``).

*Two hops* need directions that nobody disputes: one thing is *left of* another where the way to it
points left within 40°, and it must be the only one there; things from 40° to 50° off leave the
answer open to dispute, so that nothing is asked there (``CLEAR``, ``DISPUTED``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from xmodal_lab.datasets.crowds.factors import Crowd, Placed
from xmodal_lab.datasets.crowds.language import Asked
from xmodal_lab.datasets.scenes.factors import COLOURS, RELATIONS, SHAPES, SIZES

CLEAR, DISPUTED = np.deg2rad(40), np.deg2rad(50)
# How many answers the crowd must leave open for a kind of question to be asked.
OPEN = {"colour": 2, "shape": 2, "existence": 2, "count": 4, "two hops": 2}
COUNT_WEIGHTS = {"0": 1.0, "1": 1.0, "2": 1.5, "3": 1.5, "4": 1.5}


class Choice(NamedTuple):
    """One question that a crowd allows, its answer, and the things it is about."""

    asked: Asked
    answer: str
    thing: int | None = None
    via: int | None = None


def law(crowd: Crowd, kind: str) -> list[tuple[float, Choice]]:
    """Every question of one kind that may be asked about a crowd, with its probability.

    Empty where the crowd leaves fewer than two answers open.
    """
    groups = [(weight, group) for weight, group in _groups(crowd, kind) if group]
    if len({choice.answer for _, group in groups for choice in group}) < OPEN[kind]:
        return []
    total = sum(weight for weight, _ in groups)
    return [(weight / total / len(group), choice) for weight, group in groups for choice in group]


def _groups(crowd: Crowd, kind: str) -> Iterator[tuple[float, list[Choice]]]:
    """Questions that are as likely as each other, and the weight of all together."""
    if kind == "existence":
        return _existence(crowd)
    by_answer = defaultdict(list)
    choices = {"colour": _colour, "shape": _shape, "count": _count, "two hops": _two_hops}
    for choice in choices[kind](crowd):
        by_answer[choice.answer].append(choice)
    weights = COUNT_WEIGHTS if kind == "count" else Counter(dict.fromkeys(by_answer, 1))
    return ((weights[answer], group) for answer, group in by_answer.items())


def _colour(crowd: Crowd) -> Iterator[Choice]:
    for number in _only(crowd, "shape"):
        thing = crowd.things[number]
        yield Choice(Asked("colour", thing.shape), thing.colour, number)


def _shape(crowd: Crowd) -> Iterator[Choice]:
    for number in _only(crowd, "colour"):
        thing = crowd.things[number]
        yield Choice(Asked("shape", colour=thing.colour), thing.shape, number)


def _only(crowd: Crowd, attribute: str) -> list[int]:
    """The things that no other thing equals in this attribute."""
    values = [getattr(thing, attribute) for thing in crowd.things]
    return [number for number, value in enumerate(values) if values.count(value) == 1]


def _existence(crowd: Crowd) -> Iterator[tuple[float, list[Choice]]]:
    there = {(thing.size, thing.shape) for thing in crowd.things}
    shapes = {shape for _, shape in there}
    yes, other_size, nowhere = [], [], []
    for size in SIZES:
        for shape in SHAPES:
            asked = Asked("existence", shape, size=size)
            if (size, shape) in there:
                yes.append(Choice(asked, "yes"))
            else:
                (other_size if shape in shapes else nowhere).append(Choice(asked, "no"))
    no = 0.5 if other_size else 1.0
    return iter([(1.0, yes), (0.5, other_size), (no, nowhere)])


def _count(crowd: Crowd) -> Iterator[Choice]:
    for attribute, values in (("colour", COLOURS), ("shape", SHAPES)):
        numbers = Counter(getattr(thing, attribute) for thing in crowd.things)
        for value in values:
            if numbers[value] <= 4:
                yield Choice(Asked("count", **{attribute: value}), str(numbers[value]))


def _two_hops(crowd: Crowd) -> Iterator[Choice]:
    for via in _only(crowd, "shape"):
        for relation in RELATIONS:
            found = clearly(relation, crowd, via)
            if found is not None:
                asked = Asked("two hops", crowd.things[via].shape, relation=relation)
                yield Choice(asked, crowd.things[found].colour, found, via)


def clearly(relation: str, crowd: Crowd, via: int) -> int | None:
    """The one thing that stands clearly in this relation to thing ``via``, or None.

    It lies within 40° of the direction, and every other thing more than 50° off it.
    """
    origin = crowd.placed[via]
    off = {
        number: _angle(relation, origin, placed)
        for number, placed in enumerate(crowd.placed)
        if number != via
    }
    near = [number for number, angle in off.items() if angle <= DISPUTED]
    return near[0] if len(near) == 1 and off[near[0]] <= CLEAR else None


def _angle(relation: str, origin: Placed, placed: Placed) -> float:
    """How far, in radians, the way from one thing to another is off a direction; y points down."""
    along, across = placed.x - origin.x, placed.y - origin.y
    if relation in ("above", "below"):
        along, across = across, along
    if relation in ("left of", "above"):
        along = -along
    return abs(float(np.arctan2(across, along)))
