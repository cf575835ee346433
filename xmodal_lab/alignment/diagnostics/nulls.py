"""What would a figure be by chance? Shuffle what should not matter, and look."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from xmodal_lab.alignment.checks import check_finite, check_paired, check_same_space

Statistic = Callable[[Tensor, Tensor], "Tensor | float"]
# Figures that differ by less are equal: rounding must not decide what is extreme.
TIE = 1e-6


class PermutationNull(NamedTuple):
    """A figure beside what chance makes of it.

    Attributes:
        observed: the figure of the data as they are.
        mean, sd: of the figure over shuffled data, in the same units.
        p: share of shuffles at least as extreme, the data themselves counted as one.
    """

    observed: float
    mean: float
    sd: float
    p: float


def permutation_null(
    statistic: Statistic,
    x: Float[Tensor, "rows x_dim"],
    y: Float[Tensor, "y_rows y_dim"],
    rounds: int = 200,
    seed: int = 0,
    shuffle: str = "pairs",
    extreme: str = "high",
) -> PermutationNull:
    """Compare a statistic with its values on shuffled data.

        p = (1 + #{ r : s_r at least as extreme as s }) / (1 + rounds)

    Args:
        statistic: maps (x, y) to a number.
        x, y: two sets of rows.
        rounds: how many shuffles; the smallest possible p is 1 / (1 + rounds).
        seed: of the shuffles.
        shuffle: what chance may change. 'pairs' deals the rows of y out anew: for figures about
            pairs, as CKA, mutual kNN or alignment. 'labels' deals all rows out to x and y anew: for
            figures about two clouds, as the modality gap, which no shuffle of pairs can change.
        extreme: 'high' where a large figure is the surprise (CKA), 'low' where a small one is
            (alignment), 'both' for either (twice the smaller p).

    Raises:
        ValueError: for rows that do not fit the shuffle, rounds < 1, unknown words, NaN in the
            rows or from the statistic.

    Source: Fisher 1935; counting the data themselves, Phipson and Smyth 2010.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    if shuffle not in ("pairs", "labels") or extreme not in ("high", "low", "both"):
        raise ValueError(
            "shuffle must be 'pairs' or 'labels', and extreme 'high', 'low' or 'both', "
            f"got {shuffle!r} and {extreme!r}"
        )
    (check_paired if shuffle == "pairs" else check_same_space)(x, y)
    generator = torch.Generator().manual_seed(seed)

    def deal() -> tuple[Tensor, Tensor]:
        if shuffle == "pairs":
            return x, y[torch.randperm(len(y), generator=generator).to(y.device)]
        both = torch.cat([x, y])[torch.randperm(len(x) + len(y), generator=generator).to(x.device)]
        return both[: len(x)], both[len(x) :]

    observed = float(statistic(x, y))
    values = torch.tensor([float(statistic(*deal())) for _ in range(rounds)], dtype=torch.float64)
    check_finite(values, torch.tensor(observed))
    tie = TIE * max(abs(observed), 1e-12)
    above = (1 + int((values >= observed - tie).sum())) / (1 + rounds)
    below = (1 + int((values <= observed + tie).sum())) / (1 + rounds)
    p = {"high": above, "low": below, "both": min(1.0, 2 * min(above, below))}[extreme]
    return PermutationNull(observed, float(values.mean()), float(values.std(correction=0)), p)
