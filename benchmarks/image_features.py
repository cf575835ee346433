"""What the picture networks of chapter 02 reach: probes by layer, depth, Grad-CAM, handwriting.

    python benchmarks/image_features.py              # three seeds: 20 CPU-minutes, busy cores
    python benchmarks/image_features.py --seeds 1 --parts probes maps --json one.json

Every seed has its own pictures and its own first weights. Widths, steps, learning rates and the
layer whose maps are asked were chosen on the val split with other seeds; figures are of test.

    probes  logistic regressions on frozen features of one-thing pictures: colour, shape, size and
            quarter of the picture; colour-shape pairs that training showed, and those it did not
    maps    Grad-CAM and occlusion on two-thing pictures: is the highest pixel on the asked thing,
            or at least in the box around it? (a cell of the map may cover the hole of a ring)
    pointing  the best of those networks once more, by the rule of Zhang et al. 2018, section 4: a
            pixel beside the thing still counts (15 of their 500 pixels are 1 of our 32); and with
            the mean of four maps of the picture moved by a pixel. Both chosen on val, another seed
    depth   plain against residual networks of 8, 14, 20 and 32 layers, all else equal
    digits  handwriting: 1,197 for training, 400 of the same 13 writers for testing
    transfer  10, 50 and 250 labels of handwriting or of shapes: a linear layer on frozen features
            against fine-tuning, for features trained on colours and shapes, on captions, on nothing
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from copy import deepcopy
from functools import cache

import _table as table
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Batch
from xmodal_lab.datasets import digits, scenes
from xmodal_lab.datasets.shipped import shipped
from xmodal_lab.encoders.image import DeepCNN, PictureEncoder, SmallCNN
from xmodal_lab.encoders.image.grad_cam import enlarged, grad_cam
from xmodal_lab.encoders.image.occlusion import occlusion
from xmodal_lab.encoders.image.randomised import likeness, randomised
from xmodal_lab.evaluation.probes import Questions, layer_features, linear_probe
from xmodal_lab.evaluation.saliency import chance, pointing_game
from xmodal_lab.tasks import Classifier, accuracy, binary_cross_entropy, cross_entropy
from xmodal_lab.tasks.classification import colours_and_shapes
from xmodal_lab.training import checkpoints, fit

PICTURES, SHOWN = 8_000, 500
COVERED = 60  # pictures for occlusion, which looks at each 49 times
DEPTHS, STEPS = (8, 14, 20, 32), 250
STRENGTHS = (0.01, 0.1)  # of the probes; which one, val decides each time
KINDS = [*scenes.COLOURS, *scenes.SHAPES]
ATTRIBUTES, NEW = ("colour", "shape", "size", "position"), ", new pairs"
Figures = dict[str, float]


def main() -> None:
    arguments = table.parser(__doc__.splitlines()[0])
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    options = arguments.parse_args()
    table.run_parts(
        PARTS,
        options.parts,
        options.seeds,
        options.json,
        lambda part, rows: by_layer(rows) if part == "probes" else rows,
    )


def by_layer(rows: list[dict]) -> list[dict]:
    """The figures of the probes, a row for each layer: mean over the seeds, lowest to highest."""
    lines: dict[str, dict] = {}
    for row in rows:
        spread = f"{row['mean']:.1f} ({row['lowest']:.1f}–{row['highest']:.1f})"
        layer, _, asked = row["figure"].rpartition(": ")
        if asked.removesuffix(NEW) in ATTRIBUTES:
            lines.setdefault(layer, {"features": layer})[asked] = spread
        else:
            print(f"  {row['figure']}: {spread}")
    return list(lines.values())


def answers(data: scenes.SceneData) -> Batch:
    """Pictures, and which colours and shapes they hold."""
    return Batch(image=torch.from_numpy(data.images), labels=colours_and_shapes(data.scenes))


# Name → how it is made, steps, highest learning rate.
NETWORKS: dict[str, tuple[Callable[[], PictureEncoder], int, float]] = {
    "SmallCNN": (SmallCNN, 400, 2e-3),
    # By the last layer's grid: 4 × 4 cells, 8 × 8, and 8 × 8 of which the maximum is taken.
    "4 × 4, mean": (lambda: DeepCNN(14), 500, 5e-3),
    "8 × 8, mean": (lambda: DeepCNN(14, cells=8), 500, 5e-3),
    "8 × 8, maximum": (lambda: DeepCNN(14, cells=8, pooling="max"), 700, 5e-3),
}


@cache
def network(name: str, seed: int) -> tuple[Classifier, Figures]:
    """One of ``NETWORKS``, trained on pictures of its own; once, for all parts that ask."""
    make, steps, rate = NETWORKS[name]
    torch.manual_seed(seed)
    data = answers(scenes.load("train", PICTURES, seed, ["image"]))
    return trained(make(), data, seed, steps, rate)


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
def logits(judge: Classifier, data: Batch) -> Tensor:
    """Scores of all classes for every picture; on the CPU."""
    device = judge.head.weight.device
    parts = torch.arange(data.size).split(500)
    return torch.cat([judge(data.rows(part).to(device)).cpu() for part in parts])


def all_right(judge: Classifier, data: Batch) -> float:
    """Per cent of pictures of which every colour and every shape is named, and no other."""
    named = (logits(judge, data) > 0) == (data["labels"] > 0)
    return 100 * named.all(1).double().mean().item()


# --- probes -----------------------------------------------------------------------------------


def probes(seed: int) -> Figures:
    """By layer and network: what a linear layer reads from its features."""
    asked = {
        "train": Questions(30, 100 + seed),
        "val": Questions(5, 200 + seed),
        "seen": Questions(10, 300 + seed),
        "new": Questions(20, 300 + seed, held_out=True),
        "new, training": Questions(20, 100 + seed, held_out=True),
    }
    found = {}
    for name in ("SmallCNN", "4 × 4, mean"):
        judge, figures = network(name, seed)
        found |= {f"{name}: {figure}": value for figure, value in figures.items()}
        found |= {f"{name}, {k}": v for k, v in read_off(judge.encoder, asked).items()}
    torch.manual_seed(seed + 50)
    return found | {f"untrained, {k}": v for k, v in read_off(DeepCNN(14), asked).items()}


def read_off(encoder: PictureEncoder, asked: dict[str, Questions]) -> Figures:
    """Attribute and layer → per cent right, for seen pairs and for pairs that training left out."""
    vectors = {name: layer_features(encoder, some.images) for name, some in asked.items()}
    found, best = {}, {}
    for layer in vectors["train"]:
        for attribute in asked["train"].labels:
            rows = {n: (vectors[n][layer], some.labels[attribute]) for n, some in asked.items()}
            tests = {name: rows[name] for name in ("val", "seen", "new")}
            right = linear_probe(rows["train"], rows["val"], tests, STRENGTHS)
            found[f"{layer}: {attribute}"] = 100 * right["seen"]
            found[f"{layer}: {attribute}{NEW}"] = 100 * right["new"]
            best.setdefault(attribute, []).append((right["val"], layer, right))
        if layer == "vector":
            # The control: may the probe see these pairs, where the network never did?
            rows = {n: (vectors[n][layer], some.labels["shape"]) for n, some in asked.items()}
            whole = joined(rows["train"], rows["new, training"])
            right = linear_probe(whole, rows["val"], {"new": rows["new"]}, STRENGTHS)
            found[f"{layer}: shape{NEW}, not new to the probe"] = 100 * right["new"]
    for attribute, tried in best.items():
        _, layer, right = max(tried, key=lambda row: row[0])
        found[f"best layer on val: {attribute}"] = 100 * right["seen"]
        found[f"best layer on val: {attribute}{NEW}"] = 100 * right["new"]
    return found


def joined(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return torch.cat([one[0], other[0]]), torch.cat([one[1], other[1]])


# --- maps -------------------------------------------------------------------------------------


def maps(seed: int) -> Figures:
    """The pointing game on two-thing pictures, by three networks and two ways."""
    shown = scenes.sample_scenes("test", SHOWN, seed, things=2)
    pictures = scenes.from_scenes(shown, seed, ["image"])
    masks = [scenes.masks(shown, seed, thing) for thing in (0, 1)]
    places = {
        "on it": [torch.from_numpy(mask) for mask in masks],
        "in its box": [torch.from_numpy(scenes.boxes(mask)) for mask in masks],
    }
    found = {f"chance, {how}": 100 * chance(torch.cat(both)) for how, both in places.items()}
    for name in list(NETWORKS)[1:]:
        judge, figures = network(name, seed)
        found |= {f"{name}: {figure}": value for figure, value in figures.items()}
        found[f"{name}: all named right"] = all_right(judge, answers(pictures))
        found |= {f"{name}: {k}": v for k, v in pointed(judge, pictures, places).items()}
    return found


def pointed(
    judge: Classifier, pictures: scenes.SceneData, places: dict[str, list[Tensor]]
) -> Figures:
    """How often the highest pixel lies on the thing that is asked for, by its colour or shape."""
    images, shuffled = torch.from_numpy(pictures.images), randomised(judge)
    hits: dict[str, list[Tensor]] = {}
    for attribute in ("colour", "shape"):
        for thing in (0, 1):
            asked = [getattr(scene.things[thing], attribute) for scene in pictures.scenes]
            classes = torch.tensor([KINDS.index(kind) for kind in asked])
            seen = grad_cam(judge.encoder, judge.head, images, classes)
            few = images[:COVERED], classes[:COVERED]
            maps = {
                "Grad-CAM": enlarged(seen, 32),
                "occlusion": enlarged(occlusion(judge.encoder, judge.head, *few), 32),
            }
            for how, masks in places.items():
                for way, shown in maps.items():
                    right = pointing_game(shown, masks[thing][: len(shown)])
                    for name in (attribute, "colour and shape"):
                        hits.setdefault(f"{way}, {name} asked, {how}", []).append(right)
            alike = likeness(seen, grad_cam(shuffled.encoder, shuffled.head, images, classes))
            hits.setdefault("Grad-CAM: rank correlation with weights shuffled", []).append(alike)
    return {name: 100 * torch.cat(values).mean().item() for name, values in hits.items()}


# --- pointing ---------------------------------------------------------------------------------

DIAGONALS = ((-1, -1), (-1, 1), (1, -1), (1, 1))  # pixels down and to the right


def pointing(seed: int) -> Figures:
    """How often the highest pixel lies on the asked thing, or within a pixel of it."""
    judge, _ = network("8 × 8, maximum", seed)
    shown = scenes.sample_scenes("test", SHOWN, seed, things=2)
    images = torch.from_numpy(scenes.from_scenes(shown, seed, ["image"]).images)
    things = [torch.from_numpy(scenes.masks(shown, seed, thing)) for thing in (0, 1)]
    places = {"on it": things, "within a pixel": [grown(mask, 1) for mask in things]}
    found = {f"chance, {how}": 100 * chance(torch.cat(both)) for how, both in places.items()}
    hits: dict[str, list[Tensor]] = {}
    for attribute in ("colour", "shape"):
        for thing in (0, 1):
            asked = [getattr(scene.things[thing], attribute) for scene in shown]
            classes = torch.tensor([KINDS.index(kind) for kind in asked])
            seen = grad_cam(judge.encoder, judge.head, images, classes)
            maps = {"one map": enlarged(seen, 32), "mean of 4": shaken(judge, images, classes)}
            for way, heat in maps.items():
                for how, masks in places.items():
                    right = pointing_game(heat, masks[thing])
                    hits.setdefault(f"{way}, {how}", []).append(right)
    return found | {name: 100 * torch.cat(values).mean().item() for name, values in hits.items()}


def shaken(judge: Classifier, images: Tensor, classes: Tensor) -> Tensor:
    """The mean of the maps of four pictures, each moved by a pixel and its map moved back."""
    maps = [
        moved(
            enlarged(grad_cam(judge.encoder, judge.head, there, classes), 32)[:, None],
            -down,
            -right,
        )
        for down, right in DIAGONALS
        for there in [moved(images.float(), down, right)]
    ]
    return torch.cat(maps, 1).mean(1)


def moved(images: Tensor, down: int, right: int) -> Tensor:
    """Pictures moved by a pixel at most; the border's own levels come in."""
    height, width = images.shape[2:]
    wide = F.pad(images, (1, 1, 1, 1), "replicate")
    return wide[:, :, 1 - down : 1 - down + height, 1 - right : 1 - right + width]


def grown(masks: Tensor, pixels: int) -> Tensor:
    """Masks and all pixels so near to them, diagonally too."""
    return F.max_pool2d(masks.float()[:, None], 2 * pixels + 1, 1, pixels)[:, 0].bool()


# --- depth ------------------------------------------------------------------------------------


def depth(seed: int) -> Figures:
    """Plain and residual networks of every depth: same pictures, same order, same seed."""
    data = scenes.load("train", PICTURES, seed, ["image"])
    twos = data.select((data.thing_counts == 2).nonzero()[0][:1000])
    seen, new = answers(twos), answers(scenes.load("test", 1000, seed, ["image"], things=2))
    batch, found = answers(data), {}
    for layers in DEPTHS:
        for name, (options, rate) in VARIANTS.items():
            if "no BatchNorm" in name and layers not in (8, 20):
                continue  # two depths show it
            torch.manual_seed(seed)
            judge, figures = trained(DeepCNN(layers, **options), batch, seed, STEPS, rate)
            figures["both shapes right, training pictures"] = both_shapes(judge, seen)
            figures["both shapes right, test pictures"] = both_shapes(judge, new)
            found |= {f"{layers} layers, {name}: {figure}": v for figure, v in figures.items()}
    return found


# Each kind with the learning rate that was best for it at 20 layers, on val.
VARIANTS = {
    "residual": ({"skip": True}, 5e-3),
    "plain": ({"skip": False}, 2e-3),
    "plain, no BatchNorm": ({"skip": False, "norm": False}, 2e-3),
}


def both_shapes(judge: Classifier, data: Batch) -> float:
    """Per cent of two-thing pictures whose two highest shape scores are right; chance is 3.6."""
    shapes = slice(len(scenes.COLOURS), None)
    highest = logits(judge, data)[:, shapes].topk(2).indices
    return 100 * (data["labels"][:, shapes].gather(1, highest).sum(1) == 2).double().mean().item()


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


# --- transfer ---------------------------------------------------------------------------------

Part = tuple[Tensor, Tensor]  # pictures, labels
LABELS = (10, 50, 250)
# The encoder's share of the learning rate, and what stays still. Which of them, val decides.
TRIES = {
    f"share {share}, {way}": {"shares": {"encoder": share}, "still": still}
    for share in (0.1, 0.4)
    for way, still in (("statistics kept", ["encoder"]), ("statistics of batches", []))
}
WEIGHTS_HELD = (0.01, 0.1, 1.0, 10.0)  # strengths of the probe: as many tries


def transfer(seed: int) -> Figures:
    """Frozen against fine-tuned: both have four tries on the same val pictures."""
    data = answers(scenes.load("train", PICTURES, seed, ["image"]))
    torch.manual_seed(seed)
    judge, _ = trained(small_network(), data, seed, 250, 1e-2)
    torch.manual_seed(seed + 50)
    sources = {
        "nothing": small_network(),
        "captions": checkpoints.load(shipped("joint_space.safetensors")).encoders["image"],
        "colours and shapes": judge.encoder,
    }
    found = {}
    for task, parts in {"digits": written(), "shapes": shapes(seed)}.items():
        for source, encoder in sources.items():
            vectors = {name: (embedded(encoder, x), y) for name, (x, y) in parts.items()}
            for count in LABELS:
                rows = by_turns(parts["train"][1], seed)[:count]
                name = f"{task}, {count} labels, {source}"
                found |= {f"{name}, frozen{k}": v for k, v in frozen(vectors, rows).items()}
                tuned, tried = fine_tuned(encoder, parts, rows)
                found |= {f"{name}, fine-tuned, {way}": v for way, v in tried.items()}
                for place in parts.keys() - {"train", "val"}:
                    right = share_right(tuned, parts[place])
                    found[f"{name}, fine-tuned{place}"] = right
                if encoder is judge.encoder and task == "digits":
                    # Does the old head still understand what the encoder says?
                    tuned.head = judge.head
                    found[f"{name}, fine-tuned: colours still named"] = colours_named(tuned, seed)
    found["colours named before"] = colours_named(judge, seed)
    return found


def small_network() -> PictureEncoder:
    """That of the chapter."""
    return DeepCNN(8, cells=8, pooling="max")


def written() -> dict[str, Part]:
    """Handwriting; the test has no name of its own."""
    data = {"train": digits.load("train"), "val": digits.load("val"), "": digits.load("test")}
    return {n: (torch.from_numpy(d.images), torch.from_numpy(d.numbers)) for n, d in data.items()}


def shapes(seed: int) -> dict[str, Part]:
    """One-thing pictures and their shapes; the new pairs are colours and shapes never joined."""
    asked = {
        "train": Questions(5, 100 + seed),
        "val": Questions(2, 200 + seed),
        "": Questions(6, 300 + seed),
        NEW: Questions(15, 300 + seed, held_out=True),
    }
    return {name: (some.images, some.labels["shape"]) for name, some in asked.items()}


def by_turns(labels: Tensor, seed: int) -> Tensor:
    """Rows in an order by chance in which the classes take turns."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    shuffled = labels[order]
    met = F.one_hot(shuffled).cumsum(0).gather(1, shuffled[:, None])[:, 0]
    return order[met.argsort(stable=True)]


@torch.no_grad()
def embedded(encoder: nn.Module, images: Tensor) -> Tensor:
    encoder.eval()
    return torch.cat([encoder(part) for part in images.split(500)])


def frozen(vectors: dict[str, Part], rows: Tensor) -> Figures:
    """Place → per cent right of a logistic regression on so many labels."""
    x, y = vectors["train"]
    tests = {name: part for name, part in vectors.items() if name not in ("train", "val")}
    right = linear_probe((x[rows], y[rows]), vectors["val"], tests, WEIGHTS_HELD)
    return {name: 100 * share for name, share in right.items()}


def fine_tuned(
    encoder: nn.Module, parts: dict[str, Part], rows: Tensor
) -> tuple[Classifier, Figures]:
    """The best on val of ``TRIES``, and what each of them reaches on the test."""
    images, labels = parts["train"]
    few = {"image": images[rows], "labels": labels[rows]}
    options = {"steps": 60, "batch_size": min(32, len(rows)), "learning_rate": 1e-2, "warmup": 10}
    best: tuple[float, Classifier] | None = None
    tried = {}
    for way, recipe in TRIES.items():
        torch.manual_seed(0)
        model = Classifier(deepcopy(encoder), int(labels.max()) + 1, "image")
        for _ in fit(model, cross_entropy, few, **options, **recipe):
            pass
        right = share_right(model, parts["val"])
        tried[way] = share_right(model, parts[""])
        if best is None or right > best[0]:
            best = right, model
    return best[1], tried


def share_right(model: Classifier, part: Part) -> float:
    return 100 * accuracy(model.predict({"image": part[0]}), part[1])


def colours_named(judge: Classifier, seed: int) -> float:
    """Per cent of one-thing pictures whose highest colour score is right."""
    asked = Questions(6, 300 + seed)
    scores = logits(judge, Batch(image=asked.images))[:, : len(scenes.COLOURS)]
    return 100 * accuracy(scores.argmax(1), asked.labels["colour"])


PARTS = {
    "probes": probes,
    "maps": maps,
    "pointing": pointing,
    "depth": depth,
    "digits": handwriting,
    "transfer": transfer,
}

if __name__ == "__main__":
    main()
