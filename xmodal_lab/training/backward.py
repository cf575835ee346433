"""The gradient of an objective: whole, in micro-batches, and on several processes.

An objective that is a mean over its terms (``objective.mean_over``) simply adds up. A contrast
compares every row with every other one, and over micro-batches each would see fewer negatives. But
it needs only what the model gives for all rows, which is small. So (Gao et al. 2021, GradCache):

1. run the model on all rows without a graph, a micro-batch at a time;
2. compute the loss of all outputs, and its gradient on each of them;
3. run each micro-batch again, this time with a graph, and send its rows' gradients back.

Step 3 repeats step 1 with the same random numbers, so dropout drops the same units. The result is
the gradient of the whole batch, at the memory of a micro-batch and one more forward pass.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from xmodal_lab.batch import Batch, Entries
from xmodal_lab.objective import Objective, Outputs, as_given, named
from xmodal_lab.runtime import Runtime
from xmodal_lab.training.distributed import (
    GatheredBatch,
    all_reduce_sum,
    average_gradients,
    gather,
    world_size,
)
from xmodal_lab.training.random_state import random_state, restore_random_state

Scale = Callable[[Tensor], Tensor]


def learner(model: nn.Module, objective: Objective) -> nn.Module:
    """All that learns: the model, and an objective that has parameters of its own."""
    if isinstance(objective, nn.Module) and any(True for _ in objective.parameters()):
        return nn.ModuleDict({"model": model, "objective": objective})
    return model


def backward(
    model: nn.Module,
    objective: Objective,
    batch: Entries,
    micro_batch: int | None = None,
    scale: Scale = lambda value: value,
    autocast: Callable[[], AbstractContextManager] = nullcontext,
) -> dict[str, Tensor]:
    """Add the gradient of the objective over a whole batch to ``.grad`` of all parameters.

    On several processes each brings its own rows: the loss is that of all processes' rows, and
    the gradients come out the same everywhere, equal to those of one process with all rows.

    Args:
        model: maps a batch to outputs, see ``objective``.
        objective: maps (outputs, batch) to a scalar or named scalars.
        batch: this process's rows.
        micro_batch: rows that run with a graph at a time; None for all at once.
        scale: multiplies the loss before its gradient is taken (float16).
        autocast: the precision of the model, see ``Runtime.autocast``; the objective is exact.

    Returns:
        What the objective gave, by name, and under '' the loss: the sum of all that has a
        gradient. Without graph, and unscaled.

    Raises:
        ValueError: where nothing that the objective gives has a gradient, or outputs that are no
            rows would have to be split.
    """
    batch = Batch(batch)
    count = 1 if micro_batch is None else max(1, math.ceil(batch.size / micro_batch))
    # Of nearly equal size: a last part of one row would be an error to BatchNorm.
    indices = torch.arange(batch.size).tensor_split(count) if count > 1 else ()
    parts = [batch.rows(index) for index in indices] or [batch]
    run = lambda part: _run(model, part, autocast)  # noqa: E731
    if hasattr(objective, "terms"):
        found = _added_up(run, objective, parts, scale)
    elif count == 1:
        outputs = _gathered(run(batch))
        found = _with_total(objective(as_given(outputs), _everyones(batch)))
        scale(found[""]).backward()
    else:
        found = _in_two_passes(model, run, objective, batch, parts, scale)
    average_gradients(learner(model, objective))
    return {name: value.detach() for name, value in found.items()}


def _with_total(given: Outputs) -> dict[str, Tensor]:
    found = named(given)
    losses = [value for value in found.values() if value.requires_grad]
    if not losses:
        raise ValueError(f"nothing that the objective gives has a gradient, got {given}")
    return found | {"": sum(losses[1:], losses[0])}


def _run(model: nn.Module, batch: Batch, autocast) -> dict[str, Tensor]:
    with autocast():
        outputs = named(model(batch))
    # Outside: a cosine of 8 bits divided by a small temperature would be too coarse.
    coarse = (torch.float16, torch.bfloat16)
    return {n: rows.float() if rows.dtype in coarse else rows for n, rows in outputs.items()}


def _gathered(outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The rows of all processes; what has no rows is the same everywhere."""
    return {name: gather(rows) if rows.ndim else rows for name, rows in outputs.items()}


def _everyones(batch: Batch) -> Batch:
    return batch if world_size() == 1 else GatheredBatch(batch)


def _added_up(run, objective, parts: list[Batch], scale: Scale) -> dict[str, Tensor]:
    """Each part by itself, weighted by its share of all terms, the other processes' included."""
    counts = [_counted(objective.terms(part), part) for part in parts]
    whole = all_reduce_sum({name: sum(count[name] for count in counts) for name in counts[0]})
    sums: dict[str, Tensor] = {}
    for part, count in zip(parts, counts, strict=True):
        found = named(objective(as_given(run(part)), part))
        for name, value in found.items():
            share = count.get(name, count[""]) / max(whole.get(name, whole[""]), 1)
            # A mean over no term at all is NaN, and weighs nothing.
            found[name] = value * share if share else torch.nan_to_num(value) * 0
        found = _with_total(as_given(found))
        scale(found[""] * world_size()).backward()  # ``average_gradients`` divides by it
        for name, value in found.items():
            sums[name] = sums.get(name, 0) + value.detach()
    values = all_reduce_sum({name: value.item() for name, value in sums.items()})
    return {name: value.new_tensor(values[name]) for name, value in sums.items()}


def _counted(terms: int | Mapping[str, int], part: Batch) -> dict[str, int]:
    """Terms by name; '' holds for all names that are not there."""
    return {"": part.size, **terms} if isinstance(terms, Mapping) else {"": terms}


def _in_two_passes(model, run, objective, batch, parts, scale: Scale) -> dict[str, Tensor]:
    states, pieces = [], []
    buffers = [buffer.clone() for buffer in model.buffers()]
    with torch.no_grad():
        for part in parts:
            states.append(random_state())
            pieces.append(run(part))
            _check_rows(pieces[-1], part.size)
    # The second pass moves running statistics, so the first one must not count.
    for buffer, kept in zip(model.buffers(), buffers, strict=True):
        buffer.copy_(kept)
    leaves = {name: _leaf([piece[name] for piece in pieces]) for name in pieces[0]}
    found = _with_total(objective(as_given(_gathered(leaves)), _everyones(batch)))
    scale(found[""]).backward()  # gives each output its gradient
    after = random_state()
    start = 0
    for number, (part, state) in enumerate(zip(parts, states, strict=True)):
        restore_random_state(state)
        learning = []
        for name, rows in run(part).items():
            gradient = leaves[name].grad
            # An output may be left out by the objective, or have nothing that learns; and what
            # belongs to all rows gets its gradient once.
            if gradient is None or not rows.requires_grad or (not rows.ndim and number):
                continue
            learning.append((rows, gradient[start : start + part.size] if rows.ndim else gradient))
        if learning:
            torch.autograd.backward(*zip(*learning, strict=True))
        start += part.size
    restore_random_state(after)
    return found


def _leaf(pieces: list[Tensor]) -> Tensor:
    # Detached: a temperature may be a weight itself.
    whole = torch.cat(pieces) if pieces[0].ndim else pieces[0].detach().clone()
    return whole.requires_grad_(whole.is_floating_point())


def _check_rows(outputs: Mapping[str, Tensor], count: int) -> None:
    uneven = {n: len(rows) for n, rows in outputs.items() if rows.ndim and len(rows) != count}
    if uneven:
        raise ValueError(
            f"outputs must have a row for each of the batch's {count}, got {uneven}: such a batch "
            "cannot be split, unless the objective adds up (see objective.mean_over)"
        )


class Gradient:
    """``backward`` for a training: in smaller and smaller micro-batches where memory runs out.

    Args:
        model, objective: as ``backward``.
        runtime: device and precision.
        micro_batch: rows that run with a graph at a time; None to begin with all.
    """

    def __init__(
        self, model: nn.Module, objective: Objective, runtime: Runtime, micro_batch: int | None
    ) -> None:
        if micro_batch is not None and micro_batch < 1:
            raise ValueError(f"micro_batch must be at least 1, got {micro_batch}")
        self.model, self.objective, self.runtime = model, objective, runtime
        self.micro_batch = micro_batch
        if world_size() > 1 or micro_batch is not None:
            warn_of_batch_norm(model)

    def __call__(
        self, batch: Batch, scale: Scale, restore: Callable[[], None]
    ) -> dict[str, Tensor]:
        """What the objective gives for a batch; its gradient lies in ``.grad`` of all parameters.

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
                found = backward(
                    self.model, self.objective, batch, self.micro_batch, scale,
                    self.runtime.autocast,
                )  # fmt: skip
                break
            except RuntimeError as error:
                size = min(self.micro_batch or batch.size, batch.size)
                # On several processes the others would wait for this one for ever.
                if not out_of_memory(error) or size == 1 or world_size() > 1:
                    raise
            # Beyond the except clause: the error would keep the graph, and its memory, alive.
            self.micro_batch = (size + 1) // 2
            learner(self.model, self.objective).zero_grad(set_to_none=True)
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
        return found


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
