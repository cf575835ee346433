"""Brings each step its rows: from the device where the data fits there, else from pinned memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from xmodal_lab.batch import Batch, Entries
from xmodal_lab.training.distributed import shard
from xmodal_lab.training.order import Order

# Data that is made anew for every step: a function of the step's number (from 0) alone, so that a
# training can be resumed.
Maker = Callable[[int], Entries]


class Feed:
    """Rows and batch of each step, on the device.

    A data set of up to half of the device's free memory is moved there once: taking rows of it
    is then a copy within the device. A larger one stays in pinned memory, and its rows travel
    without blocking. No workers, no pickling, no queue.

    Args:
        data: all rows of every modality, or a function that makes the batch of a step.
        order: which rows a step takes; on several processes each takes its shard of them.
        device: where the model is.

    Raises:
        ValueError: where the modalities have different numbers of rows.
    """

    def __init__(self, data: Entries | Maker, order: Order | None, device: torch.device) -> None:
        self.order, self.device = order, device
        self.make = data if callable(data) else None
        if self.make is None:
            whole = Batch(data)
            # A given order would pair rows of unequal modalities without a word: ``size`` raises.
            fits = whole.size and (
                device.type != "cuda" or whole.bytes <= torch.cuda.mem_get_info()[0] / 2
            )
            self.data = whole.to(device) if fits else whole.pinned()

    def __call__(self, step: int) -> tuple[Tensor, Batch]:
        """Numbers of the rows of a step (from 0), and what the model reads of them."""
        if self.make is not None:
            whole = Batch(self.make(step))
            rows = shard(torch.arange(whole.size))
            return rows, whole.rows(rows).to(self.device)
        rows = shard(self.order(step))
        batch = self.data.rows(rows)
        if batch.device.type != self.device.type:
            batch = batch.pinned().to(self.device, non_blocking=True)
        return rows, batch
