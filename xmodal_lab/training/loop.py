"""The training loop, written out: one screen, nothing hidden, the learner's ``for`` in charge."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from xmodal_lab.batch import Batch, Entries
from xmodal_lab.objective import Objective
from xmodal_lab.runtime import Runtime, current
from xmodal_lab.training.backward import Gradient, learner
from xmodal_lab.training.controls import Controls
from xmodal_lab.training.distributed import all_agree, same_beginning, world_size
from xmodal_lab.training.feed import Feed, Maker
from xmodal_lab.training.guards import (
    TrainingError,
    refuse_no_number,
    undone_on_error,
    uninterrupted,
)
from xmodal_lab.training.optimisation import Recipe, parameter_groups, parts_of
from xmodal_lab.training.order import Order, shuffled
from xmodal_lab.training.resuming import Saver

__all__ = ["Step", "TrainingError", "fit"]


@dataclass(frozen=True)
class Step:
    """What one step of training did.

    Attributes:
        number: 1 for the first step.
        steps: how many there will be.
        loss: the sum of the parts that have a gradient, in the objective's own unit.
        parts: what the objective gave, by name; empty where it gave one scalar.
        learning_rate: of this step.
        samples_seen: rows trained on so far, repeats counted.
        seconds: wall time since the start.
    """

    number: int
    steps: int
    loss: float
    parts: Mapping[str, float]
    learning_rate: float
    samples_seen: int
    seconds: float

    @property
    def samples_per_second(self) -> float:
        return self.samples_seen / max(self.seconds, 1e-9)


def fit(
    model: nn.Module,
    objective: Objective,
    data: Entries | Maker,
    steps: int = 480,
    batch_size: int = 128,
    learning_rate: float = 2e-3,
    seed: int = 0,
    order: Order | None = None,
    runtime: Runtime | None = None,
    controls: Controls | None = None,
    folder: str | Path | None = None,
    **recipe: object,
) -> Iterator[Step]:
    """Train a model by any objective, yielding after every step.

    ``for step in fit(space, over_pairs, data): ...`` — break, look, plot, as you like. The model is
    in training mode in every step, but for parts that are to stay ``still``, and in evaluation mode
    once the loop is over, however it ended.

    Args:
        model: maps a batch to outputs, see ``xmodal_lab.objective``.
        objective: maps (outputs, batch) to a scalar or named scalars; what it holds of parameters
            is trained too.
        data: all rows of every modality, as ``encoders.inputs_of`` gives them, on the CPU; or a
            function of the step's number (from 0) that makes a batch.
        steps: how many steps in all.
        batch_size: rows a step, over all processes.
        learning_rate: at its highest.
        seed: decides the order of the rows.
        order: another choice of rows for each step, see ``training.order``.
        runtime: device and precision, as ``runtime.setup`` gave them.
        controls: knobs to turn while it runs.
        folder: where checkpoints go. Where it holds one, training goes on from there; seed, batch
            size and steps must be those it began with, which is not checked. Bit for bit the same
            as without a break on one CPU process, unless your loop draws random numbers itself.
        recipe: any field of ``Recipe``, such as ``warmup=100`` or ``micro_batch=32``.

    Raises:
        TrainingError: where loss or gradient is NaN or infinite; weights and running statistics
            are still those of the last good step.
        torch.OutOfMemoryError: where not even one row fits.
        CheckpointError: where ``folder`` holds only damaged or foreign checkpoints.
        ValueError: for fewer rows than one batch takes, modalities of different length, or parts
            that the model has not.
    """
    chosen, whole = Recipe(**recipe), learner(model, objective)
    runtime, controls = runtime or current(), controls or Controls()
    whole.to(runtime.device)
    same_beginning(whole)
    shares = {part: chosen.shares[name] for name, part in parts_of(model, chosen.shares).items()}
    still = parts_of(model, chosen.still).values()
    groups = parameter_groups(whole, chosen.weight_decay, shares)
    optimiser = torch.optim.AdamW(groups, lr=learning_rate)
    scaler = torch.amp.GradScaler(runtime.device.type, enabled=runtime.needs_scaler)
    saver = Saver(folder, chosen.every, whole, optimiser, scaler)
    done = saver.resume()
    if order is None and not callable(data):
        order = shuffled(Batch(data).size, batch_size, seed)
    feed = Feed(data, order, runtime.device)
    compiled = torch.compile(model) if chosen.compiled else model
    gradient = Gradient(compiled, objective, runtime, chosen.micro_batch)
    start, seen = time.perf_counter(), 0
    try:
        for number in range(done + 1, steps + 1):
            if not all_agree(controls.wait()):
                break
            controls.turn(model)
            highest = learning_rate if controls.learning_rate is None else controls.learning_rate
            rate = highest * chosen.schedule(number, steps)
            for group in optimiser.param_groups:
                # Checkpoints from before there were shares have none.
                group["lr"] = rate * group.get("share", 1.0)
            rows, batch = feed(number - 1)
            with undone_on_error(whole) as before:
                whole.train()
                for part in still:
                    part.eval()
                optimiser.zero_grad(set_to_none=True)
                found = gradient(batch, scaler.scale, before.restore)
                scaler.unscale_(optimiser)
                norm = nn.utils.clip_grad_norm_(whole.parameters(), chosen.clip)
                loss = refuse_no_number(number, found, norm, scaler, batch, rows)
                with uninterrupted():
                    scaler.step(optimiser)
                    scaler.update()
                    done, before.settled = number, True
            seen += len(rows) * world_size()
            saver.after(done)
            parts = {name: value.item() for name, value in found.items() if name}
            yield Step(number, steps, loss, parts, rate, seen, time.perf_counter() - start)
    except BaseException as error:
        saver.failed(error)
        raise
    finally:
        whole.eval()
        saver.close(done)
