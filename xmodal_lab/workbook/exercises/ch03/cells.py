"""What both recurrent cells share: inputs drawn by chance, and a logistic function in numpy."""

from __future__ import annotations

import numpy as np
import torch

LOUD = "Did you write sigmoid or tanh with exp? Of large numbers it overflows: use torch's."


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), by way of tanh, which does not overflow."""
    return (1 + np.tanh(x / 2)) / 2


def drawn(
    batch: int, dim: int, hidden: int, gates: int, states: int, random: torch.Generator
) -> tuple[torch.Tensor, ...]:
    """An input (batch, dim), states (batch, hidden), weights and biases as in torch's cells."""
    x = torch.randn(batch, dim, generator=random)
    state = torch.randn(states, batch, hidden, generator=random).unbind()
    weights = (torch.randn(gates * hidden, size, generator=random) for size in (dim, hidden))
    biases = torch.randn(2, gates * hidden, generator=random).unbind()
    return x, *state, *weights, *biases


def rows_in_turn(x: torch.Tensor, gates: int) -> tuple[torch.Tensor, ...]:
    """A misreading: every ``gates``-th column belongs to one gate."""
    return tuple(x[:, place::gates] for place in range(gates))


# Batch, inputs, units. The second last is as large as a word's: 12 rows of 40 mels.
SIZES = ((2, 3, 4), (3, 4, 4), (1, 5, 2), (4, 1, 1), (12, 40, 64), (2, 6, 3))


def in_words(batch: int, dim: int, hidden: int) -> str:
    """A step's sizes."""
    text = f"{batch} rows, {dim} inputs, {hidden} units"
    return (
        text.replace("1 rows", "1 row")
        .replace(" 1 inputs", " 1 input")
        .replace("1 units", "1 unit")
    )
