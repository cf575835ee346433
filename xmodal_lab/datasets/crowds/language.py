"""The 80 questions about crowds: how each is worded, and how typed ones are read.

colour      what colour is the star?
shape       what shape is the red thing?
existence   is there a big ring?
count       how many red things are there?   how many stars are there?
two hops    what colour is the thing left of the moon?
"""

from __future__ import annotations

from dataclasses import dataclass

from xmodal_lab.datasets.scenes.factors import COLOURS, RELATIONS, SHAPES, SIZES
from xmodal_lab.datasets.scenes.language import COLOUR_WORDS, SHAPE_WORDS, SIZE_WORDS, split_words

KINDS = ("colour", "shape", "existence", "count", "two hops")
COUNTS = ("0", "1", "2", "3", "4")
ANSWERS_OF = {
    "colour": COLOURS,
    "shape": SHAPES,
    "existence": ("no", "yes"),
    "count": COUNTS,
    "two hops": COLOURS,
}
ANSWERS = (*COLOURS, *SHAPES, "no", "yes", *COUNTS)
ANSWER_IDS = {answer: number for number, answer in enumerate(ANSWERS)}

SIZE_NAMES = {"small": "small", "large": "big"}
PLURALS = {shape: f"{shape}es" if shape == "cross" else f"{shape}s" for shape in SHAPES}


@dataclass(frozen=True)
class Asked:
    """What a question means: its kind, and whatever it names."""

    kind: str
    shape: str | None = None
    colour: str | None = None
    size: str | None = None
    relation: str | None = None

    @property
    def text(self) -> str:
        """The question in the words that the models are trained with."""
        if self.kind == "colour":
            return f"what colour is the {self.shape}?"
        if self.kind == "shape":
            return f"what shape is the {self.colour} thing?"
        if self.kind == "existence":
            return f"is there a {SIZE_NAMES[self.size]} {self.shape}?"
        if self.kind == "two hops":
            return f"what colour is the thing {self.relation} the {self.shape}?"
        counted = f"{self.colour} things" if self.shape is None else PLURALS[self.shape]
        return f"how many {counted} are there?"


def _all_asked() -> list[Asked]:
    return [
        *(Asked("colour", shape) for shape in SHAPES),
        *(Asked("shape", colour=colour) for colour in COLOURS),
        *(Asked("existence", shape, size=size) for size in SIZES for shape in SHAPES),
        *(Asked("count", colour=colour) for colour in COLOURS),
        *(Asked("count", shape) for shape in SHAPES),
        *(Asked("two hops", shape, relation=r) for r in RELATIONS for shape in SHAPES),
    ]


def _cut(text: str) -> str:
    return text.rstrip("?")


# Every question there is, by its words.
ASKED = {_cut(asked.text): asked for asked in _all_asked()}
# What a question encoder reads. Id 0 is padding.
WORDS = tuple(sorted({word for text in ASKED for word in text.split()}))
WORD_IDS = {word: number for number, word in enumerate(WORDS, start=1)}


def _other_words() -> dict[str, str]:
    """Words that may be typed, and the word of the 80 questions that each stands for."""
    same = {"which": "what", "color": "colour", "an": "a", "object": "thing", "objects": "things"}
    same |= {"over": "above", "under": "below"}
    for plain, words in (*COLOUR_WORDS.items(), *SHAPE_WORDS.items()):
        same |= dict.fromkeys(words, plain)
    for shape, words in SHAPE_WORDS.items():
        same |= {f"{word}es" if word.endswith(("s", "x")) else f"{word}s": PLURALS[shape]
                 for word in words}  # fmt: skip
    return same | {word: SIZE_NAMES[size] for size, words in SIZE_WORDS.items() for word in words}


MEANS = _other_words() | {word: word for word in WORDS}


def parse(text: str) -> Asked:
    """Read a question; synonyms, capitals and the question mark do not matter.

    Raises:
        ValueError: for a word nobody knows, or a text that is none of the 80 questions; the
            message says what can be asked.
    """
    words = split_words(text.replace("?", " ").lower().replace("to the ", ""), MEANS)
    plain = " ".join(MEANS[word] for word in words)
    if plain not in ASKED:
        raise ValueError(f"cannot read {text!r} as a question. {WHAT_CAN_BE_ASKED}")
    return ASKED[plain]


WHAT_CAN_BE_ASKED = (
    "You can ask: 'what colour is the star?', 'what shape is the red thing?', 'is there a big "
    "ring?', 'how many red things are there?', 'how many stars are there?', 'what colour is the "
    f"thing left of the moon?' (or right of, above, below). Colours: {', '.join(COLOURS)}. "
    f"Shapes: {', '.join(SHAPES)}. Sizes: small, big."
)


def encode(text: str) -> list[int]:
    """Word ids of a question, from 1; synonyms get the id of the word they stand for.

    Raises:
        ValueError: as ``parse``.
    """
    return [WORD_IDS[word] for word in _cut(parse(text).text).split()]
