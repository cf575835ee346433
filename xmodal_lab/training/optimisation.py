"""How a model is optimised: learning rate, weight decay, clipping, and what seldom changes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Recipe:
    """What ``fit`` does as everybody does, unless told otherwise.

    Attributes:
        warmup: steps until the learning rate is at its highest.
        decay: 'cosine' lets it fall to zero behind the warm-up, 'none' keeps it there.
        weight_decay: AdamW's, on weight matrices alone; not on biases, norms or a temperature.
        clip: largest norm of the gradient; ``math.inf`` for none.
        micro_batch: rows that run with a graph at a time, see ``training.backward``; halved by
            itself where the device runs out of memory.
        compiled: True to run the model through ``torch.compile``.
        every: steps from checkpoint to checkpoint; there is one more at the end, however it comes.

    Raises:
        ValueError: for another kind of decay, or checkpoints less than a step apart.
    """

    warmup: int = 30
    decay: str = "cosine"
    weight_decay: float = 0.01
    clip: float = 1.0
    micro_batch: int | None = None
    compiled: bool = False
    every: int = 100

    def __post_init__(self) -> None:
        if self.decay not in ("cosine", "none"):
            raise ValueError(f"unknown decay {self.decay!r}: choose 'cosine' or 'none'")
        if self.every < 1:
            raise ValueError(f"every must be at least 1, got {self.every}")

    def schedule(self, number: int, steps: int) -> float:
        """Share of the highest learning rate at a step, from 1."""
        if self.decay == "none":
            return min(1.0, number / max(self.warmup, 1))
        return schedule(number, steps, self.warmup)


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
