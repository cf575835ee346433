"""What keeps a training whole when a step fails or somebody presses Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from xmodal_lab.encoders.inputs import Batch
from xmodal_lab.encoders.padding import Padded
from xmodal_lab.training.random_state import random_state, restore_random_state


@contextmanager
def undone_on_error(model: nn.Module) -> Iterator[None]:
    """Put running statistics and random numbers back where a step fails half-way.

    A forward pass moves BatchNorm's statistics before its loss is known to be a number.
    """
    statistics, state = [buffer.clone() for buffer in model.buffers()], random_state()
    try:
        yield
    except BaseException:
        with torch.no_grad():
            for buffer, kept in zip(model.buffers(), statistics, strict=True):
                buffer.copy_(kept)
        restore_random_state(state)
        raise


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back until the block has ended, so that no update is applied to half the weights.

    Only the main thread receives Ctrl-C; in another one this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *arguments: pressed.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed and callable(before):
        before(*pressed[0])


def suspects(batch: Batch, rows: Tensor) -> str:
    """Which rows of the data may be to blame for a loss that is no number."""
    bad = torch.zeros(len(rows), dtype=torch.bool)
    for values in batch.values():
        levels = values.values if isinstance(values, Padded) else values
        bad |= ~levels.reshape(len(rows), -1).isfinite().all(dim=1).cpu()
    if bad.any():
        return f"Rows {rows.cpu()[bad].tolist()} hold NaN or infinity: mend or drop them."
    return f"Rows {rows[:8].tolist()} … are all finite: lower the learning rate."
