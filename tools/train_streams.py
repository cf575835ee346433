"""Train the single-stream and the two-stream model that ship in ``data/``, with their curves.

    python tools/train_streams.py                                # both: see RECIPE for the price
    python tools/train_streams.py two_stream --folder kept       # killed? The same line goes on

A maintainer's command: run it after a change of the crowds, of their trunk (which must be there:
tools/train_crowds.py) or of the architectures. Both models get the same questions, steps and
learning rate. The seed is fixed and nothing is picked afterwards; figures are of the val split.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import checksums
import torch
from torch import Tensor

from xmodal_lab import runtime
from xmodal_lab.datasets import crowds
from xmodal_lab.datasets.crowds import Questions
from xmodal_lab.datasets.shipped import data_folder
from xmodal_lab.tasks import cross_entropy, shipping, streams
from xmodal_lab.tasks.questions import accuracy_by_kind, answered, cells_of, load_trunk
from xmodal_lab.training import fit

# About 55 ms of one core a step: eight or nine minutes a model.
RECIPE = {
    "crowds": 20_000,
    "questions a crowd": 5,
    "pretraining steps": 1_000,
    "steps": 8_000,
    "batch size": 64,
    "learning rate": 2e-3,
    "seed": 0,
}
NAMES = ["single_stream", "two_stream"]
HELD, EVERY = 3_000, 500


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("names", nargs="*", default=NAMES)
    arguments.add_argument("--steps", type=int, default=RECIPE["steps"])
    arguments.add_argument("--folder", type=Path, help="keep checkpoints here, and go on from them")
    options = arguments.parse_args()
    recipe = RECIPE | {"steps": options.steps}
    runtime.setup(recipe["seed"])
    train = asked("train", recipe["crowds"], recipe["questions a crowd"])
    cells, questions = asked("val", HELD, 3)
    val = questions.select(range(HELD)), cells
    for name in options.names:
        with tempfile.TemporaryDirectory() as temporary:
            folder = (options.folder or Path(temporary)) / name
            folder.mkdir(parents=True, exist_ok=True)
            model, curve = trained(name, train, val, recipe, folder)
        file = f"{name}.safetensors"
        shipping.write(data_folder() / file, model, config=model.config, recipe=recipe, curve=curve)
        checksums.update(file)


def asked(split: str, count: int, per_crowd: int) -> tuple[Tensor, Questions]:
    """Cells of crowds as the trunk sees them, and questions about them."""
    data = crowds.load(split, count)
    return cells_of(load_trunk(), data.images), crowds.questions(data.crowds, per_crowd)


def trained(
    name: str,
    train: tuple[Tensor, Questions],
    val: tuple[Questions, Tensor],
    recipe: dict,
    folder: Path,
) -> tuple[streams.StreamAnswerer, list[dict]]:
    """A model after both trainings, and what it could at every so many steps."""
    torch.manual_seed(recipe["seed"])
    model = streams.StreamAnswerer(name, cell_dim=train[0].shape[-1])
    lines = folder / "curve.jsonl"
    curve = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    before, start, looking = curve[-1]["CPU-s"] if curve else 0.0, time.process_time(), 0.0
    options = {"learning_rate": recipe["learning rate"], "warmup": 200, "every": 250}

    def note(step: int, phase: str, **figures: float) -> None:
        line = {"phase": phase, "step": step}
        line["CPU-s"] = round(before + time.process_time() - start - looking, 1)
        curve.append(line | {key: round(value, 4) for key, value in figures.items()})
        with lines.open("a") as file:
            file.write(json.dumps(curve[-1]) + "\n")
        print(name, curve[-1], flush=True)

    make = streams.asked(*train, recipe["batch size"], recipe["seed"] + 1, stated=True)
    for step in fit(
        streams.Pretraining(model),
        streams.two_losses,
        make,
        recipe["pretraining steps"],
        folder=folder / "statements",
        decay="none",
        **options,
    ):
        if step.number % EVERY == 0:
            note(step.number, "statements", **step.parts)
    make = streams.asked(*train, recipe["batch size"], recipe["seed"])
    for step in fit(
        model, cross_entropy, make, recipe["steps"], folder=folder / "answers", **options
    ):
        if step.number % EVERY == 0:
            began = time.process_time()
            scores = accuracy_by_kind(answered(model, *val), val[0])
            looking += time.process_time() - began
            note(step.number, "answers", loss=step.loss, **scores)
    return model, curve


if __name__ == "__main__":
    main()
