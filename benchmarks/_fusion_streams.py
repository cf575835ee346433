"""Transformers over words and cells: the two classic ones side by side, and a bottleneck.

    streams  single-stream and two-stream with equal parameters, from nothing and behind statements:
             per cent right on test by kind, at equal CPU-seconds (what statements took counts) and
             at equal steps
    shipped  the same two when they have learned for minutes (tools/train_streams.py)
    tokens   all-to-all against a bottleneck as tokens grow: multiply-adds and CPU-milliseconds of a
             row forward, CPU-milliseconds and kept numbers of a row with its gradient (ours keeps
             every table of weights; torch's fused attention keeps none and multiplies as often);
             and what both learn in equal steps from the 64 cells, unmerged

Dimensions, learning rate and merging were chosen on val. Figures are of the test split.
"""

from __future__ import annotations

import time
from functools import cache

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from xmodal_lab.batch import Padded
from xmodal_lab.datasets import crowds
from xmodal_lab.datasets.crowds import Questions
from xmodal_lab.fusion import BottleneckFusion, SingleStream
from xmodal_lab.tasks import cross_entropy, shipping, streams
from xmodal_lab.tasks.questions import accuracy_by_kind, answered, cells_of, load_trunk
from xmodal_lab.training import fit

CROWDS, HELD = 10_000, 3_000
CLASSIC = ("single_stream", "two_stream")
SECONDS, STEPS, STATED = (30, 60, 90), 1_000, 300
RATE, WARMUP, BATCH = 2e-3, 200, 64
TOKENS = (64, 128, 256, 512, 1024, 2048)
Figures = dict[str, float]


@cache
def asked(split: str, seed: int) -> tuple[Tensor, Questions]:
    """Cells of crowds as the trunk sees them, and questions about them."""
    count = CROWDS if split == "train" else HELD
    data = crowds.load(split, count, seed)
    return cells_of(load_trunk(), data.images), crowds.questions(data.crowds, seed=seed)


def right(model: streams.StreamAnswerer, seed: int, place: str) -> Figures:
    """Per cent of test questions answered rightly, all and of each kind."""
    cells, questions = asked("test", seed)
    shares = accuracy_by_kind(answered(model, questions, cells), questions)
    return {f"{place}: {kind}": 100 * share for kind, share in shares.items()}


def stated(model: streams.StreamAnswerer, seed: int) -> Figures:
    """Let a model learn from statements; what that took."""
    make = streams.asked(*asked("train", seed), BATCH, seed + 1, stated=True)
    task, start = streams.Pretraining(model), time.process_time()
    options = {"learning_rate": RATE, "warmup": WARMUP, "decay": "none"}
    for step in fit(task, streams.two_losses, make, STATED, **options):
        last = step.parts
    return {
        "CPU-s": time.process_time() - start,
        "word found": 100 * last["word found"],
        "told": 100 * last["told"],
    }


def classic(seed: int) -> Figures:
    """Both architectures, with and without statements before."""
    found: Figures = {}
    for name in CLASSIC:
        for before in ("", ", statements first"):
            torch.manual_seed(seed)
            model = streams.StreamAnswerer(name, asked("train", seed)[0].shape[-1])
            first = stated(model, seed) if before else {}
            found |= {f"{name}{before}, {key}": value for key, value in first.items()}
            found |= _answering(model, seed, f"{name}{before}", first.get("CPU-s", 0.0))
        found[f"{name}: parameters"] = float(sum(p.numel() for p in model.parameters()))
    return found


def converged(seed: int) -> Figures:
    """The trained models that ship, and what their training took."""
    found: Figures = {}
    for name in CLASSIC:
        found |= right(streams.load(name), seed, name)
        found[f"{name}: CPU-s"] = shipping.about(f"{name}.safetensors")["curve"][-1]["CPU-s"]
    return found


def _answering(model: streams.StreamAnswerer, seed: int, name: str, used: float) -> Figures:
    """Scores at every mark of time, and at one number of steps; the learning rate stays high."""
    make = streams.asked(*asked("train", seed), BATCH, seed)
    marks, found, start = list(SECONDS), {}, time.process_time() - used
    options = {"learning_rate": RATE, "warmup": WARMUP, "decay": "none"}
    for step in fit(model, cross_entropy, make, 100_000, **options):
        spent = time.process_time()
        if marks and spent - start >= marks[0]:
            found |= right(model, seed, f"{name}, {marks.pop(0)} CPU-s")
            found[f"{name}, {SECONDS[-len(marks) - 1]} CPU-s: steps"] = float(step.number)
        if step.number == STEPS:
            found |= right(model, seed, f"{name}, {STEPS} steps")
        start += time.process_time() - spent
        if not marks and step.number >= STEPS:
            return found
    raise AssertionError("there are steps enough for every mark")


def tokens(seed: int) -> Figures:
    """What another token costs, and whether 16 latents can answer as well."""
    found: Figures = {}
    torch.manual_seed(seed)
    shapes = {"cells": 64}
    models = {
        "all to all": SingleStream(shapes, 64, 3, 4),
        "16 latents": BottleneckFusion(shapes, 64, 3, 4, latents=16),
    }
    for name, model in models.items():
        for count in TOKENS:
            found |= {f"{name}, {count} tokens: {k}": v for k, v in cost(model, count).items()}
    for name in ("single_stream", "bottleneck"):
        torch.manual_seed(seed)
        cell_dim = asked("train", seed)[0].shape[-1]
        learner = streams.StreamAnswerer(name, cell_dim, merged=False)
        make = streams.asked(*asked("train", seed), BATCH, seed)
        start = time.process_time()
        for _ in fit(learner, cross_entropy, make, STEPS, learning_rate=RATE, warmup=WARMUP):
            pass
        found[f"{name}, {STEPS} steps: CPU-s"] = time.process_time() - start
        found |= right(learner, seed, f"{name}, {STEPS} steps")
    return found


def cost(model: nn.Module, count: int) -> Figures:
    """Of one row: multiply-adds in millions, CPU-milliseconds, kept numbers in millions."""
    rows = max(1, 512 // count)
    batch = {"cells": Padded(torch.randn(rows, count, 64), torch.full((rows,), count))}
    with FlopCounterMode(display=False) as counter:
        model(batch)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes() // 4
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(batch).summary.sum().backward()
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    numbers = sum(size for place, size in kept.items() if place not in weights)
    return {
        "million multiply-adds": counter.get_total_flops() / 2e6 / rows,
        "million numbers kept": numbers / 1e6 / rows,
        "CPU-ms forward": _milliseconds(lambda: model(batch)) / rows,
        "CPU-ms with gradient": _milliseconds(lambda: model(batch).summary.sum().backward()) / rows,
    }


def _milliseconds(call, repeats: int = 5) -> float:
    """The quickest of some calls: what else the machine does only makes them slower."""
    took = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        took.append(1000 * (time.process_time() - start))
    return min(took)


PARTS = {"streams": classic, "shipped": converged, "tokens": tokens}
