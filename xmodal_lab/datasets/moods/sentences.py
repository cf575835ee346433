"""What is said: a thing is praised or blamed, in the sentences of a small grammar."""

from __future__ import annotations

from dataclasses import dataclass

SENTIMENTS = ("blame", "praise")
# All begin with a consonant: after 'a' or 'an' the article would tell part of the next word.
BLAME = (
    "terrible",
    "horrible",
    "dreadful",
    "boring",
    "nasty",
    "poor",
    "rotten",
    "dull",
    "shabby",
    "miserable",
)
PRAISE = (
    "lovely",
    "great",
    "wonderful",
    "brilliant",
    "perfect",
    "charming",
    "splendid",
    "superb",
    "delightful",
    "fantastic",
)
VERDICTS = (*BLAME, *PRAISE)
THINGS = (
    "soup",
    "film",
    "trip",
    "book",
    "party",
    "dinner",
    "game",
    "room",
    "coffee",
    "garden",
    "concert",
    "lesson",
    "train",
    "song",
)
# No split sees a sentence of another one, but all its words but the verdicts occur in training.
TEMPLATES = {
    "train": (
        "the {thing} was {verdict}",
        "what a {verdict} {thing}",
        "i found the {thing} {verdict}",
        "my {thing} is really {verdict}",
        "such a {verdict} {thing} today",
        "our {thing} was so {verdict} yesterday",
        "the {thing} is {verdict} again",
        "it was a very {verdict} {thing}",
    ),
    "val": (
        "my {thing} was {verdict} today",
        "what a really {verdict} {thing} it was",
    ),
    "test": (
        "today our {thing} is very {verdict}",
        "i found it such a {verdict} {thing}",
        "so {verdict} was the {thing} yesterday",
    ),
}
ALL_TEMPLATES = tuple(template for some in TEMPLATES.values() for template in some)
_FILLERS = dict.fromkeys(word for t in ALL_TEMPLATES for word in t.split() if word[0] != "{")
WORDS = (*_FILLERS, *THINGS, *VERDICTS)
WORD_IDS = {word: number for number, word in enumerate(WORDS, start=1)}


@dataclass(frozen=True)
class Sentence:
    """A verdict on a thing.

    Attributes:
        template: which of ``ALL_TEMPLATES``.
        thing: what is talked about.
        verdict: a word of praise or blame.
    """

    template: int
    thing: str
    verdict: str

    @property
    def text(self) -> str:
        return ALL_TEMPLATES[self.template].format(thing=self.thing, verdict=self.verdict)

    @property
    def sentiment(self) -> int:
        """1 for praise, 0 for blame."""
        return int(self.verdict in PRAISE)


def template_numbers(split: str) -> tuple[int, ...]:
    """Which of ``ALL_TEMPLATES`` belong to a split.

    Raises:
        ValueError: for an unknown split.
    """
    if split not in TEMPLATES:
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(TEMPLATES)}")
    return tuple(ALL_TEMPLATES.index(template) for template in TEMPLATES[split])
