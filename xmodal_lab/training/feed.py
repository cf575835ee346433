"""Brings each step its rows: from the device where the data fits there, else by a stream."""

from __future__ import annotations

import torch
from torch import Tensor

from xmodal_lab.batch import Batch, Padded
from xmodal_lab.training.distributed import shard
from xmodal_lab.training.order import Order


class Feed:
    """Rows and batch of each step, on the device.

    A data set of up to half of the device's free memory is moved there once: taking rows of it
    is then a copy within the device. A larger one stays in pinned memory, and the next step's
    rows travel while the present step computes. No workers, no pickling, no queue.

    Args:
        data: all rows of every modality.
        order: which rows a step takes; on several processes each takes its share of them.
        device: where the model is.
        last: number of the last step, beyond which nothing is fetched ahead.

    Raises:
        ValueError: where the modalities have different numbers of rows.
    """

    def __init__(self, data: Batch, order: Order, device: torch.device, last: int) -> None:
        assert data.size  # raises: an order would pair rows of unequal modalities without a word
        self.order, self.device, self.last = order, device, last
        self.resident = device.type != "cuda" or _bytes(data) <= torch.cuda.mem_get_info()[0] / 2
        self.data = data.to(device) if self.resident else _pinned(data)
        self.stream = None if self.resident else torch.cuda.Stream()
        self._ahead: tuple[int, Tensor, Batch] | None = None

    def __call__(self, step: int) -> tuple[Tensor, Batch]:
        """Numbers of the rows of a step (from 0), and what the encoders read of them."""
        if self.resident:
            rows = shard(self.order(step))
            return rows, self.data.rows(rows)
        if self._ahead is None or self._ahead[0] != step:
            self._fetch(step)
        _, rows, batch = self._ahead
        torch.cuda.current_stream().wait_stream(self.stream)
        for tensor in _tensors(batch):
            # Made on one stream, used on another: not to be reused before this one is done.
            tensor.record_stream(torch.cuda.current_stream())
        self._ahead = None
        if step < self.last:
            self._fetch(step + 1)
        return rows, batch

    def _fetch(self, step: int) -> None:
        rows = shard(self.order(step))
        pinned = _pinned(self.data.rows(rows))
        with torch.cuda.stream(self.stream):
            batch = {
                name: Padded(*(part.to(self.device, non_blocking=True) for part in values))
                if isinstance(values, Padded)
                else values.to(self.device, non_blocking=True)
                for name, values in pinned.items()
            }
        self._ahead = (step, rows, batch)


def _tensors(batch: Batch) -> list[Tensor]:
    return [t for v in batch.values() for t in (v if isinstance(v, Padded) else (v,))]


def _bytes(batch: Batch) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in _tensors(batch))


def _pinned(batch: Batch) -> Batch:
    return {
        name: Padded(*(part.pin_memory() for part in values))
        if isinstance(values, Padded)
        else values.pin_memory()
        for name, values in batch.items()
    }
