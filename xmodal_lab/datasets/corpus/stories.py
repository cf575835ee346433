"""The corpus: short stories from the small world, with what is known about them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from jaxtyping import Int
from torch import Tensor

from xmodal_lab.datasets.corpus import senses, themes_living, themes_things
from xmodal_lab.datasets.corpus.grammar import Dice, Theme, tell

STORIES = 5000
# How often each kind of story is told, in proportion to how many words it has to introduce.
_SHARES: dict[str, float] = {
    "people": 3.0,
    "quality": 2.0,
    "comparison": 2.0,
    "paint": 2.5,
    "vehicle": 1.5,
    "clothes": 1.3,
    "furniture": 1.3,
}
_SENSE_SHARE = 0.12
_PLAIN = (*themes_things.THEMES, *themes_living.THEMES)


@dataclass(frozen=True)
class Story:
    """Three to six sentences about one thing, place or person, and the kind of story it is."""

    sentences: tuple[tuple[str, ...], ...]
    theme: str


@dataclass(frozen=True)
class Occurrence:
    """Where a word with two senses stands, and which sense it has there: for scoring only."""

    story: int
    sentence: int
    position: int
    word: str
    sense: str


@dataclass(frozen=True)
class Corpus:
    """Stories, in order.

    Attributes:
        stories: what was told.
        occurrences: every place of a two-sense word, with its sense; nothing of it is in the text.
    """

    stories: tuple[Story, ...]
    occurrences: tuple[Occurrence, ...]

    @property
    def sentences(self) -> list[tuple[str, ...]]:
        """All sentences, in order."""
        return [sentence for story in self.stories for sentence in story.sentences]

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each word occurs."""
        return Counter(word for sentence in self.sentences for word in sentence)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The vocabulary: by falling count, ties in alphabetical order."""
        return tuple(sorted(self.counts, key=lambda word: (-self.counts[word], word)))

    def documents(self) -> list[Int[Tensor, " length"]]:
        """One tensor of word numbers (places in ``words``) a story, its sentences joined."""
        number = {word: place for place, word in enumerate(self.words)}
        return [
            torch.tensor([number[word] for sentence in story.sentences for word in sentence])
            for story in self.stories
        ]

    def shuffled(self, seed: int = 0) -> Corpus:
        """The control: all words thrown into one bag and dealt out again.

        Counts of words and lengths of sentences and stories stay; what is learnt from this
        corpus is learnt from counts alone.
        """
        tokens = [word for sentence in self.sentences for word in sentence]
        generator = torch.Generator().manual_seed(seed)
        order = iter(torch.randperm(len(tokens), generator=generator).tolist())
        stories = tuple(
            Story(
                tuple(tuple(tokens[next(order)] for _ in sentence) for sentence in story.sentences),
                "shuffled",
            )
            for story in self.stories
        )
        return Corpus(stories, ())


@lru_cache(maxsize=8)
def load(stories: int = STORIES, seed: int = 0) -> Corpus:
    """Tell stories from the small world, always the same for the same arguments.

    The first stories of a longer corpus are those of a shorter one with the same seed.

    Args:
        stories: how many; the default has about 175 000 words.
        seed: of the stories.

    Raises:
        ValueError: for fewer than one story.
    """
    if stories < 1:
        raise ValueError(f"a corpus needs at least one story, got {stories}")
    generator = Dice(f"corpus {seed}")
    told, occurrences = [], []
    for number in range(stories):
        theme = _draw(generator)
        sentences = tell(theme, generator)
        told.append(Story(sentences, theme.name))
        word, _, sense = theme.name.partition("/")
        if sense:
            occurrences += [
                Occurrence(number, line, place, word, sense)
                for line, sentence in enumerate(sentences)
                for place, token in enumerate(sentence)
                if token == word
            ]
    return Corpus(tuple(told), tuple(occurrences))


def _draw(generator: Dice) -> Theme:
    # Both senses of a word should be equally frequent: these themes are dealt, not drawn.
    if generator.chance(_SENSE_SHARE):
        return generator.deal("sense", senses.THEMES)
    left = generator.number() * sum(_SHARES.get(theme.name, 1.0) for theme in _PLAIN)
    for theme in _PLAIN:
        left -= _SHARES.get(theme.name, 1.0)
        if left < 0:
            return theme
    return _PLAIN[-1]
