"""The training loop, written out: two screens, nothing hidden, the learner's ``for`` in charge."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xmodal_lab.encoders.inputs import Batch, count_of, rows_of, to_device
from xmodal_lab.encoders.padding import Padded
from xmodal_lab.runtime import Runtime, current
from xmodal_lab.training.order import Order, shuffled

Loss = Callable[[dict[str, Tensor], Tensor], Tensor]


class TrainingError(RuntimeError):
    """Training met a loss or gradient that is no number."""


@dataclass(frozen=True)
class Step:
    """What one step of training did.

    Attributes:
        number: 1 for the first step.
        loss: in nats.
        learning_rate: of this step.
        temperature: the learned τ after it.
        samples_seen: rows trained on so far, repeats counted.
        seconds: wall time since the start.
    """

    number: int
    loss: float
    learning_rate: float
    temperature: float
    samples_seen: int
    seconds: float

    @property
    def samples_per_second(self) -> float:
        return self.samples_seen / max(self.seconds, 1e-9)


def fit(
    model: nn.Module,
    loss: Loss,
    data: Batch,
    steps: int = 480,
    batch_size: int = 128,
    learning_rate: float = 2e-3,
    warmup: int = 30,
    weight_decay: float = 0.01,
    clip: float = 1.0,
    seed: int = 0,
    order: Order | None = None,
    runtime: Runtime | None = None,
) -> Iterator[Step]:
    """Train a model of the joint space, yielding after every step.

    ``for step in fit(model, over_pairs, data): ...`` — break, look, plot, as you like. The
    learning rate rises over the warm-up and falls along half a cosine to zero. The model is in
    training mode in every step, and in evaluation mode once the loop is over, however it ended.

    Args:
        model: maps a batch to embeddings by modality; has a ``temperature``.
        loss: maps (embeddings, temperature) to a scalar.
        data: all rows of every modality, as ``encoders.inputs.inputs_of`` gives them.
        steps: how many steps in all.
        batch_size: rows a step; the others of a batch are each row's negatives.
        learning_rate: at its highest.
        warmup: steps until then.
        weight_decay: on weight matrices alone; not on biases, norms or temperature.
        clip: largest norm of the gradient.
        seed: decides the order of the rows.
        order: another choice of rows for each step, see ``training.order``.
        runtime: device and precision, as ``runtime.setup`` gave them.

    Raises:
        TrainingError: where loss or gradient is NaN or infinite; weights and running statistics
            are still those of the last good step.
        ValueError: for fewer rows than one batch takes.
    """
    runtime = runtime or current()
    order = order or shuffled(count_of(data), batch_size, seed)
    model.to(runtime.device)
    optimizer = torch.optim.AdamW(_parameter_groups(model, weight_decay), lr=learning_rate)
    scaler = torch.amp.GradScaler(runtime.device.type, enabled=runtime.needs_scaler)
    start, seen = time.perf_counter(), 0
    try:
        for number in range(1, steps + 1):
            rate = learning_rate * schedule(number, steps, warmup)
            for group in optimizer.param_groups:
                group["lr"] = rate
            rows = order(number - 1)
            batch = to_device(rows_of(data, rows), runtime.device)
            # A forward pass already moves BatchNorm's statistics, before its loss is known.
            statistics = [buffer.clone() for buffer in model.buffers()]
            model.train()
            with runtime.autocast():
                embeddings = model(batch)
            # Outside: a cosine of 8 bits divided by a small temperature would be too coarse.
            value = loss(embeddings, model.temperature)
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(value).backward()
            scaler.unscale_(optimizer)
            norm = nn.utils.clip_grad_norm_(model.parameters(), clip)
            # A scaler expects an infinite gradient now and then and skips that step by itself.
            if not (value.isfinite() and (norm.isfinite() or runtime.needs_scaler)):
                for buffer, kept in zip(model.buffers(), statistics, strict=True):
                    buffer.copy_(kept)
                raise TrainingError(
                    f"step {number}: loss {value.item():.4g}, gradient norm {norm.item():.4g}. "
                    f"{_suspects(batch, rows)} The weights are those of the step before."
                )
            scaler.step(optimizer)
            scaler.update()
            seen += len(rows)
            temperature = float(model.temperature.detach())
            yield Step(number, value.item(), rate, temperature, seen, time.perf_counter() - start)
    finally:
        model.eval()


def schedule(number: int, steps: int, warmup: int) -> float:
    """Share of the highest learning rate at a step: a linear rise, then half a cosine to zero.

    Source: Loshchilov and Hutter 2017.
    """
    if number <= warmup:
        return number / max(warmup, 1)
    progress = (number - warmup) / max(steps - warmup, 1)
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Matrices decay; biases, norms and the temperature (fewer than two dimensions) do not."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def _suspects(batch: Batch, rows: Tensor) -> str:
    """Which rows of the data may be to blame for a loss that is no number."""
    bad = torch.zeros(len(rows), dtype=torch.bool)
    for values in batch.values():
        levels = values.values if isinstance(values, Padded) else values
        bad |= ~levels.reshape(len(rows), -1).isfinite().all(dim=1).cpu()
    if bad.any():
        return f"Rows {rows.cpu()[bad].tolist()} hold NaN or infinity: mend or drop them."
    return f"Rows {rows[:8].tolist()} … are all finite: lower the learning rate."
