"""Scenes in words: a small grammar, spoken and written alike.

    caption  = noun phrase, or noun phrase + relation + noun phrase
    noun phrase = "a" + size + colour + shape

17 colour words, 12 shape words, 6 size words and 8 relation phrases name 8 colours, 8 shapes,
2 sizes and 4 relations, so a scene of two things has 144 to 864 captions. Half of them name the
second thing first, with the relation inverted.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from itertools import islice

import numpy as np

from xmodal_lab.datasets.scenes.factors import INVERSE, Scene, Thing, choose

COLOUR_WORDS = {
    "red": ("red", "crimson", "scarlet"),
    "green": ("green", "emerald"),
    "blue": ("blue", "azure"),
    "yellow": ("yellow", "golden"),
    "purple": ("purple", "violet"),
    "orange": ("orange", "amber"),
    "cyan": ("cyan", "turquoise"),
    "white": ("white", "ivory"),
}
SHAPE_WORDS = {
    "circle": ("circle", "disc"),
    "square": ("square", "box"),
    "triangle": ("triangle",),
    "star": ("star",),
    "heart": ("heart",),
    "cross": ("cross", "plus"),
    "ring": ("ring",),
    "moon": ("moon", "crescent"),
}
SIZE_WORDS = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
RELATION_PHRASES = {
    "left of": ("left of", "to the left of"),
    "right of": ("right of", "to the right of"),
    "above": ("above", "over"),
    "below": ("below", "under"),
}


def _meanings(table: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {word: meaning for meaning, words in table.items() for word in words}


MEANING = {
    "colour": _meanings(COLOUR_WORDS),
    "shape": _meanings(SHAPE_WORDS),
    "size": _meanings(SIZE_WORDS),
    "relation": _meanings(RELATION_PHRASES),
}
# What a voice records, each as one clip: every word of a noun phrase, every relation as a phrase.
UNITS = ("a", *(unit for table in MEANING.values() for unit in table))
# What a text encoder reads: single words. Id 0 is padding.
WORDS = tuple(sorted({word for unit in UNITS for word in unit.split()}))
WORD_IDS = {word: number for number, word in enumerate(WORDS, start=1)}


def describe(
    scene: Scene, generator: np.random.Generator | None = None, flip: bool | None = None
) -> str:
    """Put a scene into words.

    Args:
        scene: what to describe.
        generator: chooses among synonyms and, where ``flip`` is None, which thing comes first.
            Without it the plainest caption results ('a small red star left of a …').
        flip: True to name the second thing first.
    """
    if flip is None:
        flip = generator is not None and generator.random() < 0.5
    if flip:
        scene = scene.flipped()
    phrases = [_noun_phrase(thing, generator) for thing in scene.things]
    if scene.relation is None:
        return phrases[0]
    return f"{phrases[0]} {_word(RELATION_PHRASES[scene.relation], generator)} {phrases[1]}"


def _noun_phrase(thing: Thing, generator: np.random.Generator | None) -> str:
    size = _word(SIZE_WORDS[thing.size], generator)
    colour = _word(COLOUR_WORDS[thing.colour], generator)
    return f"a {size} {colour} {_word(SHAPE_WORDS[thing.shape], generator)}"


def _word(words: tuple[str, ...], generator: np.random.Generator | None) -> str:
    return words[0] if generator is None else choose(words, generator)


def cut_words(text: str) -> list[str]:
    """Whatever stands between spaces, commas and full stops, lower case."""
    return text.lower().replace(",", " ").replace(".", " ").split()


def split_words(text: str, known: Collection[str] = WORD_IDS) -> list[str]:
    """The words of a text, lower case, every one of them known.

    Raises:
        ValueError: naming each unknown word and its nearest known ones.
    """
    words = cut_words(text)
    if not words:
        raise ValueError("an empty text has nothing to read or speak: give at least one word")
    unknown = list(dict.fromkeys(word for word in words if word not in known))
    if unknown:
        raise ValueError("; ".join(_unknown_word(word, known) for word in unknown))
    return words


def _unknown_word(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.6)
    if near:
        return f"unknown word {word!r}: did you mean {' or '.join(map(repr, near))}?"
    plain = [words[0] for words in (*COLOUR_WORDS.values(), *SHAPE_WORDS.values())]
    some = [example for example in plain if example in known] or islice(known, 16)
    return f"unknown word {word!r}: known are words such as {', '.join(some)}"


def split_units(text: str) -> list[str]:
    """Cut a text into the units a voice has recorded: words, and relations as whole phrases.

    Raises:
        ValueError: for unknown words, or words that only occur inside a phrase ('to', 'the').
    """
    words, units = split_words(text), []
    while words:
        # Longest first, so that 'to the left of' is not cut into pieces.
        for length in (4, 2, 1):
            unit = " ".join(words[:length])
            if unit in UNITS:
                units.append(unit)
                words = words[length:]
                break
        else:
            phrases = [unit for unit in UNITS if words[0] in unit.split()]
            raise ValueError(f"{words[0]!r} is only spoken as part of {' or '.join(phrases)}")
    return units


def parse(text: str) -> Scene:
    """Read a caption back into its scene; the inverse of ``describe``.

    Raises:
        ValueError: where the text is no caption of the grammar.
    """
    units = [unit for unit in split_units(text) if unit != "a"]
    if len(units) not in (3, 7):
        raise ValueError(
            f"cannot read {text!r} as a scene: expected 'a size colour shape', "
            "or two of these with a relation between them"
        )
    things = [_parse_thing(units[start : start + 3], text) for start in range(0, len(units), 4)]
    if len(units) == 3:
        return Scene(tuple(things))
    return Scene(tuple(things), _meaning("relation", units[3], text))


def _parse_thing(units: list[str], text: str) -> Thing:
    size, colour, shape = (
        _meaning(attribute, unit, text)
        for attribute, unit in zip(("size", "colour", "shape"), units, strict=True)
    )
    return Thing(shape, colour, size)


def _meaning(attribute: str, unit: str, text: str) -> str:
    if unit not in MEANING[attribute]:
        raise ValueError(f"cannot read {text!r} as a scene: {unit!r} is no {attribute} word")
    return MEANING[attribute][unit]


def swap_words(text: str, attribute: str) -> str:
    """Exchange the two words of an attribute in a caption, or replace its relation by the inverse.

    'a tiny red box over a huge blue star' with 'colour' becomes 'a tiny blue box over a huge red
    star': the very same words, in another order.

    Raises:
        ValueError: where the text has no two such words, or no relation; for an unknown attribute.
    """
    if attribute not in MEANING:
        raise ValueError(f"unknown attribute {attribute!r}: choose one of {', '.join(MEANING)}")
    units = split_units(text)
    places = [i for i, unit in enumerate(units) if unit in MEANING[attribute]]
    if len(places) != (1 if attribute == "relation" else 2):
        raise ValueError(f"{text!r} has no {attribute} to swap")
    first, last = places[0], places[-1]
    if attribute == "relation":
        meaning = MEANING["relation"][units[first]]
        form = RELATION_PHRASES[meaning].index(units[first])
        units[first] = RELATION_PHRASES[INVERSE[meaning]][form]
    else:
        units[first], units[last] = units[last], units[first]
    return " ".join(units)


def encode(text: str, ids: Mapping[str, int] = WORD_IDS) -> list[int]:
    """Word ids of a text, from 1; 0 is left for padding.

    Raises:
        ValueError: for unknown words, with the nearest known ones.
    """
    return [ids[word] for word in split_words(text, ids)]
