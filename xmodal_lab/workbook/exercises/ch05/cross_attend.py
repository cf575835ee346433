"""Exercise `cross_attend`: every word of a sentence looks at the cells of a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from xmodal_lab.workbook.exercises.ch05.precision import FAR, FLOAT64, in_float32
from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception
from xmodal_lab.workbook.kit.attempt import Mistake, kind
from xmodal_lab.workbook.kit.compare import same


def cross_attend(words, cells, lengths):
    """Words (b, w, d), cells (b, c, d), lengths (b,) → weights (b, w, c) and read (b, w, d)."""
    padding = padded(words, lengths)
    scores = words.masked_fill(padding, 0) @ cells.mT / math.sqrt(words.shape[2])
    weights = scores.softmax(dim=2).masked_fill(padding, 0)
    return weights, weights @ cells


def padded(words, lengths):
    """True at (batch, word, 1) behind the end of a sentence."""
    places = torch.arange(words.shape[1], device=words.device)
    return (places >= lengths[:, None])[:, :, None]


# Stands between weights and what is read where both are one array; no weight is 2.
BETWEEN = 2


def oracle(words, cells, lengths):
    """Word by word, cell by cell; what lies behind a sentence's end is never looked at."""
    batch, count, dim = words.shape
    weights, read = np.zeros((batch, count, cells.shape[1])), np.zeros((batch, count, dim))
    for row in range(batch):
        for word in range(int(lengths[row])):
            scores = [sum(words[row, word] * cell) / dim**0.5 for cell in cells[row]]
            terms = np.exp(np.array(scores) - max(scores))
            for place, share in enumerate(terms / terms.sum()):
                weights[row, word, place] = share
                read[row, word] += share * cells[row, place]
    return np.concatenate([weights, np.full((batch, count, 1), BETWEEN), read], 2)


@dataclass(frozen=True)
class WeightsAndRead(Entries):
    """The result is the pair of weights and what is read, compared side by side."""

    def joined(self, value) -> torch.Tensor:
        weights, read = value
        return torch.cat([weights, weights.new_full((*weights.shape[:2], 1), BETWEEN), read], 2)

    def read(self, value) -> np.ndarray:
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            yours = kind(value) + (f" of {len(value)}" if isinstance(value, tuple) else "")
            raise Mistake(f"the result should be the pair (weights, read), yours is {yours}.")
        for name, part in zip(("weights", "read"), value, strict=True):
            if not isinstance(part, torch.Tensor):
                raise Mistake(f"{name} should be a tensor, yours is {kind(part)}.")
            if part.ndim != 3 or part.shape[:2] != value[0].shape[:2]:
                raise Mistake(f"{name} has the shape {list(part.shape)}. {self.if_shape}")
        return self.joined(value).detach().cpu().numpy()

    def difference(self, what: str, wanted: np.ndarray, got: np.ndarray) -> tuple[str, str]:
        parts = zip(("weights", "read"), _apart(wanted), _apart(got), strict=True)
        name, right, yours = next(part for part in parts if not np.all(same(part[2], part[1])))
        sentence, question = super().difference(what, right, yours)
        return f"{name}: {sentence}", question


def _apart(both: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    cells = int((both[0, 0] == BETWEEN).argmax())
    return both[..., :cells], both[..., cells + 1 :]


def cases():
    random = torch.Generator().manual_seed(56)
    for dim, cells, lengths, fill, what in (
        (3, 3, (2, 3, 1), 2, "3 sentences of up to 3 words, 3 cells of 3 numbers"),
        (4, 6, (2, 5), 2, "2 sentences of 2 and 5 words, 6 cells of 4 numbers"),
        (5, 4, (3, 1, 4, 2), 2, "4 sentences of up to 4 words, 4 cells of 5 numbers"),
        (2, 5, (3,), 2, "1 sentence of 3 words, 5 cells of 2 numbers"),
        (3, 1, (1, 2), 2, "2 sentences, 1 cell"),
        (16, 64, (12, 7), 2, "2 sentences of up to 12 words, 64 cells of 16 numbers"),
        (4, 3, (1, 2), torch.nan, "2 sentences, NaN behind the end of one"),
    ):
        count = torch.tensor(lengths)
        words = 2 * torch.randn(len(lengths), max(lengths), dim, generator=random)
        words = torch.where(padded(words, count), words + fill, words)
        grid = 2 * torch.randn(len(lengths), cells, dim, generator=random)
        yield Case((words, grid, count), what, "" if math.isfinite(fill) else ANYTHING)
    words, grid = (torch.randn(2, n, 4, generator=random) for n in (4, 3))
    yield Case((words, grid, torch.tensor([2, 1])), "2 sentences of 2 and 1 words, 4 places", WIDE)
    words, grid = (torch.randn(2, n, 4, generator=random) for n in (3, 5))
    count = torch.tensor([3, 2])
    yield Case((30 * words, 30 * grid, count), "scores of some hundreds", LARGE)
    words, grid = words.double(), grid.double()
    yield Case((words, grid, count), "2 sentences, 5 cells, in float64", FLOAT64)
    # One number more, the same in each cell, which moves all scores and no weight.
    words, grid = (
        torch.cat([x, x.new_full((*x.shape[:2], 1), size)], 2)
        for x, size in ((words, FAR), (grid, 1))
    )
    yield Case((words, grid, count), "scores around 10⁹, in float64", FLOAT64)


def asked(weigh, real=lambda words, lengths: ~padded(words, lengths), size=lambda w, c: w.shape[2]):
    """An answer with other weights: weigh(scores, real), scores divided by the root of a size."""

    def answer(words, cells, lengths):
        weights = weigh(words @ cells.mT / size(words, cells) ** 0.5, real(words, lengths))
        return weights, weights @ cells

    return answer


def softmaxed(scores, real):
    return scores.softmax(2).masked_fill(~real, 0)


def by_hand(scores, real):
    terms = scores.exp()
    return (terms / terms.sum(2, keepdim=True)).masked_fill(~real, 0)


def cells_of_the_length(words, cells, lengths):
    """The lengths hide cells, as if these were padded."""
    hidden = padded(cells, lengths).mT
    scores = (words @ cells.mT / words.shape[2] ** 0.5).masked_fill(hidden, -torch.inf)
    weights = scores.softmax(2).masked_fill(padded(words, lengths), 0)
    return weights, weights @ cells


def over(axis):
    return asked(lambda s, real: s.masked_fill(~real, -torch.inf).softmax(axis).nan_to_num())


def turned(words, cells, lengths):
    weights = softmaxed(cells @ words.mT / words.shape[2] ** 0.5, ~padded(words, lengths))
    return weights, weights @ cells


def counted(change):
    """An answer that takes more words or fewer for real."""
    return asked(softmaxed, lambda words, lengths: ~padded(words, change(lengths)))


def partly(which):
    """An answer of which one part keeps the rows behind a sentence's end."""

    def answer(words, cells, lengths):
        right = cross_attend(words, cells, lengths)
        everywhere = cross_attend(words, cells, lengths * 0 + words.shape[1])
        return tuple((right, everywhere)[part == which][part] for part in range(2))

    return answer


ANYTHING = "Did you multiply by 0? NaN · 0 is NaN: masked_fill puts a 0 there."
WIDE = "Did you cut at the longest sentence? As many places come out as went in: words.shape[1]."
LARGE = "Did you write the softmax with exp? Of large numbers it overflows: use torch.softmax."
AXIS = "Is the softmax over the cells? The weights of one word add up to 1: dim=2."
ROOT = "Are the scores divided by √d, where d is how many numbers a word has?"
OFF = "Which words are real? 0 … length − 1: `places < length`."
ROWS = "Behind a sentence's end there is no word: all is 0 there, the weights and what is read."

MISCONCEPTIONS = (
    Misconception(f"Did you use the lengths? {ROWS}", asked(lambda s, real: s.softmax(2))),
    Misconception(
        f"Do words behind the end look everywhere alike? {ROWS}",
        asked(lambda s, real: (s.masked_fill(~real, -1e9)).softmax(2)),
    ),
    Misconception(
        f"Is there a row of −∞ alone? Its softmax is NaN. {ROWS}",
        asked(lambda s, real: s.masked_fill(~real, -torch.inf).softmax(2)),
    ),
    Misconception(f"Did you forget the weights behind the end? {ROWS}", partly(0)),
    Misconception(f"Did you forget what is read behind the end? {ROWS}", partly(1)),
    Misconception(ANYTHING, asked(lambda s, real: s.softmax(2) * real)),
    Misconception(
        "Do the lengths hide cells? They count words: every cell may be looked at.",
        cells_of_the_length,
    ),
    Misconception(AXIS, over(1)),
    Misconception("Is the softmax over the batch? Over the cells: dim=2.", over(0)),
    Misconception(AXIS, asked(lambda s, real: s.softmax(1).masked_fill(~real, 0))),
    Misconception(
        "Are words and cells swapped? Words ask: words @ cells.mT, one row for each word.", turned
    ),
    Misconception(f"Did you forget √d? {ROOT}", asked(softmaxed, size=lambda w, c: 1)),
    Misconception(
        f"Is the root missing? {ROOT}", asked(softmaxed, size=lambda w, c: w.shape[2] ** 2)
    ),
    Misconception(
        f"Did you divide by the root of how many cells there are? {ROOT}",
        asked(softmaxed, size=lambda w, c: c.shape[1]),
    ),
    Misconception(
        f"Did you divide by the root of how many words there are? {ROOT}",
        asked(softmaxed, size=lambda w, c: w.shape[1]),
    ),
    Misconception(
        WIDE,
        lambda words, cells, lengths: tuple(
            x[:, : lengths.max()] for x in cross_attend(words, cells, lengths)
        ),
    ),
    Misconception(OFF, counted(lambda n: n + 1)),
    Misconception(OFF, counted(lambda n: n - 1)),
    Misconception(LARGE, asked(by_hand)),
    Misconception(
        "Are those the scores? Their softmax is asked for.",
        asked(lambda s, real: s.masked_fill(~real, 0)),
    ),
    Misconception(
        "First the weights, then what is read?",
        lambda words, cells, lengths: cross_attend(words, cells, lengths)[::-1],
    ),
    Misconception(
        "Is the word itself added to what it read? That comes later, in a transformer.",
        lambda words, cells, lengths: (
            (both := cross_attend(words, cells, lengths))[0],
            both[1] + words.masked_fill(padded(words, lengths), 0),
        ),
    ),
    in_float32(cross_attend),
)

EXERCISE = Exercise(
    reference=cross_attend,
    oracle=oracle,
    cases=cases,
    result=WeightsAndRead(
        if_shape="First the weights (batch, words, cells), then what was read (batch, words, dim)."
    ),
    misconceptions=MISCONCEPTIONS,
    advice="Scores words @ cells.mT / √d, softmax over the cells, 0 behind the end; what is read "
    "is weights @ cells.",
    praise="equal to an explicit loop on 11 batches of sentences and pictures, gradients included",
    gradient=("words", "cells"),
    at_size=AtSize(
        lambda: (torch.randn(64, 12, 64), torch.randn(64, 64, 64), torch.randint(1, 13, (64,))),
        "64 sentences of up to 12 words, 64 cells",
        calls=100,
    ),
)
