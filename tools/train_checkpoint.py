"""Train the joint space that ships in ``data/`` and write it there, with its data card row.

    python tools/train_checkpoint.py            # about three minutes of one core

A maintainer's command: run it after a change of the architecture or of the data world. The seed
is fixed and nothing is picked afterwards; the figures it prints are those of the val split.
"""

from __future__ import annotations

import argparse
import time

import checksums

from xmodal_lab import evaluation, runtime
from xmodal_lab.alignment.losses import over_pairs
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.shipped import data_folder
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.training import checkpoints
from xmodal_lab.training.loop import fit
from xmodal_lab.training.order import easy_first

NAME = "joint_space.safetensors"
RECIPE = {"pairs": 12_000, "steps": 1200, "easy_steps": 180, "seed": 0}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--steps", type=int, default=RECIPE["steps"])
    options = arguments.parse_args()
    recipe = RECIPE | {"steps": options.steps}
    runtime.setup(recipe["seed"])
    data = scenes.load("train", recipe["pairs"], recipe["seed"])
    space = JointSpace.standard()
    order = easy_first(data.thing_counts == 1, recipe["easy_steps"], seed=recipe["seed"])
    start = time.process_time()
    for step in fit(space, over_pairs, inputs_of(data), steps=recipe["steps"], order=order):
        if step.number % 100 == 0:
            print(f"step {step.number}: loss {step.loss:.3f}", flush=True)
    print(f"{time.process_time() - start:.0f} CPU-s of training")
    gallery = scenes.load("val", 500, 1, things=2)
    figures = evaluation.recalls(space.embed_all(inputs_of(gallery)), gallery)
    for name, value in figures.items():
        print(f"{name:<20} {value:5.1f} %")
    checkpoints.save(data_folder() / NAME, space, {"recipe": recipe})
    checksums.update(NAME)


if __name__ == "__main__":
    main()
