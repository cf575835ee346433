"""How a story is told: sentences with gaps, filled with what the story is about."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from xmodal_lab.datasets.corpus.world import MEN, SYNONYMS, WOMEN

Filling = Mapping[str, str | tuple[str, ...]]
_SETS = {word: words for words in SYNONYMS for word in words}
_VOWELS = tuple("aeiou")


class Dice:
    """Choices from a seed; only ``random()`` is used, whose numbers no Python version changes."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed).random
        self._decks: dict[str, list] = {}

    def number(self) -> float:
        return self._random()

    def chance(self, share: float) -> bool:
        return self._random() < share

    def choose(self, options: Sequence):
        return options[int(self._random() * len(options))]

    def deal(self, deck: str, options: Sequence):
        """The next card of a shuffled deck, so that all options come equally often."""
        if not self._decks.get(deck):
            self._decks[deck] = self.sample(options, len(options))
        return self._decks[deck].pop()

    def other(self, options: Sequence, than):
        """Any of the options but one."""
        return self.choose([option for option in options if option != than])

    def sample(self, options: Sequence, count: int) -> list:
        """Some of the options, none twice, in random order."""
        left = list(options)
        return [left.pop(int(self._random() * len(left))) for _ in range(min(count, len(left)))]


@dataclass(frozen=True)
class Theme:
    """What a kind of story says, and what fills its gaps.

    Attributes:
        name: for people.
        openings, middles, endings: sentences with gaps such as ``{hero}``; a story has one
            opening, one to four different middles and at most one ending.
        fill: draws for one story and gives each gap a word, or a tuple of words of
            which each mention takes another.
    """

    name: str
    openings: tuple[str, ...]
    middles: tuple[str, ...]
    endings: tuple[str, ...]
    fill: Callable[[Dice], Filling]


def hero(generator: Dice, man: bool | None = None) -> dict[str, str]:
    """Somebody with a name, the pronouns that go with it, and a friend of the same gender."""
    man = generator.chance(0.5) if man is None else man
    name, friend = generator.sample(MEN if man else WOMEN, 2)
    he, his, him, person = ("he", "his", "him", "man") if man else ("she", "her", "her", "woman")
    return {"hero": name, "friend": friend, "he": he, "his": his, "him": him, "person": person}


def tell(theme: Theme, generator: Dice) -> tuple[tuple[str, ...], ...]:
    """One story of three to six sentences, each a tuple of lower-case words."""
    filling = theme.fill(generator)
    ends = generator.chance(0.5)
    length = 3 + int(generator.choose((0, 0, 1, 1, 2, 3)))
    plan = [generator.choose(theme.openings)]
    plan += generator.sample(theme.middles, length - 1 - ends)
    if ends:
        plan.append(generator.choose(theme.endings))
    return tuple(say(sentence, filling, generator) for sentence in plan)


def say(sentence: str, filling: Filling, generator: Dice) -> tuple[str, ...]:
    """Fill the gaps of one sentence, choose among synonyms, and put 'an' where it belongs."""
    words: list[str] = []
    for token in sentence.split():
        if token[0] == "{":
            value = filling[token[1:-1]]
            text = value if isinstance(value, str) else generator.choose(value)
            words.extend(text.split() if " " in text else (text,))
        else:
            words.append(token)
    for place, word in enumerate(words):
        if word in _SETS:
            words[place] = generator.choose(_SETS[word])
    for place, word in enumerate(words[:-1]):
        if word == "a" and words[place + 1].startswith(_VOWELS):
            words[place] = "an"
    return tuple(words)
