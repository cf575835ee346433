"""Lazy modalities: the part ``lazy``. One learns, the other sleeps, and what wakes it.

Which thing is it, by text and picture, both encoders trained together and end to end? Rates, steps
and the strength of OGM-GE were chosen on val with another seed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

import torch
from _fusion_noise import ALONE, ALONE_ROWS, TEST_ROWS, Figures, clean, percent
from torch import nn

from xmodal_lab.batch import Batch
from xmodal_lab.encoders.features import features
from xmodal_lab.evaluation.probes import linear_probe
from xmodal_lab.fusion.balance import BalancedCrossEntropy
from xmodal_lab.objective import Objective
from xmodal_lab.tasks.fused import SummedClassifier, summed_cross_entropy
from xmodal_lab.tasks.noisy import THINGS
from xmodal_lab.training import fit
from xmodal_lab.training.optimisation import schedule
from xmodal_lab.training.order import shuffled

BOTH, STEPS, RATE, SGD_RATE = ("text", "image"), 200, 5e-3, 0.1
ALPHAS = {"AdamW": 0.5, "SGD": 0.1}
SLOWED = {"encoders.text": 0.1, "heads.text": 0.1}


def lazy(seed: int) -> Figures:
    """Text and picture trained together, end to end: what has the picture's encoder learned?

    By AdamW as everywhere here, and by plain SGD, for which gradient modulation was made.
    """
    data, asked = clean("train", ALONE_ROWS, seed), clean("test", TEST_ROWS, seed)
    probed = {split: clean(split, 2_000, 2_000 + seed) for split in ("train", "val")}
    found: Figures = {}

    def run(name: str, objective: Objective, by=by_adamw, names=BOTH, begin=None) -> nn.Module:
        torch.manual_seed(seed)
        model = begin or SummedClassifier({m: ALONE[m][0]() for m in names}, THINGS)
        start = time.process_time()
        by(model, objective, data.select([*names, "labels"]), seed)
        found[f"{name}: CPU-s"] = time.process_time() - start
        found[f"{name}: all that it has"] = percent(model, asked.select([*names, "labels"]))
        for m in names:
            rows = asked.select([m, "labels"])
            found[f"{name}: {m} alone, own head"] = percent(model, rows)
        if "image" in names:
            found[f"{name}: probe of the picture"] = probe(model.encoders["image"], probed, asked)
        return model

    torch.manual_seed(seed)
    found["untrained: probe of the picture"] = probe(ALONE["image"][0](), probed, asked)
    for how, by in (("AdamW", by_adamw), ("SGD", by_sgd)):
        image = run(f"{how}, image alone", summed_cross_entropy, by, ("image",))
        run(f"{how}, together", summed_cross_entropy, by)
        torch.manual_seed(seed)  # the same first weights
        together = SummedClassifier({m: ALONE[m][0]() for m in BOTH}, THINGS)
        balance = BalancedCrossEntropy(together.encoders, ALPHAS[how])
        run(f"{how}, OGM-GE", balance, by, begin=together)
        balance.close()
        if how == "AdamW":
            run(f"{how}, text slowed", summed_cross_entropy, partial(by_adamw, shares=SLOWED))
            run(f"{how}, own losses beside", partial(summed_cross_entropy, own=1.0), by)
            text = run(f"{how}, text alone", summed_cross_entropy, by, ("text",))
            joined = SummedClassifier({**text.encoders, **image.encoders}, THINGS)
            joined.heads.update({**text.heads, **image.heads})
            run(f"{how}, each alone first", summed_cross_entropy, by_little, begin=joined)
    return found


def by_adamw(model: nn.Module, objective: Objective, data: Batch, seed: int, **recipe) -> None:
    for _ in fit(model, objective, data, STEPS, 64, RATE, seed, **recipe):
        pass


def by_little(model: nn.Module, objective: Objective, data: Batch, seed: int) -> None:
    """50 steps more at a fifth of the rate, behind trainings of each alone."""
    for _ in fit(model, objective, data, 50, 64, RATE / 5, seed):
        pass


def by_sgd(model: nn.Module, objective: Objective, data: Batch, seed: int) -> None:
    """As Peng et al. train: momentum, no adaptation of the steps to the gradients' size."""
    optimiser = torch.optim.SGD(model.parameters(), lr=SGD_RATE, momentum=0.9, weight_decay=1e-4)
    order = shuffled(data.size, 64, seed)
    model.train()
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = SGD_RATE * schedule(step + 1, STEPS, 10)
        batch = data.rows(order(step))
        optimiser.zero_grad()
        objective(model(batch), batch).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    model.eval()


def probe(encoder: nn.Module, probed: Mapping[str, Batch], asked: Batch) -> float:
    """Per cent of things that a linear layer reads from the picture's vectors."""
    splits = {**probed, "test": asked}
    seen = {n: (features(encoder, rows["image"]), rows["labels"]) for n, rows in splits.items()}
    tests = {"test": seen["test"]}
    return 100 * linear_probe(seen["train"], seen["val"], tests, (0.1, 1.0))["test"]


PARTS = {"lazy": lazy}
