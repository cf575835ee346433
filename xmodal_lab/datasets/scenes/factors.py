"""What a scene is made of, which scenes exist, and which of them are kept away from training.

A scene holds one or two things. A thing has a shape, a colour and a size. Two things differ in
shape and in colour, and the first stands in one of four relations to the second.

Three hold-outs make honest tests possible:

* 12 of the 64 colour-shape pairs never occur in training (``HELD_OUT_PAIRS``);
* 4 of the 24 voices never speak in training (``HELD_OUT_VOICES``);
* every other two-thing scene belongs to exactly one of train (80 %), val (10 %) and test (10 %).
"""

from __future__ import annotations

import difflib
import zlib
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

SHAPES = ("circle", "square", "triangle", "star", "heart", "cross", "ring", "moon")
COLOURS = ("red", "green", "blue", "yellow", "purple", "orange", "cyan", "white")
SIZES = ("small", "large")
RELATIONS = ("left of", "right of", "above", "below")
INVERSE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}

# Each colour and each shape is held out once or twice, so that all of them are seen in training.
HELD_OUT_PAIRS = frozenset(
    [
        ("red", "star"),
        ("red", "ring"),
        ("green", "heart"),
        ("blue", "moon"),
        ("blue", "square"),
        ("yellow", "cross"),
        ("yellow", "circle"),
        ("purple", "ring"),
        ("orange", "triangle"),
        ("orange", "moon"),
        ("cyan", "circle"),
        ("white", "square"),
    ]
)
VOICE_COUNT = 24
TRAIN_VOICES = tuple(range(20))
HELD_OUT_VOICES = tuple(range(20, VOICE_COUNT))

SPLITS = ("train", "val", "test", "new_pairs", "new_voices", "natural")
ONE_THING_SHARE = 0.25


@dataclass(frozen=True)
class Thing:
    """One coloured shape."""

    shape: str
    colour: str
    size: str

    def __post_init__(self) -> None:
        for name, value, known in (
            ("shape", self.shape, SHAPES),
            ("colour", self.colour, COLOURS),
            ("size", self.size, SIZES),
        ):
            if value not in known:
                near = difflib.get_close_matches(str(value), known, n=2, cutoff=0.4)
                hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
                raise ValueError(
                    f"unknown {name} {value!r}: {hint}Choose one of {', '.join(known)}"
                )

    @property
    def pair(self) -> tuple[str, str]:
        return self.colour, self.shape


@dataclass(frozen=True)
class Scene:
    """One thing, or two things with ``things[0]`` standing ``relation`` ``things[1]``."""

    things: tuple[Thing, ...]
    relation: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "things", tuple(self.things))
        if len(self.things) not in (1, 2):
            raise ValueError(f"a scene has one or two things, got {len(self.things)}")
        if len(self.things) == 1 and self.relation is not None:
            raise ValueError(f"a scene of one thing has no relation, got {self.relation!r}")
        if len(self.things) == 2:
            if self.relation not in RELATIONS:
                raise ValueError(
                    f"unknown relation {self.relation!r}: choose one of {', '.join(RELATIONS)}"
                )
            first, second = self.things
            if first.shape == second.shape or first.colour == second.colour:
                raise ValueError("two things in a scene differ in shape and in colour")

    @property
    def key(self) -> tuple:
        """The scene's meaning: equal for 'A left of B' and 'B right of A'."""
        if self.relation in ("right of", "below"):
            return self.flipped().key
        return (self.relation, *((t.size, t.colour, t.shape) for t in self.things))

    def flipped(self) -> Scene:
        """The same scene, told from its other thing."""
        if self.relation is None:
            return self
        return Scene(self.things[::-1], INVERSE[self.relation])


def split_of(scene: Scene) -> str:
    """The split a two-thing scene belongs to, from its meaning alone.

    One-thing scenes are too few (104 meanings) to be kept apart; they answer 'train', and other
    splits draw them anew.
    """
    if any(thing.pair in HELD_OUT_PAIRS for thing in scene.things):
        return "new_pairs"
    if len(scene.things) == 1:
        return "train"
    # crc32 rather than hash(): the same on every machine and in every process.
    bucket = zlib.crc32(repr(scene.key).encode()) % 10
    return "train" if bucket < 8 else ("val" if bucket == 8 else "test")


def stream(*numbers: int) -> np.random.Generator:
    """A generator that depends on these numbers alone.

    Only its ``random()`` is used in this room: unlike ``integers`` or ``normal``, its values
    follow from PCG64's guaranteed stream by one shift and one multiplication.
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(numbers)))


def choose(options, generator: np.random.Generator):
    """One of the options, each as likely."""
    return options[int(generator.random() * len(options))]


def sample_scenes(split: str, count: int, seed: int = 0, things: int | None = None) -> list[Scene]:
    """Sample scenes of one split; scene i depends on (split, seed, i) only.

    Args:
        split: one of ``SPLITS`` but 'natural', whose scenes are those that were recorded.
        count: how many; a longer list starts with the shorter one.
        seed: any non-negative integer.
        things: 1 or 2 to have only such scenes; None for a quarter of one-thing scenes.

    Raises:
        ValueError: for an unknown split, a negative count or a wrong number of things.
    """
    if split not in SPLITS[:-1]:
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(SPLITS[:-1])}")
    if count < 0 or things not in (None, 1, 2):
        raise ValueError(f"count must be ≥ 0 and things 1, 2 or None, got {count} and {things}")
    return [
        _sample_scene(stream(seed, SPLITS.index(split), index, 0), split, things)
        for index in range(count)
    ]


def _sample_scene(generator: np.random.Generator, split: str, things: int | None) -> Scene:
    one_thing = generator.random() < ONE_THING_SHARE
    if things is not None:
        one_thing = things == 1
    wanted = {"new_voices": "test"}.get(split, split)
    while True:
        scene = Scene((_sample_thing(generator),)) if one_thing else _sample_pair(generator)
        home = split_of(scene)
        if home == wanted or (one_thing and home == "train" and wanted != "new_pairs"):
            return scene


def _sample_thing(generator: np.random.Generator) -> Thing:
    return Thing(choose(SHAPES, generator), choose(COLOURS, generator), choose(SIZES, generator))


def _sample_pair(generator: np.random.Generator) -> Scene:
    first, second = _sample_thing(generator), _sample_thing(generator)
    while second.shape == first.shape or second.colour == first.colour:
        second = _sample_thing(generator)
    return Scene((first, second), choose(RELATIONS, generator))


def all_things(held_out: bool | None = None) -> list[Thing]:
    """Every thing there is (128), or only the seen (104) or held-out (24) ones."""
    things = [Thing(s, c, z) for s, c, z in product(SHAPES, COLOURS, SIZES)]
    if held_out is None:
        return things
    return [t for t in things if (t.pair in HELD_OUT_PAIRS) == held_out]


SWAPS = ("colour", "shape", "size", "relation")


def swapped(scene: Scene, attribute: str) -> Scene:
    """The scene with one attribute exchanged between its two things, or its relation inverted.

    Swapping twice gives the scene back.

    Raises:
        ValueError: for an unknown attribute, or a scene of one thing.
    """
    if attribute not in SWAPS:
        raise ValueError(f"unknown attribute {attribute!r}: choose one of {', '.join(SWAPS)}")
    if scene.relation is None:
        raise ValueError("a scene of one thing has nothing to swap with")
    if attribute == "relation":
        return Scene(scene.things, INVERSE[scene.relation])
    first, second = scene.things
    mine, theirs = getattr(first, attribute), getattr(second, attribute)
    return Scene(
        (replace(first, **{attribute: theirs}), replace(second, **{attribute: mine})),
        scene.relation,
    )
