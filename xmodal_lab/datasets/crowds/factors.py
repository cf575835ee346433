"""What a crowd is made of, which crowds exist, and which of them are kept away from training.

A crowd is the second level of the scene world: three to five things, each with a place, a size in
pixels and a tilt of its own. Things may share a colour or a shape, as counting needs it. Lengths
are in units of a 64 × 64 canvas, and y points down.

The law of a crowd, which ``law`` builds on. Half of the crowds are *counting crowds*: five
things, of which 2, 3 or 4 share a colour and another number of them share a shape. The others are
*everyday crowds* of three to five things: all differ in colour and in shape, or, of four or five,
two share one of both. Colours and shapes that nothing repeats are all different; sizes are drawn by
the toss of a coin; things stand anywhere without touching.

Two hold-outs: the 12 colour-shape pairs of ``scenes.HELD_OUT_PAIRS`` never occur in train, val and
test, and at least one of them in every crowd of new_pairs; and a company of things belongs to
exactly one of train (80 %), val (10 %) and test (10 %), wherever the things stand.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from xmodal_lab.datasets.scenes.drawing import CANVAS, TILT
from xmodal_lab.datasets.scenes.factors import (
    COLOURS,
    HELD_OUT_PAIRS,
    SHAPES,
    SIZES,
    Thing,
    choose,
    stream,
)

SPLITS = ("train", "val", "test", "new_pairs")
FEWEST, MOST = 3, 5
# How many things share one colour, and how many one shape: in a counting crowd, and in an everyday
# one of so many things. All others differ.
COUNTING = 0.5
ALIKE = ((2, 3), (2, 4), (3, 2), (3, 4), (4, 2), (4, 3))
EVERYDAY = {3: ((1, 1),), 4: ((1, 1), (2, 1), (1, 2)), 5: ((1, 1), (2, 1), (1, 2))}
RADII = {"small": (6.0, 7.0), "large": (9.0, 10.0)}
# A star's tips and a square's corners reach beyond the radius; GAP is what stays free between.
REACH, GAP = 1.13, 1.0
# Streams of one crowd's generator: 0 samples it, as it samples a scene. 1 to 6 are the scenes'.
CROWD = 7


@dataclass(frozen=True)
class Placed:
    """One thing at its place: middle (x, y) and radius in canvas units, tilt in radians."""

    thing: Thing
    x: float
    y: float
    radius: float
    tilt: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.x <= CANVAS and 0 <= self.y <= CANVAS and self.radius > 0):
            raise ValueError(
                f"a thing stands on the {CANVAS:.0f} × {CANVAS:.0f} canvas and has a radius, "
                f"got x={self.x}, y={self.y}, radius={self.radius}"
            )

    @property
    def reach(self) -> float:
        """How far the thing may reach from its middle."""
        return REACH * self.radius


@dataclass(frozen=True)
class Crowd:
    """Three to five things that do not touch each other."""

    placed: tuple[Placed, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "placed", tuple(self.placed))
        if not FEWEST <= len(self.placed) <= MOST:
            raise ValueError(
                f"a crowd has {FEWEST} to {MOST} things, got {len(self.placed)}; "
                "one or two things make a scenes.Scene"
            )
        for (i, one), (j, other) in combinations(enumerate(self.placed), 2):
            if not _apart(one, other):
                raise ValueError(f"things {i} and {j} of the crowd touch: move them apart")

    @property
    def things(self) -> tuple[Thing, ...]:
        return tuple(placed.thing for placed in self.placed)

    @property
    def key(self) -> tuple:
        """Who is there, wherever they stand: what decides the split."""
        return tuple(sorted((t.size, t.colour, t.shape) for t in self.things))


def split_of(crowd: Crowd) -> str:
    """The split a crowd belongs to, from its company of things alone."""
    return _split_of(crowd.things)


def _split_of(things: tuple[Thing, ...]) -> str:
    if any(thing.pair in HELD_OUT_PAIRS for thing in things):
        return "new_pairs"
    # crc32 rather than hash(): the same on every machine and in every process.
    key = tuple(sorted((t.size, t.colour, t.shape) for t in things))
    bucket = zlib.crc32(repr(key).encode()) % 10
    return "train" if bucket < 8 else ("val" if bucket == 8 else "test")


def sample_crowds(split: str, count: int, seed: int = 0) -> list[Crowd]:
    """Sample crowds of one split; crowd i depends on (split, seed, i) only.

    Args:
        split: one of ``SPLITS``.
        count: how many; a longer list starts with the shorter one.
        seed: any non-negative integer.

    Raises:
        ValueError: for an unknown split or a negative count.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(SPLITS)}")
    if count < 0:
        raise ValueError(f"count must be ≥ 0, got {count}")
    place = SPLITS.index(split)
    return [_sample_crowd(stream(seed, place, i, CROWD), split) for i in range(count)]


def _sample_crowd(generator: np.random.Generator, split: str) -> Crowd:
    plan = _plan(generator, split)
    while True:
        things = _fill(plan, generator)
        if _split_of(things) == split:
            return Crowd(_place(things, generator))


class Plan(NamedTuple):
    """How many things there are, and how many of them share one colour and one shape."""

    number: int
    colour: str
    same_colour: int
    shape: str
    same_shape: int


def _plan(generator: np.random.Generator, split: str) -> Plan:
    if generator.random() < COUNTING:
        number, (same_colour, same_shape) = MOST, choose(ALIKE, generator)
    else:
        number = choose(range(FEWEST, MOST + 1), generator)
        same_colour, same_shape = choose(EVERYDAY[number], generator)
    while True:
        colour, shape = choose(COLOURS, generator), choose(SHAPES, generator)
        if split == "new_pairs" or (colour, shape) not in HELD_OUT_PAIRS:
            return Plan(number, colour, same_colour, shape, same_shape)


def _fill(plan: Plan, generator: np.random.Generator) -> tuple[Thing, ...]:
    """Things as planned; whatever the plan leaves open is drawn."""
    colours = _values(COLOURS, plan.colour, plan.same_colour, plan.number, generator)
    shapes = _values(SHAPES, plan.shape, plan.same_shape, plan.number, generator)
    return tuple(
        Thing(shape, colour, choose(SIZES, generator))
        for colour, shape in zip(colours, shapes, strict=True)
    )


def _values(options, value: str, same: int, number: int, generator: np.random.Generator) -> list:
    """``number`` values in any order: ``same`` times ``value``, the others all different."""
    others = [option for option in _shuffled(options, generator) if option != value]
    return _shuffled([value] * same + others[: number - same], generator)


def _shuffled(values, generator: np.random.Generator) -> list:
    order = np.argsort(generator.random(len(values)), kind="stable")
    return [values[i] for i in order]


def _place(things: tuple[Thing, ...], generator: np.random.Generator) -> tuple[Placed, ...]:
    """Each thing where there is room; where the last ones find none, all begin again."""
    while True:
        placed: list[Placed] = []
        # Large things first: they are the ones that find no room.
        for number in sorted(range(len(things)), key=lambda i: SIZES.index(things[i].size) * -1):
            for _ in range(30):
                candidate = _throw(things[number], generator)
                if all(_apart(candidate, other) for other in placed):
                    placed.append(candidate)
                    break
        if len(placed) == len(things):
            return tuple(placed)


def _throw(thing: Thing, generator: np.random.Generator) -> Placed:
    throws = generator.random(4)
    low, high = RADII[thing.size]
    radius = low + (high - low) * throws[0]
    room = CANVAS - 2 * REACH * radius
    x, y = (float(REACH * radius + room * throw) for throw in throws[1:3])
    return Placed(thing, x, y, float(radius), float(TILT * (2 * throws[3] - 1)))


def _apart(one: Placed, other: Placed) -> bool:
    between = np.hypot(one.x - other.x, one.y - other.y)
    return bool(between >= one.reach + other.reach + GAP)
