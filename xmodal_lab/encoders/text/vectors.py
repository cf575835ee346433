"""One vector per word, and what one can ask of it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class WordVectors:
    """A table of words and their vectors, whatever method found them.

    Attributes:
        words: the vocabulary, none twice; ``matrix[i]`` belongs to ``words[i]``.
        matrix: (words, dim) vectors.

    Raises:
        ValueError: where words and rows differ in number, a word comes twice, or a vector holds
            NaN or infinity.
    """

    words: tuple[str, ...]
    matrix: Float[Tensor, "words dim"]

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2 or len(self.words) != len(self.matrix):
            raise ValueError(
                f"expected one row a word, ({len(self.words)}, dim), "
                f"got a matrix of shape {tuple(self.matrix.shape)}"
            )
        if len(set(self.words)) != len(self.words):
            twice = next(word for word in self.words if self.words.count(word) > 1)
            raise ValueError(f"every word may come once, but {twice!r} comes twice")
        if not self.matrix.isfinite().all():
            raise ValueError("the vectors hold NaN or infinity: lower the learning rate?")

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    @cached_property
    def _directions(self) -> Float[Tensor, "words dim"]:
        return torch.nn.functional.normalize(self.matrix, dim=1)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._places

    def __getitem__(self, word: str) -> Float[Tensor, " dim"]:
        return self.matrix[self.place(word)]

    def place(self, word: str) -> int:
        """The row of a word.

        Raises:
            KeyError: for an unknown word, with the nearest known ones.
        """
        if word not in self._places:
            near = difflib.get_close_matches(word, self.words, n=3)
            hint = f": did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise KeyError(f"unknown word {word!r}{hint}")
        return self._places[word]

    def normalised(self) -> WordVectors:
        """The same words with vectors of length 1, so that x·y is their cosine."""
        return WordVectors(self.words, self._directions)

    def similarity(self, a: str, b: str) -> float:
        """The cosine of two words' vectors, x·y / (‖x‖ ‖y‖)."""
        return float(self._directions[self.place(a)] @ self._directions[self.place(b)])

    def nearest(self, word: str, k: int = 10) -> list[tuple[str, float]]:
        """The k other words of largest cosine, best first."""
        return self._best(self._directions[self.place(word)], k, (word,))

    def analogy(
        self, a: str, b: str, c: str, k: int = 1, exclude: bool = True
    ) -> list[tuple[str, float]]:
        """a is to b as c is to …: the words nearest to x_b − x_a + x_c (3CosAdd).

            argmax_w cos(w, x_b/‖x_b‖ − x_a/‖x_a‖ + x_c/‖x_c‖)

        Args:
            a, b, c: the question.
            k: how many answers.
            exclude: leave out a, b and c as answers, as is usual; without it the answer is
                often c itself.

        Returns:
            Pairs of word and cosine, best first.

        Source: Mikolov, Yih and Zweig 2013.
        """
        x = self._directions
        target = x[self.place(b)] - x[self.place(a)] + x[self.place(c)]
        target = torch.nn.functional.normalize(target, dim=0)
        return self._best(target, k, (a, b, c) if exclude else ())

    def _best(
        self, direction: Float[Tensor, " dim"], k: int, without: Sequence[str]
    ) -> list[tuple[str, float]]:
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        cosines = self._directions @ direction
        cosines[[self._places[word] for word in without]] = -torch.inf
        best = cosines.topk(min(k, len(self) - len(set(without))))
        return [
            (self.words[place], value)
            for place, value in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
