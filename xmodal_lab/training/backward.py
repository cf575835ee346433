"""The gradient of a contrastive loss: whole, in micro-batches, and on several processes.

A contrastive loss compares every row with every other one, so it cannot simply be added up over
micro-batches: each of them would see fewer negatives. But the loss needs only the *embeddings* of
all rows, which are small. So (Gao et al. 2021, GradCache):

1. embed all rows without a graph, a micro-batch at a time;
2. compute the loss of all embeddings, and its gradient on each of them;
3. embed each micro-batch again, this time with a graph, and send its rows' gradients back.

Step 3 repeats step 1 with the same random numbers, so dropout drops the same units. The result is
the gradient of the whole batch, at the memory of a micro-batch and one more forward pass.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from xmodal_lab.batch import Batch
from xmodal_lab.runtime import Runtime
from xmodal_lab.training.distributed import average_gradients, gather, world_size
from xmodal_lab.training.random_state import random_state, restore_random_state

Loss = Callable[[dict[str, Tensor], Tensor], Tensor]


def backward(
    model: nn.Module,
    loss: Loss,
    batch: Batch,
    micro_batch: int | None = None,
    scale: Callable[[Tensor], Tensor] = lambda value: value,
    autocast: Callable[[], AbstractContextManager] = nullcontext,
) -> Tensor:
    """Add the gradient of the loss over a whole batch to ``.grad`` of all parameters.

    On several processes each brings its own rows: the loss is that of all processes' rows, and
    the gradients come out the same everywhere, equal to those of one process with all rows.

    Args:
        model: maps a batch to embeddings by modality; has a ``temperature``.
        loss: maps (embeddings, temperature) to a scalar.
        batch: this process's rows.
        micro_batch: rows that are embedded with a graph at a time; None for all at once.
        scale: multiplies the loss before its gradient is taken (float16).
        autocast: the precision of the encoders, see ``Runtime.autocast``; the loss is exact.

    Returns:
        The loss, without graph and unscaled.
    """
    rows = batch.size
    if micro_batch is None or micro_batch >= rows:
        with autocast():
            embeddings = {name: gather(points) for name, points in model(batch).items()}
        # Outside: a cosine of 8 bits divided by a small temperature would be too coarse.
        value = loss(embeddings, model.temperature)
        scale(value).backward()
    else:
        # Of nearly equal size: a last part of one row would be an error to BatchNorm.
        parts = torch.arange(rows).tensor_split(math.ceil(rows / micro_batch))
        value = _in_micro_batches(model, loss, batch, parts, scale, autocast)
    average_gradients(model)
    return value.detach()


def _in_micro_batches(model, loss, batch, parts, scale, autocast) -> Tensor:
    states, pieces = [], []
    buffers = [buffer.clone() for buffer in model.buffers()]
    with torch.no_grad(), autocast():
        for part in parts:
            states.append(random_state())
            pieces.append(model(batch.rows(part)))
    # The second pass moves running statistics, so the first one must not count.
    for buffer, kept in zip(model.buffers(), buffers, strict=True):
        buffer.copy_(kept)
    leaves = {
        name: torch.cat([piece[name] for piece in pieces]).requires_grad_() for name in pieces[0]
    }
    value = loss({name: gather(leaf) for name, leaf in leaves.items()}, model.temperature)
    scale(value).backward()  # gives the temperature its gradient, once, and each embedding its own
    after = random_state()
    for part, state in zip(parts, states, strict=True):
        restore_random_state(state)
        with autocast():
            embeddings = model(batch.rows(part))
        # A modality may be left out by the loss, or have nothing that learns.
        learning = [
            (points, leaves[name].grad[part.to(points.device)])
            for name, points in embeddings.items()
            if points.requires_grad and leaves[name].grad is not None
        ]
        if learning:
            torch.autograd.backward(*zip(*learning, strict=True))
    restore_random_state(after)
    return value


class Gradient:
    """``backward`` for a training: in smaller and smaller micro-batches where memory runs out.

    Args:
        model, loss: as ``backward``.
        runtime: device and precision.
        micro_batch: rows embedded with a graph at a time; None to begin with all.
    """

    def __init__(
        self, model: nn.Module, loss: Loss, runtime: Runtime, micro_batch: int | None
    ) -> None:
        if micro_batch is not None and micro_batch < 1:
            raise ValueError(f"micro_batch must be at least 1, got {micro_batch}")
        self.model, self.loss, self.runtime = model, loss, runtime
        self.micro_batch = micro_batch
        if world_size() > 1 or micro_batch is not None:
            warn_of_batch_norm(model)

    def __call__(
        self, batch: Batch, scale: Callable[[Tensor], Tensor], restore: Callable[[], None]
    ) -> Tensor:
        """The loss of a batch; its gradient lies in ``.grad`` of the model's parameters.

        Args:
            batch: this process's rows.
            scale: multiplies the loss before its gradient is taken.
            restore: puts running statistics and random numbers back before another attempt, see
                ``guards.Snapshot``.

        Raises:
            torch.OutOfMemoryError: where not even one row fits.
        """
        asked = self.micro_batch
        while True:
            try:
                value = backward(
                    self.model, self.loss, batch, self.micro_batch, scale, self.runtime.autocast
                )
                break
            except RuntimeError as error:
                size = min(self.micro_batch or batch.size, batch.size)
                # On several processes the others would wait for this one for ever.
                if not out_of_memory(error) or size == 1 or world_size() > 1:
                    raise
            # Beyond the except clause: the error would keep the graph, and its memory, alive.
            self.micro_batch = (size + 1) // 2
            self.model.zero_grad(set_to_none=True)
            restore()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        if self.micro_batch != asked:
            print(
                f"Note: out of memory; going on with micro-batches of {self.micro_batch} rows, "
                "same gradient."
            )
            if asked is None:
                warn_of_batch_norm(self.model)
        return value


def out_of_memory(error: RuntimeError) -> bool:
    """CUDA has a type of its own for it; MPS and the CPU only say so."""
    return isinstance(error, torch.cuda.OutOfMemoryError) or any(
        words in str(error) for words in ("out of memory", "can't allocate memory")
    )


def warn_of_batch_norm(model: nn.Module) -> None:
    """Say so where splitting a batch cannot be exact: BatchNorm lets its samples see each other."""
    names = [n for n, m in model.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if names:
        warnings.warn(
            f"{names[0]} (one of {len(names)}) is BatchNorm: each part of a split batch is "
            "normalised by its own statistics, so the gradient is not quite that of the whole "
            "batch. Use a model without BatchNorm (GroupNorm, LayerNorm) for an exact one.",
            stacklevel=2,
        )
