"""Which rows a step trains on: a function of the step's number alone, so a run can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor

Order = Callable[[int], Int64[Tensor, " batch"]]


def shuffled(
    rows: int | Sequence[int] | np.ndarray | Tensor, batch_size: int = 128, seed: int = 0
) -> Order:
    """Batches of rows, shuffled anew in every epoch; a last incomplete batch is left out.

    Args:
        rows: how many there are, or their numbers.
        batch_size: rows a step.
        seed: another seed, another order.

    Raises:
        ValueError: for fewer rows than one batch takes, or a batch of none.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    numbers = torch.arange(rows) if isinstance(rows, int) else torch.as_tensor(rows)
    batches = len(numbers) // batch_size
    if batches == 0:
        raise ValueError(f"a batch of {batch_size} needs as many rows, got {len(numbers)}")
    latest: dict[int, Tensor] = {}

    def order(step: int) -> Tensor:
        epoch, batch = divmod(step, batches)
        if epoch not in latest:
            latest.clear()
            generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
            latest[epoch] = numbers[torch.randperm(len(numbers), generator=generator)]
        return latest[epoch][batch * batch_size : (batch + 1) * batch_size]

    return order


def easy_first(
    easy: Bool[np.ndarray, " rows"], steps: int, batch_size: int = 128, seed: int = 0
) -> Order:
    """A curriculum: for the first steps only easy rows, then all of them.

    Args:
        easy: which rows are easy, such as ``data.thing_counts == 1``.
        steps: how many steps take easy rows alone.
        batch_size, seed: as ``shuffled``.

    Raises:
        ValueError: where there are fewer easy rows than one batch takes.

    Source: Bengio et al. 2009.
    """
    everything = shuffled(len(easy), batch_size, seed)
    if steps == 0:
        return everything
    simple = shuffled(np.flatnonzero(easy), batch_size, seed)
    return lambda step: simple(step) if step < steps else everything(step - steps)
