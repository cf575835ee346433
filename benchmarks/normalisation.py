"""What GroupNorm in the picture encoder costs or gains beside BatchNorm: accuracy and time.

    python benchmarks/normalisation.py                        # both norms, three seeds
    python benchmarks/normalisation.py --seeds 1 --steps 60   # a try

BatchNorm lets the samples of a batch see each other: a batch that is split into micro-batches, or
shared by several processes, is then not quite the same batch. GroupNorm has no such trouble. This
asks what the freedom costs, on the val split: the recipe of 60 CPU-seconds, one norm exchanged.
"""

from __future__ import annotations

import statistics
import time

import _table as table
import torch

from xmodal_lab import evaluation, runtime
from xmodal_lab.alignment.losses import over_pairs
from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.audio import AudioEncoder
from xmodal_lab.encoders.image import SmallCNN
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.encoders.text import TextEncoder
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.training.loop import fit
from xmodal_lab.training.order import easy_first

PAIRS, STEPS, EASY_STEPS = 8_000, 480, 80
GALLERY, GALLERY_SEED = 500, 1
NORMS = ("batch", "group")


def main() -> None:
    arguments = table.parser(__doc__.splitlines()[0])
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--steps", type=int, default=STEPS)
    options = arguments.parse_args()
    runtime.setup(0)
    runs = {norm: [] for norm in NORMS}
    for seed in range(options.seeds):
        # In turns, so that a machine that slows down slows both.
        for norm in NORMS:
            runs[norm].append(run(norm, seed, options.steps))
            found = ", ".join(f"{key} {value:.1f}" for key, value in runs[norm][-1].items())
            print(f"  seed {seed}, {norm}: {found}", flush=True)
    rows = [
        summary(key, *([r[key] for r in runs[norm]] for norm in NORMS)) for key in runs["batch"][0]
    ]
    table.show(f"{options.steps} steps, {options.seeds} seeds, val split (per cent)", rows)
    table.write(options.json, {"steps": options.steps, "runs": runs, "summary": rows})


def summary(name: str, batch: list[float], group: list[float]) -> dict:
    """Means, and the difference seed by seed with its standard error."""
    apart = [b - a for a, b in zip(batch, group, strict=True)]
    error = statistics.stdev(apart) / len(apart) ** 0.5 if len(apart) > 1 else "–"
    return {
        "figure": name,
        "BatchNorm": statistics.fmean(batch),
        "GroupNorm": statistics.fmean(group),
        "difference": statistics.fmean(apart),
        "± standard error": error,
    }


def run(norm: str, seed: int, steps: int) -> dict[str, float]:
    """Train once; recall and zero-shot accuracy in per cent, and the CPU-seconds of training."""
    runtime.setup(seed, quiet=True)
    data = scenes.load("train", PAIRS, seed)
    order = easy_first(data.thing_counts == 1, min(EASY_STEPS, steps // 6), seed=seed)
    batch, space = inputs_of(data), space_with(norm)
    start = time.process_time()
    for _ in fit(space, over_pairs, batch, steps=steps, seed=seed, order=order):
        pass
    figures = {"training CPU-s": time.process_time() - start}
    gallery = scenes.load("val", GALLERY, GALLERY_SEED, things=2)
    figures |= evaluation.recalls(space.embed_all(inputs_of(gallery)), gallery)
    probe = scenes.probe(seed=seed + 100, modalities=["image"])
    figures |= evaluation.attributes(space, probe)
    return figures | {"picture encoder, ms a step": 1e3 * encoder_seconds(norm)}


def space_with(norm: str) -> JointSpace:
    """The workbook's space, with this norm in its picture encoder."""
    encoders = {"text": TextEncoder(), "image": SmallCNN(norm=norm), "audio": AudioEncoder()}
    return JointSpace(encoders, dim=128)


def encoder_seconds(norm: str, repeats: int = 20) -> float:
    """Forward and backward of the encoder alone, on a CPU, for 128 pictures: the median."""
    encoder, seconds = SmallCNN(norm=norm).train(), []
    pictures = torch.randint(0, 256, (128, 3, 32, 32), dtype=torch.uint8)
    for _ in range(repeats):
        start = time.process_time()
        encoder(pictures).square().mean().backward()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds[3:])


if __name__ == "__main__":
    main()
