"""GloVe: dot products of word vectors that add up to the logarithms of co-occurrence counts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from xmodal_lab.encoders.text.progress import (
    Progress,
    Reports,
    check_fit,
    check_sizes,
    check_words,
)
from xmodal_lab.encoders.text.vectors import WordVectors

__all__ = ["GloVe", "glove_loss", "glove_weights"]


def glove_weights(
    counts: Float[Tensor, " cells"], x_max: float = 100.0, alpha: float = 0.75
) -> Float[Tensor, " cells"]:
    """How much each count matters: rare ones are noise, and frequent ones must not drown the rest.

        f(x) = min(1, (x / x_max)^α)

    Source: Pennington, Socher and Manning 2014, equation 9.
    """
    return (counts / x_max).pow(alpha).clamp(max=1)


def glove_loss(
    words: Float[Tensor, "cells dim"],
    contexts: Float[Tensor, "cells dim"],
    word_bias: Float[Tensor, " cells"],
    context_bias: Float[Tensor, " cells"],
    counts: Float[Tensor, " cells"],
    x_max: float = 100.0,
    alpha: float = 0.75,
) -> Float[Tensor, ""]:
    """Weighted least squares on the logarithms of the counts that are not zero.

        L = 1/cells Σ f(x) (w · w̃ + b + b̃ - ln x)²,   f(x) = min(1, (x / x_max)^α)

    Args:
        words: w, the word vector of each cell's row of the co-occurrence matrix.
        contexts: w̃, the context vector of each cell's column.
        word_bias: b of the rows; it takes up how frequent the word is.
        context_bias: b̃ of the columns.
        counts: x > 0, the cells. Zeros have no logarithm and are left out beforehand.
        x_max: the count from which on a cell has its full weight.
        alpha: α, how fast the weight grows up to there.

    Returns:
        The mean over the cells; the paper takes the sum.

    Source: Pennington, Socher and Manning 2014, equation 8.
    """
    error = (words * contexts).sum(1) + word_bias + context_bias - counts.log()
    return (glove_weights(counts, x_max, alpha) * error.square()).mean()


class GloVe:
    """GloVe vectors, by AdaGrad over the cells of a co-occurrence matrix that are not zero.

    ``model = GloVe(cooccurrence(...))``, ``for progress in model.fit(epochs=20): ...``,
    ``model.vectors(words)``. A word's vector is the sum of its two: in a symmetric matrix nothing
    but chance tells rows from columns.

    Args:
        counts: (vocabulary, vocabulary) how often words meet, ≥ 0.
        dim: length of the vectors.
        x_max, alpha: see ``glove_weights``.
        smoothing: added to every count. 0 is the paper's: cells of 0 are left out, so nothing is
            learned from words that never meet. In a small corpus that is most of what there is to
            learn; with 1 they count as having met once, at the lowest weight.
        seed: same seed, same vectors: bit for bit on one CPU thread.
        device: where the vectors live.

    Attributes:
        words, contexts: (vocabulary, dim) w and w̃.
        word_bias, context_bias: (vocabulary,) b and b̃.

    Raises:
        ValueError: for counts that are no square, negative, no numbers or all zero, fewer than two
            words, or sizes that are not above 0.

    Source: Pennington, Socher and Manning 2014.
    """

    def __init__(
        self,
        counts: Float[Tensor, "vocabulary vocabulary"],
        dim: int = 64,
        x_max: float = 100.0,
        alpha: float = 0.75,
        smoothing: float = 0.0,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ):
        _check_counts(counts)
        check_sizes(dim=dim)
        for name, value in (("x_max", x_max), ("alpha", alpha)):
            if not (value > 0 and math.isfinite(value)):
                raise ValueError(f"{name} must be a number above 0, got {value}")
        if not (smoothing >= 0 and math.isfinite(smoothing)):
            raise ValueError(f"smoothing must be a number of 0 or more, got {smoothing}")
        counts = counts.cpu().double() + smoothing
        self._x_max, self._alpha = x_max, alpha
        self._dice = torch.Generator().manual_seed(seed)
        self._cells = counts.nonzero()
        self._counts = counts[tuple(self._cells.T)].float().to(device)
        sides = (torch.rand(2, len(counts), dim + 1, generator=self._dice) - 0.5) / (dim + 1)
        # A vector and its bias share a row, the bias last: one gather and one update for both.
        for side, totals in zip(sides, (counts.sum(1), counts.sum(0)), strict=True):
            side[:, -1] = _start_of_biases(totals)
        self._sides = [side.to(device) for side in sides]
        self._squares = [torch.ones_like(side) for side in self._sides]
        self.words, self.contexts = (side[:, :-1] for side in self._sides)
        self.word_bias, self.context_bias = (side[:, -1] for side in self._sides)

    def fit(
        self,
        epochs: int = 20,
        learning_rate: float = 0.05,
        reports: int = 1,
        batch_size: int = 1024,
    ) -> Iterator[Progress]:
        """Train, yielding progress: break, look, plot, as you like; what is learned stays.

        AdaGrad divides each number's step by the root of its squared gradients so far, so rows that
        rarely move take long steps. Calling again trains on.

        Args:
            epochs: how often all cells are seen.
            learning_rate: of AdaGrad.
            reports: how many in every epoch.
            batch_size: cells in a step.

        Raises:
            ValueError: for numbers below 1, a learning rate that is not above 0, or a loss that is
                no number any more.
        """
        check_fit(epochs, learning_rate, reports)
        check_sizes(batch_size=batch_size)
        return self._fit(epochs, learning_rate, Reports(self.vectors, reports), batch_size)

    def vectors(self, words: Sequence[str]) -> WordVectors:
        """w + w̃ of each word, ``words[i]`` for row i of the counts."""
        check_words(words, len(self.words))
        return WordVectors(tuple(words), (self.words + self.contexts).cpu())

    def _fit(
        self, epochs: int, learning_rate: float, reports: Reports, batch_size: int
    ) -> Iterator[Progress]:
        for epoch in range(epochs):
            order = torch.randperm(len(self._cells), generator=self._dice)
            cells = self._cells[order].T.to(self._counts.device)
            counts = self._counts[order.to(self._counts.device)]
            steps = zip(*(part.split(batch_size) for part in (*cells, counts)), strict=True)
            done = 0
            for rows, columns, batch in steps:
                reports.add(self._step((rows, columns), batch, learning_rate))
                done += len(batch)
                if (progress := reports.due(epoch + done / len(order))) is not None:
                    yield progress

    def _step(self, ids: tuple[Tensor, Tensor], counts: Tensor, learning_rate: float) -> Tensor:
        """One step of AdaGrad on a batch of cells; the loss before it."""
        rows = [
            side.index_select(0, i).requires_grad_()
            for side, i in zip(self._sides, ids, strict=True)
        ]
        vectors, biases = [row[:, :-1] for row in rows], [row[:, -1] for row in rows]
        loss = glove_loss(*vectors, *biases, counts, self._x_max, self._alpha)
        # The paper minimises the sum: a cell's step must not shrink with the size of the batch.
        gradients = torch.autograd.grad(loss * len(counts), rows)
        for side, squares, i, gradient in zip(
            self._sides, self._squares, ids, gradients, strict=True
        ):
            squares.index_add_(0, i, gradient.square())
            step = gradient * squares.index_select(0, i).rsqrt()
            side.index_add_(0, i, step, alpha=-learning_rate)
        return loss.detach()


def _start_of_biases(totals: Float[Tensor, " vocabulary"]) -> Float[Tensor, " vocabulary"]:
    """Biases with which words that meet by chance alone have dot product 0.

        b_i = ln X_i - ½ ln X,   b_i + b̃_j = ln (X_i X̃_j / X), the count expected by chance

    From random ones, as in the paper, the vectors learn how frequent words are before the biases
    do, and keep it as a direction that all of them share.
    """
    return (totals.clamp(min=1.0).log() - totals.sum().log() / 2).float()


def _check_counts(counts: Tensor) -> None:
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or len(counts) < 2:
        raise ValueError(
            "expected co-occurrence counts (vocabulary, vocabulary) of two words or more, "
            f"got {tuple(counts.shape)}"
        )
    if not counts.isfinite().all() or (counts < 0).any():
        raise ValueError("counts must be finite and not negative: find out where they come from")
    if not (counts > 0).any():
        raise ValueError("all counts are zero: no two words ever meet, widen the window")
