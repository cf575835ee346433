"""Train the picture trunk and the two-hop answerer that ship in ``data/``, with their card rows.

    python tools/train_crowds.py                  # about three minutes of one core
    python tools/train_crowds.py --only answerer  # on cells of the trunk that ships

A maintainer's command: run it after a change of the architectures or of the crowds. Seeds are
fixed and nothing is picked afterwards; the figures it prints are those of the val split.
"""

from __future__ import annotations

import argparse
import time

import checksums
import torch

from xmodal_lab import runtime
from xmodal_lab.batch import Batch
from xmodal_lab.datasets import crowds
from xmodal_lab.datasets.shipped import data_folder
from xmodal_lab.encoders.image import GridCNN
from xmodal_lab.tasks import cross_entropy, shipping
from xmodal_lab.tasks import questions as asking
from xmodal_lab.tasks.dense import DenseReader, dense_loss, dense_scores, things_in_cells
from xmodal_lab.training import fit
from xmodal_lab.training.order import shuffled

PICTURES, SHOWN = 10_000, 1_500
TRUNK = {"steps": 2_000, "batch_size": 64, "learning_rate": 3e-3, "seed": 0}
ANSWERER = {"steps": 6_000, "batch_size": 96, "learning_rate": 3e-3, "seed": 0}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--only", choices=MODELS)
    arguments.add_argument("--share", type=float, default=1.0, help="of the steps, for a trial")
    options = arguments.parse_args()
    train, val = crowds.load("train", PICTURES), crowds.load("val", SHOWN)
    for name in [options.only] if options.only else MODELS:
        runtime.setup(0)
        MODELS[name](train, val, options.share)


def trunk(train: crowds.CrowdData, val: crowds.CrowdData, share: float) -> None:
    """Cells learn what stands in them."""
    reader, recipe = DenseReader(GridCNN()), TRUNK | {"steps": round(share * TRUNK["steps"])}
    seconds = trained(reader, dense_loss, pictures(train), recipe)
    figures = dense_scores(reader, pictures(val))
    shipped(asking.TRUNK, reader.encoder, recipe, seconds, figures)


def pictures(data: crowds.CrowdData) -> Batch:
    return Batch(image=torch.from_numpy(data.images), things=things_in_cells(data.crowds))


def answerer(train: crowds.CrowdData, val: crowds.CrowdData, share: float) -> None:
    """Questions look at the cells of the trunk that ships, twice."""
    eye, model = asking.load_trunk(), asking.hopping()
    recipe = ANSWERER | {"steps": round(share * ANSWERER["steps"])}
    asked, cells = crowds.questions(train.crowds), asking.cells_of(eye, train.images)
    order = shuffled(len(asked), recipe["batch_size"], recipe["seed"])
    seconds = trained(model, cross_entropy, lambda step: asked.batch(cells, order(step)), recipe)
    asked = crowds.questions(val.crowds)
    found = asking.answered(model, asked, asking.cells_of(eye, val.images))
    shipped(asking.ANSWERER, model, recipe, seconds, asking.accuracy_by_kind(found, asked))


def trained(model: torch.nn.Module, objective, data, recipe: dict) -> float:
    """CPU-seconds that the training took."""
    start = time.process_time()
    for step in fit(model, objective, data, **recipe):
        if step.number % 500 == 0:
            passed = time.process_time() - start
            print(f"step {step.number}: loss {step.loss:.3f}, {passed:.0f} CPU-s", flush=True)
    return time.process_time() - start


def shipped(
    name: str, model: torch.nn.Module, recipe: dict, seconds: float, figures: dict[str, float]
) -> None:
    for figure, value in figures.items():
        print(f"{figure:<12} {100 * value:5.1f} % of val")
    about = {"recipe": recipe, "pictures": PICTURES, "cpu_seconds": round(seconds), "val": figures}
    shipping.write(data_folder() / name, model, **about)
    checksums.update(name)


MODELS = {"trunk": trunk, "answerer": answerer}

if __name__ == "__main__":
    main()
