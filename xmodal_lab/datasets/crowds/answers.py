"""The right answer to any question about any crowd, or why there is none."""

from __future__ import annotations

import math

from xmodal_lab.datasets.crowds.factors import Crowd
from xmodal_lab.datasets.crowds.language import ANSWERS_OF, PLURALS, Asked, parse
from xmodal_lab.datasets.crowds.law import CLEAR, DISPUTED

# Where each relation points, in radians; y points down, so that below is a quarter turn on.
POINTS = {"right of": 0.0, "below": math.pi / 2, "left of": math.pi, "above": -math.pi / 2}


def answer(crowd: Crowd, text: str) -> str:
    """Answer a typed question, one of ``ANSWERS``.

    Written without ``law``, which asks the questions of a training, so that each can test the other.
    It answers more than is asked there: also where a crowd leaves one answer open.

    Raises:
        ValueError: for a text that is no question (``parse``), or one that this crowd leaves open:
            'the star' where there is none or there are two, 'left of the moon' where no thing
            stands clearly there (within 40° of the direction, no other within 50°), five things
            alike. The message says what is the matter.
    """
    asked = parse(text)
    if asked.kind == "existence":
        there = [t for t in crowd.things if t.shape == asked.shape and t.size == asked.size]
        return "yes" if there else "no"
    if asked.kind == "count":
        return _count(crowd, asked)
    if asked.kind == "shape":
        return crowd.things[_the_one(crowd, "colour", asked.colour)].shape
    number = _the_one(crowd, "shape", asked.shape)
    if asked.kind == "two hops":
        number = _beside(crowd, number, asked.relation)
    return crowd.things[number].colour


def _count(crowd: Crowd, asked: Asked) -> str:
    attribute = "colour" if asked.shape is None else "shape"
    wanted = getattr(asked, attribute)
    number = str(sum(getattr(thing, attribute) == wanted for thing in crowd.things))
    if number not in ANSWERS_OF["count"]:
        raise ValueError(f"there are {number}, and the answers end with {ANSWERS_OF['count'][-1]}")
    return number


def _the_one(crowd: Crowd, attribute: str, value: str) -> int:
    """Number of the only thing with this colour or shape."""
    values = [getattr(thing, attribute) for thing in crowd.things]
    if values.count(value) == 1:
        return values.index(value)
    one, many = (
        (value, PLURALS[value]) if attribute == "shape" else (f"{value} thing", f"{value} things")
    )
    only = sorted(v for v in values if values.count(v) == 1)
    ask = f"ask about {' or '.join(only)}" if only else f"no {attribute} occurs once here"
    raise ValueError(
        f"there is no {one} here: {ask}"
        if value not in values
        else f"there are {values.count(value)} {many} here, so 'the {one}' may be any: {ask}"
    )


def _beside(crowd: Crowd, via: int, relation: str) -> int:
    """Number of the one thing in this direction from thing ``via``."""
    here = crowd.placed[via]
    near = {}
    for number, there in enumerate(crowd.placed):
        bearing = math.atan2(there.y - here.y, there.x - here.x) - POINTS[relation]
        off = abs(math.remainder(bearing, 2 * math.pi))
        if number != via and off <= DISPUTED:
            near[number] = off
    place = f"{relation} the {here.thing.shape}"
    if not near:
        raise ValueError(f"nothing stands {place}: ask for another direction")
    if len(near) > 1:
        raise ValueError(f"{len(near)} things may be called {place}: ask for another direction")
    ((found, off),) = near.items()
    if off > CLEAR:
        other = crowd.things[found].shape
        raise ValueError(f"the {other} is not clearly {place}: ask for another direction")
    return found
