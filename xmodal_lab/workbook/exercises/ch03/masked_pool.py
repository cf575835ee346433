"""Exercise `masked_pool`: mean and maximum over the real steps of a padded batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from xmodal_lab.workbook.exercises.ch03.pair import Pair
from xmodal_lab.workbook.exercises.form import AtSize, Case, Exercise, Misconception


def masked_pool(states, lengths):
    """States (batch, time, dim), lengths (batch,) → (mean, maximum) over time, (batch, dim)."""
    padding = ~real_steps(states, lengths)
    mean = states.masked_fill(padding, 0).sum(dim=1) / lengths[:, None]
    return mean, states.masked_fill(padding, -torch.inf).amax(dim=1)


def real_steps(states, lengths):
    """True at (batch, time, 1) where a step is no padding."""
    steps = torch.arange(states.shape[1], device=states.device)
    return (steps < lengths[:, None])[:, :, None]


def oracle(states, lengths):
    """Row by row, number by number; what lies behind a length is never looked at."""
    batch, _, dim = states.shape
    means, maxima = np.zeros((batch, dim)), np.zeros((batch, dim))
    for row, place in np.ndindex(batch, dim):
        real = [states[row, step, place] for step in range(int(lengths[row]))]
        means[row, place] = sum(real) / len(real)
        maxima[row, place] = max(real)
    return means, maxima


def cases():
    random = torch.Generator().manual_seed(35)
    for lengths, time, dim, behind, shift, what in (
        ((3, 5, 1), 5, 3, 0, 0, "3 rows of 3, 5 and 1 steps, 0 behind them"),
        ((3, 5, 1), 5, 4, 0, -4, "3 rows whose real numbers are all negative, 0 behind them"),
        ((2, 4, 3), 6, 3, 50, 0, "3 rows of 2, 4 and 3 steps, large numbers behind them"),
        ((2, 4), 5, 3, -50, 0, "2 rows, large negative numbers behind them"),
        ((3, 1, 2), 3, 3, 0, 0, "3 rows of 3 numbers, 3 steps at most"),
        ((4, 4), 4, 3, 0, 0, "2 rows without padding"),
        ((1, 1, 1), 1, 2, 0, 0, "3 rows of one step"),
        ((2,), 7, 3, 0, 0, "1 row of 2 steps, 5 steps of padding"),
        ((5, 2), 6, 1, 0, -3e4, "2 rows with numbers around −30,000"),
        ((2, 5, 1), 5, 3, torch.inf, 0, "3 rows with infinity behind them"),
        ((4, 1), 5, 3, torch.nan, 0, "2 rows with NaN behind them"),
        (WORDS, 40, 64, 50, 0, "12 rows of up to 40 steps, 64 numbers each"),
    ):
        count = torch.tensor(lengths)
        states = torch.randn(len(lengths), time, dim, generator=random) + shift
        around = behind * (1 + torch.rand(states.shape, generator=random))
        states = torch.where(real_steps(states, count), states, around)
        advice = ANYTHING if not math.isfinite(behind) else FAR if shift < -100 else ""
        yield Case((states, count), what, advice)


# As long as words: most real steps lie behind the first ten.
WORDS = (40, 31, 27, 22, 18, 16, 14, 12, 9, 7, 3, 1)
ANYTHING = "Did you multiply padding by 0? NaN · 0 and ∞ · 0 are NaN: masked_fill puts a 0 there."
FAR = "Is padding set to a number that is not low enough? −∞ always is: -torch.inf."


class Way(NamedTuple):
    """One of the two results as someone computes it, and the question; None where it is right."""

    question: str | None
    of: Callable


def filled(states, lengths, number):
    return states.masked_fill(~real_steps(states, lengths), number)


def with_lengths(change):
    """A mean over other steps: the lengths are changed first."""

    def mean(states, lengths):
        count = change(lengths, states.shape[1])
        return filled(states, count, 0).sum(1) / count[:, None]

    return mean


one_more = with_lengths(lambda n, time: (n + 1).clamp(max=time))
one_less = with_lengths(lambda n, time: (n - 1).clamp(min=1))


def most(change):
    """A maximum over other steps."""
    return lambda states, lengths: filled(
        states, change(lengths, states.shape[1]), -torch.inf
    ).amax(1)


def over_mask(states, lengths):
    """Divided by the number of real entries of all columns."""
    return filled(states, lengths, 0).sum(1) / (lengths * states.shape[2])[:, None]


def last(states, lengths):
    return states[torch.arange(len(states)), lengths - 1]


def of_all_rows(states, lengths):
    return (filled(states, lengths, 0).sum((0, 1)) / lengths.sum()).expand(len(states), -1)


def of_each_number(states, lengths):
    """The lengths meet the last axis, where there are as many numbers as rows."""
    return filled(states, lengths, 0).sum(1) / lengths


COUNTED = "Did padding count in the mean? Divide the sum over real steps by the length."
SUMMED = "Did you add up padding too? Set it to 0 first."
ZEROS = "Is the maximum that of the padding? Where all real numbers are negative, 0 is larger."
LOW = FAR
OFF = "Which steps are real? 0 … length − 1: `steps < length`."
LAST = "Is that the last real step? All real steps count."

MEANS = (
    Way(None, lambda x, n: masked_pool(x, n)[0]),
    Way(COUNTED, lambda x, n: x.mean(1)),
    Way(COUNTED, lambda x, n: filled(x, n, 0).mean(1)),
    Way(SUMMED, lambda x, n: x.sum(1) / n[:, None]),
    Way("Is that a sum? Divide by the length.", lambda x, n: filled(x, n, 0).sum(1)),
    Way("Is that a sum? Divide by the length.", lambda x, n: x.sum(1)),
    Way("Did you divide by all entries of the mask? By the steps only: the length.", over_mask),
    Way("Does each row have its own length? lengths[:, None] meets (batch, dim).", of_each_number),
    Way("Is that the mean of all rows? Each row has its own.", of_all_rows),
    Way("Did you divide by the longest?", lambda x, n: filled(x, n, 0).sum(1) / n.max()),
    Way("Did you divide by length + 1?", lambda x, n: filled(x, n, 0).sum(1) / (n[:, None] + 1)),
    Way(OFF, one_more),
    Way(OFF, one_less),
    Way(OFF, lambda x, n: filled(x, n - 1, 0).sum(1) / n[:, None]),
    Way(OFF, lambda x, n: filled(x, (n + 1), 0).sum(1) / n[:, None]),
    Way(LAST, last),
    Way("Is that the first step? All real steps count.", lambda x, n: x[:, 0]),
    Way(
        "Did you keep the padding and drop the real steps?",
        lambda x, n: x.masked_fill(real_steps(x, n), 0).sum(1) / n[:, None],
    ),
    Way(
        "Is that the median?",
        lambda x, n: torch.stack([row[:k].median(0).values for row, k in zip(x, n, strict=True)]),
    ),
)
MAXIMA = (
    Way(None, lambda x, n: masked_pool(x, n)[1]),
    Way(ZEROS, lambda x, n: x.amax(1)),
    Way(ZEROS, lambda x, n: filled(x, n, 0).amax(1)),
    Way(LOW, lambda x, n: filled(x, n, -1).amax(1)),
    Way(LOW, lambda x, n: filled(x, n, -100).amax(1)),
    Way(LOW, lambda x, n: filled(x, n, -1000).amax(1)),
    Way(LOW, lambda x, n: filled(x, n, -1e4).amax(1)),
    Way(LOW, lambda x, n: filled(x, n, float(x.min()) / 2).amax(1)),
    Way(
        "Is that the smallest? The maximum is asked for.",
        lambda x, n: filled(x, n, torch.inf).amin(1),
    ),
    Way("Is that the largest size? The sign counts.", lambda x, n: filled(x, n, 0).abs().amax(1)),
    Way(
        "Is that the maximum of all rows? Each row has its own.",
        lambda x, n: filled(x, n, -torch.inf).amax((0, 1)).expand(len(x), -1),
    ),
    Way(OFF, most(lambda n, time: n + 1)),
    Way(OFF, most(lambda n, time: (n - 1).clamp(min=1))),
    Way(LAST, last),
    Way("Is the maximum the mean?", lambda x, n: masked_pool(x, n)[0]),
    Way(
        "Is that where the maximum stands? Its value is asked for.",
        lambda x, n: filled(x, n, -torch.inf).argmax(1).float(),
    ),
    Way(
        "Did you keep the padding and drop the real steps?",
        lambda x, n: x.masked_fill(real_steps(x, n), -torch.inf).amax(1),
    ),
)


def both(mean: Way, maximum: Way) -> Misconception:
    """The mean is looked at first, so it is asked about where both are wrong."""
    return Misconception(
        mean.question or maximum.question,
        lambda states, lengths: (mean.of(states, lengths), maximum.of(states, lengths)),
    )


MISCONCEPTIONS = (
    *(both(mean, MAXIMA[0]) for mean in MEANS[1:]),
    *(both(MEANS[0], maximum) for maximum in MAXIMA[1:]),
    *(both(mean, maximum) for mean in MEANS[1:4] for maximum in MAXIMA[1:3]),
    both(Way(OFF, one_more), Way(OFF, most(lambda n, time: n + 1))),
    both(Way(OFF, one_less), Way(OFF, most(lambda n, time: (n - 1).clamp(min=1)))),
    both(Way(LAST, last), Way(LAST, last)),
    Misconception(
        "Are mean and maximum returned the wrong way round? First the mean.",
        lambda states, lengths: masked_pool(states, lengths)[::-1],
    ),
    Misconception(
        "Is that over the numbers of a step? Pool over time, dim=1.",
        lambda states, lengths: (states.mean(2), states.amax(2)),
    ),
    Misconception(
        "Is that over the rows of the batch? Pool over time, dim=1.",
        lambda states, lengths: (states.mean(0), states.amax(0)),
    ),
)

EXERCISE = Exercise(
    reference=masked_pool,
    oracle=oracle,
    cases=cases,
    result=Pair(
        names=("mean", "maximum"),
        if_shape="One vector for each row: pool over time, dim=1, and keep no axis for it.",
        if_other="`.max(dim=1)` gives values and places: `.amax(dim=1)` the values alone.",
    ),
    misconceptions=MISCONCEPTIONS,
    advice="A mask (batch, time, 1): steps < lengths. Behind it 0 for the sum, −∞ for the maximum.",
    praise="equal to an explicit loop on 12 padded batches, gradient included",
    gradient=("states",),
    at_size=AtSize(
        lambda: (torch.randn(128, 100, 64), torch.randint(1, 101, (128,))),
        "128 rows of up to 100 steps",
        calls=10,
    ),
)
