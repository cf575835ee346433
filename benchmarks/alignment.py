"""The experiments of chapter 4: losses, temperature, negatives, and what they teach.

    python benchmarks/alignment.py                            # all of them, three seeds: 14 minutes
    python benchmarks/alignment.py --only losses temperature --seeds 1

'hard negatives' trains the workbook's own encoders, everything else heads on frozen features (see
``_frozen.py``). CPU-seconds are process time of one thread, training alone. Settings were chosen on
the val split (``--split val``).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import _experiments as experiments
import _table as table
import torch
from _frozen import MODALITIES, Frozen, trained

from xmodal_lab import evaluation, runtime
from xmodal_lab.alignment.losses import info_nce_with_foils, over_pairs
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes.foils import foil_captions, twins
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.encoders.text import read_captions
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.training.order import shuffled

# Steps rather than seconds are fixed. All three cost about 30 CPU-s.
STEPS = {"random negatives": 480, "foil captions": 450, "twin scenes": 450}


def main() -> None:
    arguments = table.parser(__doc__.splitlines()[0])
    arguments.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--split", default="test", choices=["val", "test"])
    options = arguments.parse_args()
    runtime.setup(0)
    world, figures = None, {"split": options.split, "seeds": options.seeds}
    for name in options.only:
        if name == "hard_negatives":
            runs = [hard_negatives(options.split, seed) for seed in range(options.seeds)]
        else:
            world = world or Frozen(options.split)
            runs = [SECTIONS[name](world, seed) for seed in range(options.seeds)]
        figures[name] = {setting: [run[setting] for run in runs] for setting in runs[0]}
        keys = dict.fromkeys(key for found in figures[name].values() for key in found[0])
        table.show(
            f"{name} ({options.split} split, mean and lowest–highest of {options.seeds} seeds)",
            [{"setting": s, **spread(found, keys)} for s, found in figures[name].items()],
        )
        table.write(options.json, figures)


def hard_negatives(split: str, seed: int, pairs: int = 8_000) -> dict[str, dict[str, float]]:
    """The workbook's encoders, three ways: plain, with foil captions, with twins in the batch."""
    gallery = scenes.load(split, 500, 1, MODALITIES, things=2)
    probe = scenes.probe(seed=seed + 100, modalities=["image"])
    swaps = {
        attribute: scenes.minimal_pairs(attribute, split, 400, modalities=MODALITIES)
        for attribute in scenes.SWAPS
    }
    found = {}
    for name, steps in STEPS.items():
        runtime.setup(seed, quiet=True)
        space, loss, data, order = SET_UPS[name](seed, pairs)
        space, spent = trained(space, loss, data, steps=steps, seed=seed, order=order)
        table_of = evaluation.recalls(space.embed_all(inputs_of(gallery)), gallery)
        table_of |= {f"{a} swapped": evaluation.swaps(space, p) for a, p in swaps.items()}
        found[name] = spent | table_of | evaluation.attributes(space, probe)
        print(
            f"  seed {seed}, {name}:", {k: round(v, 1) for k, v in found[name].items()}, flush=True
        )
    return found


def plain(seed: int, pairs: int):
    data = inputs_of(scenes.load("train", pairs, seed, MODALITIES))
    return JointSpace.standard(MODALITIES), over_pairs, data, shuffled(pairs, seed=seed)


def with_foils(seed: int, pairs: int):
    """A wrong caption for each scene, read by the very same text encoder."""
    train = scenes.load("train", pairs, seed, MODALITIES)
    data = inputs_of(train) | {"text:foil": read_captions(foil_captions(train, seed))}

    def loss(outputs, batch):
        text, image, foil = (outputs[name] for name in ("text", "image", "text:foil"))
        return info_nce_with_foils(image, text, outputs["temperature"], foils_b=foil)

    return JointSpace.standard(MODALITIES), loss, data, shuffled(pairs, seed=seed)


def with_twins(seed: int, pairs: int):
    """The loss as it was; but each batch holds 64 scenes and their 64 twins, one swap apart."""
    train = scenes.load("train", pairs // 2, seed, MODALITIES)
    data = inputs_of(train + twins(train, seed, modalities=MODALITIES))
    half = shuffled(pairs // 2, 64, seed)
    order = lambda step: torch.cat([half(step), half(step) + pairs // 2])  # noqa: E731
    return JointSpace.standard(MODALITIES), over_pairs, data, order


def spread(runs: Sequence[dict[str, float]], keys: Sequence[str]) -> dict[str, str]:
    """Mean and range of each figure over the seeds."""
    found = {}
    for key in keys:
        values = [run[key] for run in runs if key in run]
        digits = 1 if values and max(values) >= 10 else 2
        each = (statistics.fmean(values), min(values), max(values)) if values else ()
        found[key] = "{} ({}–{})".format(*(f"{x:.{digits}f}" for x in each)) if each else "–"
    return found


SET_UPS = {"random negatives": plain, "foil captions": with_foils, "twin scenes": with_twins}
SECTIONS = {
    "hard_negatives": hard_negatives,
    "temperature": experiments.temperature,
    "losses": experiments.losses,
    "negatives": experiments.negatives,
    "false_negatives": experiments.false_negatives,
    "imbalance": experiments.imbalance,
    "baselines": experiments.baselines,
    "hubs": experiments.hubs,
}

if __name__ == "__main__":
    main()
