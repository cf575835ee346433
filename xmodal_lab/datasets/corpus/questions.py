"""What to ask word vectors, made from the world alone: the stories are never looked at."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from xmodal_lab.datasets.corpus.senses import SENSES
from xmodal_lab.datasets.corpus.world import CATEGORIES, FAMILIES, SYNONYMS, TYPICAL_COLOUR

_RELATED = {  # where an intruder comes from, so that it is not told by the topic alone
    "fruit": "flower",
    "flower": "fruit",
    "clothes": "furniture",
    "furniture": "clothes",
    "vehicle": "instrument",
    "instrument": "vehicle",
    "animal": "young animal",
    "young animal": "animal",
    "country": "capital",
    "capital": "country",
    "trade": "tool",
    "tool": "trade",
    "colour": "shape",
    "shape": "colour",
}


@dataclass(frozen=True)
class Analogy:
    """a is to b as c is to one of the answers (more than one only where they are synonyms)."""

    a: str
    b: str
    c: str
    answers: tuple[str, ...]
    family: str


@dataclass(frozen=True)
class OddOneOut:
    """Three words of one category and one of another."""

    words: tuple[str, str, str, str]
    odd: str


@dataclass(frozen=True)
class Similarity:
    """Two words and how alike they are.

    3 synonyms; 2 one category and one typical colour; 1 one category; 0 neither.
    """

    first: str
    second: str
    grade: int


@dataclass(frozen=True)
class Questions:
    """The scoring set.

    Attributes:
        synonyms: sets of words; the nearest word of each must be in its set.
        categories: the nearest word that is no synonym must be of the same category.
        analogies, odd_one_out, similarity: see there.
    """

    synonyms: tuple[tuple[str, ...], ...]
    categories: dict[str, tuple[str, ...]]
    analogies: tuple[Analogy, ...]
    odd_one_out: tuple[OddOneOut, ...]
    similarity: tuple[Similarity, ...]

    def synonyms_of(self, word: str) -> tuple[str, ...]:
        """The words of the set in which a word stands; the word alone where there is none."""
        return next((words for words in self.synonyms if word in words), (word,))


@lru_cache(maxsize=1)
def questions() -> Questions:
    """All questions, always the same ones."""
    # A word with two senses has no one category, and no one synonym.
    categories = {
        name: tuple(word for word in words if word not in SENSES)
        for name, words in CATEGORIES.items()
    }
    return Questions(SYNONYMS, categories, _analogies(), _odd(categories), _similar(categories))


def _same(word: str) -> tuple[str, ...]:
    return next((words for words in SYNONYMS if word in words), (word,))


def _analogies() -> tuple[Analogy, ...]:
    return tuple(
        Analogy(a, b, c, _same(d), family)
        for family, pairs in FAMILIES.items()
        for a, b in pairs
        for c, d in pairs
        if c != a
    )


def _odd(categories: dict[str, tuple[str, ...]], each: int = 10) -> tuple[OddOneOut, ...]:
    generator, asked = random.Random("odd one out"), []
    for name, words in categories.items():
        firsts = [word for word in words if _same(word)[0] == word]
        others = [word for word in categories[_RELATED[name]] if word not in words]
        for _ in range(each):
            odd = generator.choice(others)
            four = [*generator.sample(firsts, 3), odd]
            generator.shuffle(four)
            asked.append(OddOneOut(tuple(four), odd))
    return tuple(asked)


def _similar(categories: dict[str, tuple[str, ...]], each: int = 60) -> tuple[Similarity, ...]:
    generator = random.Random("similarity")
    grades: dict[int, set[tuple[str, str]]] = {0: set(), 1: set(), 2: set(), 3: set()}
    # Only things that have a colour: they are about equally frequent, so that a method which
    # knows no more than counts finds nothing here.
    listed = [
        (word, name)
        for name, words in categories.items()
        for word in words
        if word in TYPICAL_COLOUR
    ]
    for a, first in listed:
        for b, second in listed:
            if a >= b:
                continue
            one_colour = TYPICAL_COLOUR[a] == TYPICAL_COLOUR[b]
            if b in _same(a):
                grades[3].add((a, b))
            elif first == second:
                grades[1 + one_colour].add((a, b))
            elif not one_colour:
                grades[0].add((a, b))
    return tuple(
        Similarity(a, b, grade)
        for grade, pairs in grades.items()
        for a, b in generator.sample(sorted(pairs), min(each, len(pairs)))
    )
