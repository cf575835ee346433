"""Crowds in words, rightly and wrongly: what masked words and picture-text matching learn from.

A caption names every thing: 'a big red star, a small blue ring, a small green moon'. Its words are
among those of the questions. A wrong caption has two things exchange their colours or their shapes,
or one thing another size. Such a crowd might be there just as well: the words alone do not tell a
wrong caption from a right one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xmodal_lab.datasets.crowds.factors import Crowd
from xmodal_lab.datasets.crowds.language import SIZE_NAMES, WORD_IDS
from xmodal_lab.datasets.scenes.factors import HELD_OUT_PAIRS, SIZES, Thing, choose, stream
from xmodal_lab.datasets.scenes.language import split_words

# Streams of a crowd's generator; 1, 7 and 8 draw, sample and ask.
CAPTION, WRONG_CAPTION = 9, 10


def captions(crowds: Sequence[Crowd], seed: int = 0) -> list[str]:
    """A right caption for each crowd; row i depends on (seed, i) and its crowd alone."""
    return [_told(crowd.things, stream(seed, row, CAPTION)) for row, crowd in enumerate(crowds)]


def wrong_captions(crowds: Sequence[Crowd], seed: int = 0) -> list[str]:
    """A wrong caption for each crowd; row i depends on (seed, i) and its crowd alone.

    None has a held-out pair that its crowd does not have: that would tell it from a right one.
    """
    generators = (stream(seed, row, WRONG_CAPTION) for row in range(len(crowds)))
    return [_told(_changed(c.things, g), g) for c, g in zip(crowds, generators, strict=True)]


def encode_caption(text: str) -> list[int]:
    """Word ids of a caption, those of ``WORD_IDS``.

    Raises:
        ValueError: for a word that no question has.
    """
    return [WORD_IDS[word] for word in split_words(text, WORD_IDS)]


def _told(things: Sequence[Thing], generator: np.random.Generator) -> str:
    order = np.argsort(generator.random(len(things)), kind="stable")
    named = (things[i] for i in order)
    return ", ".join(f"a {SIZE_NAMES[t.size]} {t.colour} {t.shape}" for t in named)


def _changed(things: tuple[Thing, ...], generator: np.random.Generator) -> list[Thing]:
    held_out = HELD_OUT_PAIRS - {thing.pair for thing in things}
    while True:
        found, attribute = list(things), choose(("colour", "shape", "size"), generator)
        one, other = (int(generator.random() * len(things)) for _ in range(2))
        if attribute == "size":  # always possible, and as likely a crowd as before
            found[one] = replace(things[one], size=SIZES[things[one].size == SIZES[0]])
        else:
            mine, theirs = getattr(things[one], attribute), getattr(things[other], attribute)
            found[one] = replace(things[one], **{attribute: theirs})
            found[other] = replace(things[other], **{attribute: mine})
        if Counter(found) != Counter(things) and held_out.isdisjoint(t.pair for t in found):
            return found
