"""What the picture networks of chapter 02 reach: probes by layer, depth, Grad-CAM, handwriting.

    python benchmarks/image_features.py                          # three seeds, 13 CPU-minutes
    python benchmarks/image_features.py --seeds 1 --parts probes maps --json one.json

Every seed has its own pictures and its own first weights. Widths, steps, learning rates and the
layer whose maps are asked were chosen on the val split with other seeds; figures are of test.

    probes  logistic regressions on frozen features of one-thing pictures: colour, shape, size and
            quarter of the picture; colour-shape pairs that training showed, and those it did not
    maps    Grad-CAM and occlusion on two-thing pictures: is the highest pixel on the asked thing?
    depth   plain against residual networks of 8, 14, 20 and 32 layers, all else equal
    digits  handwriting: 1,197 for training, 400 of the same 13 writers for testing
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import _table as table
import torch
from torch import Tensor

from xmodal_lab import runtime
from xmodal_lab.batch import Batch
from xmodal_lab.datasets import digits, scenes
from xmodal_lab.encoders.image import DeepCNN, PictureEncoder, SmallCNN
from xmodal_lab.encoders.image.grad_cam import enlarged, grad_cam
from xmodal_lab.encoders.image.occlusion import occlusion
from xmodal_lab.encoders.image.randomised import likeness, randomised
from xmodal_lab.evaluation.probes import Questions, layer_features, linear_probe
from xmodal_lab.evaluation.saliency import chance, pointing_game
from xmodal_lab.tasks import Classifier, accuracy, binary_cross_entropy, cross_entropy
from xmodal_lab.tasks.classification import colours_and_shapes
from xmodal_lab.training import fit

PICTURES, SHOWN = 8_000, 500
DEPTHS, STEPS = (8, 14, 20, 32), 200
KINDS = [*scenes.COLOURS, *scenes.SHAPES]
Figures = dict[str, float]


def main() -> None:
    arguments = table.parser(__doc__.splitlines()[0])
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    options = arguments.parse_args()
    runs, summaries = {}, {}
    for part in options.parts:
        runs[part] = []
        for seed in range(options.seeds):
            runtime.setup(seed, quiet=True)
            start = time.process_time()
            runs[part].append(PARTS[part](seed))
            print(f"  {part}, seed {seed}: {time.process_time() - start:.0f} CPU-s", flush=True)
        names = runs[part][0]
        summaries[part] = [table.summary(name, [run[name] for run in runs[part]]) for name in names]
        table.show(f"{part} (per cent unless said; {options.seeds} seeds)", summaries[part])
    table.write(options.json, {"runs": runs, "summary": summaries})


def answers(data: scenes.SceneData) -> Batch:
    """Pictures, and which colours and shapes they hold."""
    return Batch(image=torch.from_numpy(data.images), labels=colours_and_shapes(data.scenes))


def trained(
    encoder: PictureEncoder, data: Batch, seed: int, steps: int, learning_rate: float
) -> tuple[Classifier, Figures]:
    """A classifier of colours and shapes after ``fit``, its CPU-seconds and its last losses."""
    judge = Classifier(encoder, len(KINDS), "image")
    start, losses = time.process_time(), []
    options = {"steps": steps, "learning_rate": learning_rate, "seed": seed}
    for step in fit(judge, binary_cross_entropy, data, **options):
        losses.append(step.loss)
    # Of the last 20 steps: one batch alone is a noisy witness. Thousandths of a nat.
    loss = 1000 * statistics.fmean(losses[-20:])
    return judge, {"training, CPU-s": time.process_time() - start, "training loss, mnat": loss}


@torch.no_grad()
def all_right(judge: Classifier, data: Batch) -> float:
    """Per cent of pictures of which every colour and every shape is named, and no other."""
    parts = torch.arange(data.size).split(500)
    logits = torch.cat(
        [judge(data.rows(part).to(judge.head.weight.device)).cpu() for part in parts]
    )
    return 100 * ((logits > 0) == (data["labels"] > 0)).all(1).double().mean().item()


# --- probes -----------------------------------------------------------------------------------


def probes(seed: int) -> Figures:
    """By layer and network: what a linear layer reads from its features."""
    data = answers(scenes.load("train", PICTURES, seed, ["image"]))
    asked = {
        "train": Questions(30, 100 + seed),
        "val": Questions(5, 200 + seed),
        "seen": Questions(10, 300 + seed),
        "new": Questions(20, 300 + seed, held_out=True),
        "new, training": Questions(20, 100 + seed, held_out=True),
    }
    found = {}
    for name, (make, options) in NETWORKS.items():
        judge, figures = trained(make(), data, seed, *options)
        found |= {f"{name}: {figure}": value for figure, value in figures.items()}
        found |= {f"{name}, {k}": v for k, v in read_off(judge.encoder, asked).items()}
    torch.manual_seed(seed + 50)
    return found | {f"untrained, {k}": v for k, v in read_off(DeepCNN(14), asked).items()}


NETWORKS: dict[str, tuple[Callable, tuple]] = {
    "small": (SmallCNN, (400, 2e-3)),
    "deep 14": (lambda: DeepCNN(14), (500, 5e-3)),
}


def read_off(encoder: PictureEncoder, asked: dict[str, Questions]) -> Figures:
    """Attribute and layer → per cent right, for seen pairs and for pairs that training left out."""
    vectors = {name: layer_features(encoder, some.images) for name, some in asked.items()}
    found, best = {}, {}
    for layer in vectors["train"]:
        for attribute in asked["train"].labels:
            rows = {n: (vectors[n][layer], some.labels[attribute]) for n, some in asked.items()}
            tests = {name: rows[name] for name in ("val", "seen", "new")}
            right = linear_probe(rows["train"], rows["val"], tests)
            found[f"{layer}: {attribute}"] = 100 * right["seen"]
            found[f"{layer}: {attribute}, new pairs"] = 100 * right["new"]
            best.setdefault(attribute, []).append((right["val"], layer, right))
        if layer == "vector":
            # The control: may the probe see these pairs, where the network never did?
            rows = {n: (vectors[n][layer], some.labels["shape"]) for n, some in asked.items()}
            whole = both(rows["train"], rows["new, training"])
            right = linear_probe(whole, rows["val"], {"new": rows["new"]})
            found[f"{layer}: shape, new pairs, not new to the probe"] = 100 * right["new"]
    for attribute, tried in best.items():
        _, layer, right = max(tried, key=lambda row: row[0])
        found[f"best layer on val: {attribute}"] = 100 * right["seen"]
        found[f"best layer on val: {attribute}, new pairs"] = 100 * right["new"]
    return found


def both(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return torch.cat([one[0], other[0]]), torch.cat([one[1], other[1]])


# --- maps -------------------------------------------------------------------------------------


def maps(seed: int) -> Figures:
    """The pointing game on two-thing pictures, by three networks and two ways."""
    data = answers(scenes.load("train", PICTURES, seed, ["image"]))
    shown = scenes.sample_scenes("test", SHOWN, seed, things=2)
    pictures = scenes.from_scenes(shown, seed, ["image"])
    masks = [torch.from_numpy(scenes.masks(shown, seed, thing)) for thing in (0, 1)]
    found = {"chance": 100 * chance(torch.cat(masks))}
    for name, (make, options) in LOOKERS.items():
        torch.manual_seed(seed)
        judge, figures = trained(make(), data, seed, *options)
        found |= {f"{name}: {figure}": value for figure, value in figures.items()}
        found[f"{name}: all named right"] = all_right(judge, answers(pictures))
        found |= {f"{name}: {k}": v for k, v in pointed(judge, pictures, masks).items()}
    return found


# The last layer's grid: 4 × 4 cells, 8 × 8, and 8 × 8 of which the maximum is taken.
LOOKERS: dict[str, tuple[Callable, tuple]] = {
    "4 × 4, mean": (lambda: DeepCNN(14), (500, 5e-3)),
    "8 × 8, mean": (lambda: DeepCNN(14, cells=8), (500, 5e-3)),
    "8 × 8, maximum": (lambda: DeepCNN(14, cells=8, pooling="max"), (700, 5e-3)),
}


def pointed(judge: Classifier, pictures: scenes.SceneData, masks: list[Tensor]) -> Figures:
    """How often the highest pixel lies on the thing that is asked for, by its colour or shape."""
    images, found = torch.from_numpy(pictures.images), {}
    looks = {
        "Grad-CAM": lambda judge, rows, classes: grad_cam(
            judge.encoder, judge.head, images[rows], classes[rows]
        ),
        "occlusion": lambda judge, rows, classes: occlusion(
            judge.encoder, judge.head, images[rows], classes[rows]
        ),
    }
    forgetful = randomised(judge)
    for name, look in looks.items():
        # Occlusion looks at every picture 49 times: a fifth of them is enough.
        rows = slice(0, SHOWN if name == "Grad-CAM" else SHOWN // 5)
        for attribute in ("colour", "shape"):
            hits, alike = [], []
            for thing in (0, 1):
                asked = [getattr(scene.things[thing], attribute) for scene in pictures.scenes]
                classes = torch.tensor([KINDS.index(kind) for kind in asked])
                seen = look(judge, rows, classes)
                hits.append(pointing_game(enlarged(seen, 32), masks[thing][rows]))
                alike.append(likeness(seen, look(forgetful, rows, classes)))
            found[f"{name}, {attribute} asked"] = 100 * torch.cat(hits).mean().item()
            found[f"{name}, {attribute}: likeness with weights shuffled"] = (
                100 * torch.cat(alike).mean().item()
            )
        both_asked = [found[f"{name}, {attribute} asked"] for attribute in ("colour", "shape")]
        found[f"{name}, both"] = statistics.fmean(both_asked)
    return found


# --- depth ------------------------------------------------------------------------------------


def depth(seed: int) -> Figures:
    """Plain and residual networks of every depth: same pictures, same order, same seed."""
    data = answers(scenes.load("train", PICTURES, seed, ["image"]))
    test = answers(scenes.load("test", 1000, seed, ["image"], things=2))
    seen, found = data.rows(torch.arange(1000)), {}
    for layers in DEPTHS:
        for name, options in VARIANTS.items():
            if name == "plain, no BatchNorm" and layers not in (8, 20):
                continue  # two depths show it
            torch.manual_seed(seed)
            judge, figures = trained(DeepCNN(layers, **options), data, seed, STEPS, RATE)
            figures |= {"train, all right": all_right(judge, seen)}
            figures |= {"test, all right": all_right(judge, test)}
            found |= {f"{layers} layers, {name}: {figure}": v for figure, v in figures.items()}
    return found


RATE = 5e-3
VARIANTS = {
    "residual": {"skip": True},
    "plain": {"skip": False},
    "plain, no BatchNorm": {"skip": False, "norm": False},
}


# --- handwriting ------------------------------------------------------------------------------


def handwriting(seed: int) -> Figures:
    """Digits that were never trained on, and how many a linear layer on the pixels names."""
    data = {
        split: Batch(image=torch.from_numpy(some.images), labels=torch.from_numpy(some.numbers))
        for split in digits.SPLITS
        for some in [digits.load(split)]
    }
    judge = Classifier(DeepCNN(8), 10, "image")
    start = time.process_time()
    for _ in fit(judge, cross_entropy, data["train"], 200, learning_rate=5e-3, seed=seed):
        pass
    found = {"training, CPU-s": time.process_time() - start}
    for split in ("val", "test"):
        found[f"{split}, right"] = 100 * accuracy(judge.predict(data[split]), data[split]["labels"])
    pixels = {n: (b["image"][:, 0].flatten(1).float(), b["labels"]) for n, b in data.items()}
    right = linear_probe(pixels["train"], pixels["val"], {"test": pixels["test"]})
    return found | {"test, right, linear on pixels": 100 * right["test"]}


PARTS = {"probes": probes, "maps": maps, "depth": depth, "digits": handwriting}

if __name__ == "__main__":
    main()
