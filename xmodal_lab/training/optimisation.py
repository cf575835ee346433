"""How a model is optimised: learning rate, weight decay, clipping, and what seldom changes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

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
        shares: the learning rate of named parts, as a share of the others': ``{"encoder": 0.1}``
            for borrowed weights behind a new head; with 0 they stay.
        still: names of parts that stay in evaluation mode: their BatchNorm goes on with the means
            and spreads it came with, their dropout is off.

    Raises:
        ValueError: for another kind of decay, checkpoints less than a step apart, or a share that
            is no number from 0 up.

    Source: of a share for borrowed weights, Yosinski et al. 2014.
    """

    warmup: int = 30
    decay: str = "cosine"
    weight_decay: float = 0.01
    clip: float = 1.0
    micro_batch: int | None = None
    compiled: bool = False
    every: int = 100
    shares: Mapping[str, float] = field(default_factory=dict)
    still: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.decay not in ("cosine", "none"):
            raise ValueError(f"unknown decay {self.decay!r}: choose 'cosine' or 'none'")
        if self.every < 1:
            raise ValueError(f"every must be at least 1, got {self.every}")
        for name, share in self.shares.items():
            if not 0 <= share < math.inf:
                raise ValueError(f"the share of {name!r} must be a number from 0 up, got {share}")
        if isinstance(self.still, str):
            raise ValueError(f"still names several parts: give [{self.still!r}]")

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


def parameter_groups(
    model: nn.Module, weight_decay: float, shares: Mapping[nn.Module, float] | None = None
) -> list[dict]:
    """Matrices decay; biases, norms and the temperature (fewer than two dimensions) do not.

    Args:
        model: all that learns.
        weight_decay: of its matrices.
        shares: parts of it → ``share`` of their groups; an inner part's goes before an outer's.
    """
    of = {}
    for part in model.modules():  # outer parts come first
        if part in (shares or {}):
            of |= dict.fromkeys(part.parameters(), shares[part])
    kinds = [(share, decays) for share in sorted({1.0, *of.values()}) for decays in (True, False)]
    return [
        {
            "params": [
                p for p in model.parameters() if (of.get(p, 1.0), p.ndim >= 2) == (share, decays)
            ],
            "weight_decay": weight_decay if decays else 0.0,
            "share": share,
        }
        for share, decays in kinds
    ]


def parts_of(model: nn.Module, names: Iterable[str]) -> dict[str, nn.Module]:
    """Parts of a model by their names.

    Raises:
        ValueError: for a name that the model has not.
    """
    there = dict(model.named_modules())
    for name in names:
        if name not in there or not name:
            known = ", ".join(child for child, _ in model.named_children())
            raise ValueError(f"{type(model).__name__} has no part {name!r}: it has {known}")
    return {name: there[name] for name in names}
