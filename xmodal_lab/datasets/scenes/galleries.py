"""Data that asks one question at a time: minimal pairs and probes of single attributes.

A high recall can hide that a model reads colours and guesses the rest. Minimal pairs ask for the
difference of one swapped attribute, probes for one attribute of one thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xmodal_lab.datasets.scenes.data import MODALITIES, SceneData
from xmodal_lab.datasets.scenes.factors import (
    COLOURS,
    HELD_OUT_PAIRS,
    SHAPES,
    SIZES,
    SWAPS,
    Scene,
    all_things,
    sample_scenes,
    swapped,
)
from xmodal_lab.datasets.scenes.language import (
    COLOUR_WORDS,
    SHAPE_WORDS,
    SIZE_WORDS,
    describe,
    swap_words,
)
from xmodal_lab.datasets.scenes.store import from_scenes

CLASSES = {"colour": COLOURS, "shape": SHAPES, "size": SIZES}


@dataclass(frozen=True)
class MinimalPairs:
    """Scenes and their foils: the same words, one attribute swapped (or the relation inverted).

    Attributes:
        attribute: what was swapped: 'colour', 'shape' or 'size' between the two things, or the
            'relation' inverted.
        true: the scenes.
        foil: row i differs from ``true``'s row i by the swap alone: same synonyms, same order of
            mention, same voice, same random layout.
    """

    attribute: str
    true: SceneData
    foil: SceneData

    def __len__(self) -> int:
        return len(self.true)

    def select(self, rows: Sequence[int]) -> MinimalPairs:
        """The pairs with these numbers, in this order."""
        return MinimalPairs(self.attribute, self.true.select(rows), self.foil.select(rows))


def minimal_pairs(
    attribute: str,
    split: str = "test",
    count: int = 200,
    seed: int = 0,
    modalities: Sequence[str] = MODALITIES,
) -> MinimalPairs:
    """Scenes of a split, each with a foil in which one attribute is swapped.

    A model that only counts words, whatever their order, cannot tell them apart. The true scenes
    are of the split asked for; a foil may belong to any, and most do to train.

    Args:
        attribute: 'colour', 'shape', 'size' or 'relation'.
        split: where the true scenes come from.
        count: number of pairs.
        seed: any non-negative integer.
        modalities: what to draw, describe and speak.

    Raises:
        ValueError: for an unknown attribute or split, or a negative count.
    """
    if attribute not in SWAPS:
        raise ValueError(f"unknown attribute {attribute!r}: choose one of {', '.join(SWAPS)}")
    if count < 0:
        raise ValueError(f"count must be ≥ 0, got {count}")
    scenes: list[Scene] = []
    tried = 2 * count
    while len(scenes) < count:
        drawn = sample_scenes(split, tried, seed, things=2)
        scenes = [scene for scene in drawn if _has_fair_foil(scene, attribute)]
        tried *= 2
    scenes = scenes[:count]

    def describe_foil(foil: Scene, generator: np.random.Generator) -> str:
        # Swap the words of the true caption, so that both hold the very same words.
        return swap_words(describe(swapped(foil, attribute), generator), attribute)

    # One seed for both: every random choice but the swap is shared.
    return MinimalPairs(
        attribute,
        from_scenes(scenes, seed, modalities),
        from_scenes(
            [swapped(s, attribute) for s in scenes], seed, modalities, describe=describe_foil
        ),
    )


def _has_fair_foil(scene: Scene, attribute: str) -> bool:
    """The swap changes the meaning, and brings in no colour-shape pair that was held out."""
    foil = swapped(scene, attribute)
    brought_in = {t.pair for t in foil.things} - {t.pair for t in scene.things}
    return foil.key != scene.key and not brought_in & HELD_OUT_PAIRS


@dataclass(frozen=True)
class Probe:
    """One-thing scenes and, for each attribute, the right class of every row.

    Attributes:
        data: the scenes, with what is seen, read and heard of them.
        labels: attribute → list of class numbers (an index into ``CLASSES[attribute]``).
    """

    data: SceneData
    labels: dict[str, list[int]]


def probe(
    repeats: int = 4,
    seed: int = 0,
    held_out: bool = False,
    modalities: Sequence[str] = MODALITIES,
) -> Probe:
    """Every thing there is, ``repeats`` times: 104 seen ones, or the 24 that were held out.

    Args:
        repeats: drawings, captions and utterances of each thing.
        seed: any non-negative integer.
        held_out: True for the colour-shape pairs that never occur in training.
        modalities: what to draw, describe and speak.
    """
    things = all_things(held_out) * repeats
    labels = {
        attribute: [classes.index(getattr(thing, attribute)) for thing in things]
        for attribute, classes in CLASSES.items()
    }
    return Probe(from_scenes([Scene((t,)) for t in things], seed + 1, modalities), labels)


def prompts(attribute: str) -> list[list[str]]:
    """Captions for zero-shot classification: per class, one-thing captions that name it.

    Every word of the class occurs with every combination of the other attributes, which are named
    by their plainest words: 'a small crimson star' is a prompt for the colour red.
    """
    if attribute not in CLASSES:
        raise ValueError(f"unknown attribute {attribute!r}: choose one of {', '.join(CLASSES)}")
    table = {"colour": COLOUR_WORDS, "shape": SHAPE_WORDS, "size": SIZE_WORDS}[attribute]
    return [
        [
            describe(Scene((thing,))).replace(words[0], word)
            for thing in all_things()
            if getattr(thing, attribute) == name
            for word in words
        ]
        for name, words in table.items()
    ]
