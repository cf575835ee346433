"""Fine-tuning: borrowed weights and a new head, each at a learning rate of its own."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from xmodal_lab.batch import Batch, Entries
from xmodal_lab.runtime import Runtime, current
from xmodal_lab.tasks.classification import Classifier, cross_entropy
from xmodal_lab.training.guards import TrainingError
from xmodal_lab.training.optimisation import schedule
from xmodal_lab.training.order import shuffled


def fine_tune(
    model: Classifier,
    data: Entries,
    steps: int = 60,
    body_rate: float = 1e-3,
    head_rate: float = 1e-2,
    batch_size: int = 32,
    seed: int = 0,
    keep_statistics: bool = True,
    clip: float = 1.0,
    runtime: Runtime | None = None,
) -> Iterator[float]:
    """Train a classifier whose encoder has been trained before; yields each step's loss in nats.

        θ_encoder ← θ_encoder - η_body · AdamW(∂L/∂θ),   θ_head ← θ_head - η_head · AdamW(∂L/∂θ)

    Both rates rise for a sixth of the steps and fall as half a cosine. The model is in evaluation
    mode once the loop is over.

    Args:
        model: changed in place: give a copy, where the encoder is needed again.
        data: few rows, 'labels' among them.
        steps: how many.
        body_rate: the encoder's learning rate at its highest; 0 leaves its weights as they are.
        head_rate: that of the linear layer.
        batch_size: rows a step; all of them, where there are fewer.
        seed: decides the order of the rows.
        keep_statistics: whether BatchNorm goes on with the means and spreads it came with, and
            dropout stays off; False for those of every batch, averaged along the way.
        clip: largest norm of the gradient, as in ``fit``.
        runtime: device and precision, as ``runtime.setup`` gave them.

    Raises:
        TrainingError: where the loss is no number.

    Source: Yosinski et al. 2014; beside frozen features: Kornblith et al. 2019.
    """
    data, runtime = Batch(data), runtime or current()
    model.to(runtime.device)
    groups = [(model.encoder, body_rate), (model.head, head_rate)]
    optimiser = torch.optim.AdamW([{"params": m.parameters(), "lr": rate} for m, rate in groups])
    order = shuffled(data.size, min(batch_size, data.size), seed)
    try:
        for number in range(1, steps + 1):
            for group, (_, rate) in zip(optimiser.param_groups, groups, strict=True):
                group["lr"] = rate * schedule(number, steps, steps // 6)
            model.train()
            if keep_statistics:
                model.encoder.eval()
            batch = data.rows(order(number - 1)).to(runtime.device)
            with runtime.autocast():
                loss = cross_entropy(model(batch), batch)
            if not loss.isfinite():
                raise TrainingError(f"the loss of step {number} is {loss.item()}: lower the rates")
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimiser.step()
            yield loss.item()
    finally:
        model.eval()
