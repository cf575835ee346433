"""The training loop, written out: two screens, nothing hidden, the learner's ``for`` in charge."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from xmodal_lab.batch import Batch
from xmodal_lab.runtime import Runtime, current
from xmodal_lab.training.backward import Gradient, Loss
from xmodal_lab.training.controls import Controls
from xmodal_lab.training.distributed import all_agree, same_beginning, world_size
from xmodal_lab.training.feed import Feed
from xmodal_lab.training.guards import suspects, undone_on_error, uninterrupted
from xmodal_lab.training.optimisation import parameter_groups, schedule
from xmodal_lab.training.order import Order, shuffled
from xmodal_lab.training.resuming import resume, store


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
    controls: Controls | None = None,
    micro_batch: int | None = None,
    compiled: bool = False,
    folder: str | Path | None = None,
    every: int = 100,
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
        batch_size: rows a step, over all processes; the others are each row's negatives.
        learning_rate: at its highest.
        warmup: steps until then.
        weight_decay: on weight matrices alone; not on biases, norms or temperature.
        clip: largest norm of the gradient.
        seed: decides the order of the rows.
        order: another choice of rows for each step, see ``training.order``.
        runtime: device and precision, as ``runtime.setup`` gave them.
        controls: knobs to turn while it runs.
        micro_batch: rows embedded with a graph at a time, see ``training.backward``; halved by
            itself where the device runs out of memory.
        compiled: True to run the model through ``torch.compile``.
        folder: where checkpoints go. Where it holds one, training goes on from there; seed, batch
            size and steps must be those it began with, which is not checked. Bit for bit the same
            as without a break on one CPU process, unless your loop draws random numbers itself.
        every: steps from checkpoint to checkpoint; there is one more at the end, however it comes.

    Raises:
        TrainingError: where loss or gradient is NaN or infinite; weights and running statistics
            are still those of the last good step.
        torch.OutOfMemoryError: where not even one row fits.
        CheckpointError: where ``folder`` holds only damaged or foreign checkpoints.
        ValueError: for fewer rows than one batch takes, or modalities of different length.
    """
    if every < 1:
        raise ValueError(f"every must be at least 1, got {every}")
    runtime, controls = runtime or current(), controls or Controls()
    model.to(runtime.device)
    same_beginning(model)
    optimiser = torch.optim.AdamW(parameter_groups(model, weight_decay), lr=learning_rate)
    scaler = torch.amp.GradScaler(runtime.device.type, enabled=runtime.needs_scaler)
    done = stored = resume(folder, model, optimiser, scaler) if folder else 0
    order = order or shuffled(data.size, batch_size, seed)
    feed = Feed(data, order, runtime.device, last=steps - 1)
    gradient = Gradient(torch.compile(model) if compiled else model, loss, runtime, micro_batch)
    start, seen = time.perf_counter(), 0
    try:
        for number in range(done + 1, steps + 1):
            if not all_agree(controls.wait()):
                break
            highest = learning_rate if controls.learning_rate is None else controls.learning_rate
            rate = highest * schedule(number, steps, warmup)
            for group in optimiser.param_groups:
                group["lr"] = rate
            if (wanted := controls.take_temperature()) is not None:
                model.temperature = wanted
            rows, batch = feed(number - 1)
            with undone_on_error(model) as before:
                model.train()
                optimiser.zero_grad(set_to_none=True)
                value = gradient(batch, scaler.scale, before.restore)
                scaler.unscale_(optimiser)
                norm = nn.utils.clip_grad_norm_(model.parameters(), clip)
                # A scaler expects an infinite gradient now and then and skips that step by itself;
                # but where it no longer scales up, the gradient itself is at fault.
                skipped = runtime.needs_scaler and scaler.get_scale() > 1
                if not (value.isfinite() and (norm.isfinite() or skipped)):
                    raise TrainingError(
                        f"step {number}: loss {value.item():.4g}, gradient norm {norm.item():.4g}. "
                        f"{suspects(batch, rows)} The weights are those of the step before."
                    )
                with uninterrupted():
                    scaler.step(optimiser)
                    scaler.update()
                    done, before.settled = number, True
            seen += len(rows) * world_size()
            if folder and done % every == 0:
                stored = done if store(folder, done, model, optimiser, scaler) else stored
            temperature = float(model.temperature.detach())
            yield Step(number, value.item(), rate, temperature, seen, time.perf_counter() - start)
    except BaseException as error:
        # A checkpoint takes all processes. After any other error they may stand anywhere.
        if world_size() > 1 and not isinstance(error, (TrainingError, GeneratorExit)):
            stored = done
        raise
    finally:
        model.eval()
        if folder and done > stored:
            with uninterrupted():  # who is in a hurry presses twice
                store(folder, done, model, optimiser, scaler)
