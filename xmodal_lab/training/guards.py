"""What keeps a training whole when a step fails or somebody presses Ctrl-C."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from xmodal_lab.batch import Batch
from xmodal_lab.training.distributed import all_gather_object
from xmodal_lab.training.random_state import random_state, restore_random_state


class TrainingError(RuntimeError):
    """Training met a loss or gradient that is no number."""


class Snapshot:
    """Running statistics and random numbers of a moment: what a forward pass moves.

    It moves them before its loss is known to be a number, or to fit into memory.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model, self.randoms = model, random_state()
        self.buffers = [buffer.clone() for buffer in model.buffers()]
        self.settled = False

    def restore(self) -> None:
        """Put them back."""
        with torch.no_grad():
            for buffer, kept in zip(self.model.buffers(), self.buffers, strict=True):
                buffer.copy_(kept)
        restore_random_state(self.randoms)


@contextmanager
def undone_on_error(model: nn.Module) -> Iterator[Snapshot]:
    """Put running statistics and random numbers back where a step fails before it is settled.

    The block sets ``settled`` once the weights have moved too: from then on they belong together,
    even if Ctrl-C comes before the block has ended.
    """
    before = Snapshot(model)
    try:
        yield before
    except BaseException:
        if not before.settled:
            before.restore()
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
    if pressed:
        signal.raise_signal(signal.SIGINT)  # to whoever would have received it


def refuse_no_number(
    number: int,
    found: Mapping[str, Tensor],
    norm: Tensor,
    scaler: torch.amp.GradScaler,
    batch: Batch,
    rows: Tensor,
) -> float:
    """The loss of a step, where it and the gradient are numbers.

    Raises:
        TrainingError: where they are not.
    """
    loss = found[""].item()
    # A scaler expects an infinite gradient now and then and skips that step by itself; but where
    # it no longer scales up, the gradient itself is at fault.
    skipped = scaler.is_enabled() and scaler.get_scale() > 1
    if math.isfinite(loss) and (norm.isfinite() or skipped):
        return loss
    raise TrainingError(
        f"step {number}: loss {loss:.4g}, gradient norm {norm.item():.4g}. "
        f"{suspects(batch, rows)} The weights are those of the step before."
    )


def suspects(batch: Batch, rows: Tensor) -> str:
    """Which rows of the data may be to blame for a loss that is no number."""
    bad = ~batch.finite()
    # On several processes each looks through its own rows, and all report all.
    found = all_gather_object(rows.cpu()[bad].tolist())
    if blamed := [row for some in found for row in some]:
        return f"Rows {blamed} hold NaN or infinity: mend or drop them."
    return f"Rows {rows[:8].tolist()} … are all finite: lower the learning rate."
