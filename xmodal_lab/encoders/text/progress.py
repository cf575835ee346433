"""What a training of word vectors reports, and what it refuses to begin with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from xmodal_lab.encoders.text.vectors import WordVectors


@dataclass(frozen=True)
class Progress:
    """How far a training has come.

    Attributes:
        epoch: epochs done, with fractions.
        loss: mean since the last report; nats an example for Word2Vec, weighted squared error a
            cell for GloVe.
        vectors: ``vectors(words)`` copies the word vectors as they are when you ask.
    """

    epoch: float
    loss: float
    vectors: Callable[[Sequence[str]], WordVectors] = field(repr=False, compare=False)


class Reports:
    """Collects losses; due a fixed number of times in every epoch."""

    def __init__(self, vectors: Callable[[Sequence[str]], WordVectors], every_epoch: int):
        self._vectors, self._every_epoch = vectors, every_epoch
        self._losses, self._made = [], 0

    def add(self, loss: Tensor) -> None:
        self._losses.append(loss)

    @property
    def empty(self) -> bool:
        """Whether no loss has come in since the last report."""
        return not self._losses

    def due(self, epoch: float) -> Progress | None:
        """A report where the next one is due; raises where the loss is no number any more."""
        # A third of a third of … must still add up to whole epochs.
        number = math.floor(epoch * self._every_epoch + 1e-6)
        if number == self._made:
            return None
        loss = torch.stack(self._losses).mean().item()
        if not math.isfinite(loss):
            raise ValueError(
                f"the loss is {loss} after {epoch:.2f} epochs: start anew, learning more slowly"
            )
        self._made, self._losses = number, []
        return Progress(round(epoch, 6), loss, self._vectors)


def check_fit(epochs: int, learning_rate: float, reports: int) -> None:
    """Refuse what no training can begin with."""
    if epochs < 1 or reports < 1:
        raise ValueError(f"epochs and reports must be at least 1, got {epochs} and {reports}")
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"learning_rate must be a number above 0, got {learning_rate}")


def check_sizes(**sizes: int) -> None:
    """Refuse sizes below 1."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")


def check_words(words: Sequence[str], vocabulary: int) -> None:
    """One word for each row of the matrix."""
    if len(words) != vocabulary:
        raise ValueError(f"expected {vocabulary} words, one for each id, got {len(words)}")
