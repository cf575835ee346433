"""What the joint space reaches in 60 and in 180 seconds of one CPU core.

    python benchmarks/joint_space.py                 # both budgets, three seeds: about 15 minutes
    python benchmarks/joint_space.py --budgets 60 --seeds 1

Only training counts into the CPU-seconds, measured as process time of one thread, and on a GPU
into the seconds on the wall; loading the data and evaluating do not. The gallery holds 500
two-thing scenes of the test split: their meanings never occur in training. Settings were chosen on
the val split (``--split val``).
"""

from __future__ import annotations

import statistics

import _table as table
import torch
from _race import clock

from xmodal_lab import evaluation, runtime
from xmodal_lab.alignment.losses import over_pairs
from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.training.loop import fit
from xmodal_lab.training.order import easy_first

GALLERY, GALLERY_SEED = 500, 1
# Steps rather than seconds are fixed, so that a slow machine gets the same result later.
BUDGETS = {
    60: {"pairs": 8_000, "steps": 480, "easy_steps": 80},
    180: {"pairs": 12_000, "steps": 1200, "easy_steps": 180},
}
TARGETS = {
    60: {
        "text→image R@1": 75,
        "text→image R@5": 98,
        "audio→image R@1": 52,
        "audio→image R@5": 90,
        "audio→text R@1": 74,
        "audio→text R@5": 97,
        "colour": 97,
        "shape": 60,
        "size": 95,
    },
    180: {
        "text→image R@1": 90,
        "text→image R@5": 99,
        "audio→image R@1": 84,
        "audio→image R@5": 98,
        "audio→text R@1": 92,
        "audio→text R@5": 99,
        "colour": 99,
        "shape": 85,
        "size": 97,
    },
}


def main() -> None:
    arguments = table.parser(__doc__.splitlines()[0])
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--budgets", type=int, nargs="+", default=[60, 180], choices=BUDGETS)
    arguments.add_argument("--split", default="test", choices=["val", "test"])
    arguments.add_argument("--steps", type=int, help="override the number of steps")
    arguments.add_argument("--easy-steps", type=int, help="override the curriculum's length")
    options = arguments.parse_args()
    runtime.setup(0)
    figures = {"split": options.split, "baselines": baselines(options.split), "budgets": {}}
    table.show("Baselines (per cent)", [{"row": k, **v} for k, v in figures["baselines"].items()])
    for budget in options.budgets:
        recipe = dict(BUDGETS[budget])
        recipe["steps"] = options.steps or recipe["steps"]
        if options.easy_steps is not None:
            recipe["easy_steps"] = options.easy_steps
        runs = [run(seed, options.split, **recipe) for seed in range(options.seeds)]
        rows = [summary(key, [r[key] for r in runs], TARGETS[budget]) for key in runs[0]]
        pairs, steps = recipe["pairs"], recipe["steps"]
        table.show(
            f"{budget} CPU-s: {pairs} pairs, {steps} steps, {options.seeds} seeds (per cent)",
            rows,
        )
        figures["budgets"][str(budget)] = {"recipe": recipe, "runs": runs, "summary": rows}
    table.write(options.json, figures)


def summary(name: str, values: list[float], targets: dict[str, float]) -> dict:
    mean = statistics.fmean(values)
    wanted = targets.get(name)
    return {
        "figure": name,
        "mean": mean,
        "lowest": min(values),
        "highest": max(values),
        "wanted": "–" if wanted is None else f"≥ {wanted}",
        "": "" if wanted is None else ("reached" if mean >= wanted else "MISSED"),
    }


def run(seed: int, split: str, pairs: int, steps: int, easy_steps: int) -> dict[str, float]:
    """Train once; recall, zero-shot and minimal-pair accuracy in per cent, and the CPU-seconds."""
    runtime.setup(seed, quiet=True)
    data = scenes.load("train", pairs, seed)
    batch = inputs_of(data)
    space = JointSpace.standard()
    order = easy_first(data.thing_counts == 1, easy_steps, seed=seed)
    device = runtime.current().device
    start = clock(device)
    for _ in fit(space, over_pairs, batch, steps=steps, seed=seed, order=order):
        pass
    unit = "CPU-s" if device.type == "cpu" else "s"
    figures = {f"training {unit}": clock(device) - start}
    gallery = scenes.load(split, GALLERY, GALLERY_SEED, things=2)
    figures |= evaluation.recalls(space.embed_all(inputs_of(gallery)), gallery)
    figures |= evaluation.attributes(space, scenes.probe(seed=seed + 100, modalities=["image"]))
    figures["shape, pairs never seen"] = evaluation.attributes(
        space, scenes.probe(seed=seed + 100, held_out=True, modalities=["image"])
    )["shape"]
    for attribute in scenes.SWAPS:
        minimal = scenes.minimal_pairs(attribute, split, 200, modalities=["text", "image"])
        figures[f"{attribute} swapped"] = evaluation.swaps(space, minimal)
    print(f"  seed {seed}: " + ", ".join(f"{k} {v:.1f}" for k, v in figures.items()), flush=True)
    return figures


def baselines(split: str) -> dict[str, dict[str, float]]:
    """Recall by chance, after training on shuffled pairs, and of CCA on untrained features."""
    gallery = scenes.load(split, GALLERY, GALLERY_SEED, things=2)
    test = inputs_of(gallery)
    data = scenes.load("train", 8_000, 0)
    train = inputs_of(data)
    closed_form = evaluation.closed_form_recalls(train, test, gallery)
    runtime.setup(0, quiet=True)
    shuffled = dict(train)
    for modality in ("image", "audio"):
        places = torch.randperm(len(data))
        values = shuffled[modality]
        shuffled[modality] = values[places] if modality == "image" else values.rows(places)
    space = JointSpace.standard()
    for _ in fit(space, over_pairs, shuffled, steps=120):
        pass
    return {
        "chance": evaluation.chance_recalls(gallery),
        "trained on shuffled pairs": evaluation.recalls(space.embed_all(test), gallery),
        "CCA on untrained features": closed_form,
    }


if __name__ == "__main__":
    main()
