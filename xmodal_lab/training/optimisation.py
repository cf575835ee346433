"""How far a step goes: the learning rate's schedule, and which weights decay."""

from __future__ import annotations

import math

from torch import nn


def schedule(number: int, steps: int, warmup: int) -> float:
    """Share of the highest learning rate at a step: a linear rise, then half a cosine to zero.

    Source: Loshchilov and Hutter 2017.
    """
    if number <= warmup:
        return number / max(warmup, 1)
    progress = (number - warmup) / max(steps - warmup, 1)
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Matrices decay; biases, norms and the temperature (fewer than two dimensions) do not."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
