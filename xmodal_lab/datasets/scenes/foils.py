"""Wrong answers that differ by one swap: what a training needs to learn who stands where.

Scenes drawn at random hardly ever differ by the relation alone, so a model that only counts words
rarely pays for it. Foils make it pay: captions of the very same words that mean another scene, and
twins, the pictures and captions of that other scene.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from xmodal_lab.datasets.scenes.data import MODALITIES, SceneData
from xmodal_lab.datasets.scenes.factors import (
    COLOURS,
    SHAPES,
    SWAPS,
    Scene,
    choose,
    split_of,
    stream,
    swapped,
)
from xmodal_lab.datasets.scenes.language import (
    COLOUR_WORDS,
    SHAPE_WORDS,
    split_units,
    swap_words,
)
from xmodal_lab.datasets.scenes.store import from_scenes

# Keep these streams of random numbers apart from those of ``store``.
FOIL, TWIN = 5, 6
# What may be replaced where nothing can be swapped, and by which words.
REPLACED = {"colour": (COLOURS, COLOUR_WORDS), "shape": (SHAPES, SHAPE_WORDS)}


def foil_captions(
    data: SceneData, seed: int = 0, attributes: Sequence[str] = ("relation", "colour", "shape")
) -> list[str]:
    """A wrong caption for each row: its own caption with one attribute swapped.

    'a red box left of a blue star' becomes 'a red box right of a blue star', or 'a blue box left
    of a red star': the same words, or nearly, and another meaning. A scene of one thing has nothing
    to swap; one word of its caption is replaced instead.

    Args:
        data: scenes with captions.
        seed: another seed, other swaps; row i depends on (seed, i) and its scene alone.
        attributes: from which of ``SWAPS`` to choose, each as likely.

    Returns:
        One caption a row. None of them means a scene of the val or test split, or one with a
        colour-shape pair that was held out: no foil gives away what a test will ask.

    Raises:
        ValueError: for data without captions, no attribute, or an unknown one.
    """
    _check(data, attributes)
    captions = []
    for row, (scene, caption) in enumerate(zip(data.scenes, data.captions, strict=True)):
        _, reworded = _foil(scene, stream(seed, row, FOIL), attributes)
        captions.append(reworded(caption))
    return captions


def twins(
    data: SceneData,
    seed: int = 0,
    attributes: Sequence[str] = ("relation", "colour", "shape"),
    modalities: Sequence[str] = MODALITIES,
) -> SceneData:
    """Row i is a scene that differs from ``data``'s row i by one swap, drawn and described anew.

    Args, what is kept out and what is raised: as ``foil_captions``; ``modalities`` says what to
    draw, describe and speak.
    """
    _check(data, attributes, captions=False)
    scenes = [
        _foil(scene, stream(seed, row, TWIN), attributes)[0]
        for row, scene in enumerate(data.scenes)
    ]
    return from_scenes(scenes, seed, modalities)


def _check(data: SceneData, attributes: Sequence[str], captions: bool = True) -> None:
    if captions and data.captions is None:
        raise ValueError("a foil is a changed caption, and this data has none: load it with 'text'")
    unknown = [attribute for attribute in attributes if attribute not in SWAPS]
    if unknown or not attributes:
        raise ValueError(f"expected attributes out of {', '.join(SWAPS)}, got {list(attributes)}")


def _foil(
    scene: Scene, generator: np.random.Generator, attributes: Sequence[str]
) -> tuple[Scene, Callable[[str], str]]:
    """A scene of another meaning, of the train split, and how a caption is reworded to tell it."""
    fair = [a for a in attributes if scene.relation and _fair(swapped(scene, a), scene)]
    if fair:
        attribute = choose(fair, generator)
        return swapped(scene, attribute), partial(swap_words, attribute=attribute)
    # One thing, or no swap that stays in the train split: one word is replaced.
    while True:
        attribute, place = (
            choose(list(REPLACED), generator),
            int(generator.random() * len(scene.things)),
        )
        classes, words = REPLACED[attribute]
        new, things = choose(classes, generator), list(scene.things)
        old = getattr(things[place], attribute)
        things[place] = replace(things[place], **{attribute: new})
        others = [getattr(thing, attribute) for thing in scene.things]
        if new not in others and _fair(foil := Scene(tuple(things), scene.relation), scene):
            word = choose(words[new], generator)
            return foil, partial(_with_word, old=words[old], new=word)


def _fair(foil: Scene, scene: Scene) -> bool:
    return foil.key != scene.key and split_of(foil) == "train"


def _with_word(caption: str, old: Sequence[str], new: str) -> str:
    """Colours and shapes differ between the things of a scene: only one unit can be meant."""
    return " ".join(new if unit in old else unit for unit in split_units(caption))
