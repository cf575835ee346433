"""The small experiments of chapter 4 on frozen features; ``alignment.py`` runs and prints them.

Each is a function (world, seed) → {setting: figures}.
"""

from __future__ import annotations

from functools import partial

import torch
from _frozen import MODALITIES, Frozen, trained
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab import evaluation, runtime
from xmodal_lab.alignment.closed_form import cca
from xmodal_lab.alignment.diagnostics import csls, hubness, modality_gap
from xmodal_lab.alignment.losses import (
    info_nce,
    over_pairs,
    pair_loss,
    sigmoid_loss,
    triplet_loss,
)
from xmodal_lab.alignment.many_to_one import info_nce_many
from xmodal_lab.alignment.mappers import LinearMapper, MLPMapper
from xmodal_lab.batch import Batch
from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.audio import AudioEncoder
from xmodal_lab.encoders.features import features
from xmodal_lab.encoders.image import SmallCNN
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.encoders.untrained import bag_of_words, untrained_features
from xmodal_lab.joint.retrieval import recall_from_similarity
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.tasks.classification import Classifier, binary_cross_entropy, colours_and_shapes

Figures = dict[str, dict[str, float]]
STEPS = 200
TEMPERATURES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
# Margins were chosen on the val split, among .5 .8 1 1.3 for pairs and .1 .2 .4 for triplets.
LOSSES = {
    "pair, margin 1.3": lambda a, b, t: pair_loss(a, b, 1.3),
    "triplet, random, 0.4": lambda a, b, t: triplet_loss(a, b, 0.4, "random"),
    "triplet, all, 0.4": lambda a, b, t: triplet_loss(a, b, 0.4, "all"),
    "triplet, semi-hard, 0.2": lambda a, b, t: triplet_loss(a, b, 0.2, "semi-hard"),
    "triplet, hard, 0.2": lambda a, b, t: triplet_loss(a, b, 0.2, "hard"),
    "InfoNCE, text→image": lambda a, b, t: one_way(a, b, t),
    "InfoNCE, image→text": lambda a, b, t: one_way(b, a, t),
    "InfoNCE, both": info_nce,
    "sigmoid": sigmoid_loss,
}


def one_way(a: Tensor, b: Tensor, temperature: Tensor) -> Tensor:
    """InfoNCE from unit rows a to b alone."""
    return F.cross_entropy(a @ b.T / temperature, torch.arange(len(a), device=a.device))


def temperature(world: Frozen, seed: int) -> Figures:
    """Gap, loss, recall and entropy at fixed temperatures: linear maps and small networks.

    On the barest features there are: bag of words, and one random convolution.
    """
    train, asked = (untrained_features(inputs_of(d)) for d in (world.data, world.gallery))
    mappers = {"linear": LinearMapper, "network": MLPMapper}
    table = {}
    for name, mapper in mappers.items():
        for tau in TEMPERATURES:
            runtime.setup(seed, quiet=True)
            heads = {m: mapper(train[m].shape[1], normalise=False) for m in MODALITIES}
            space = JointSpace(heads, 64)
            start = space.embed_all(asked)
            loss = partial(over_pairs, temperature=tau)
            _, spent = trained(space, loss, train, steps=STEPS, seed=seed)
            points = space.embed_all(asked)
            chances = (points["text"] @ points["image"].T / tau).softmax(dim=1)
            table[f"{name}, τ = {tau}"] = spent | {
                "gap before": float(modality_gap(start["text"], start["image"])),
                "gap": float(modality_gap(points["text"], points["image"])),
                "row entropy / nats": float(torch.special.entr(chances).sum(dim=1).mean()),
                **evaluation.recalls(points, world.gallery),
            }
    return table


def losses(world: Frozen, seed: int) -> Figures:
    """Every loss on the same features, heads, steps and batches."""
    table = {}
    for name, loss in LOSSES.items():
        pair = partial(over_pairs, loss=loss)
        space, spent = trained(world.heads(seed), pair, world.train, steps=STEPS, seed=seed)
        table[name] = spent | world.evaluator.scores_of(space)
    return table


def negatives(world: Frozen, seed: int) -> Figures:
    """The same 256 rows a step; but each is compared only within its group of n."""
    table = {}
    for group in (2, 4, 16, 64, 256):

        def loss(outputs, batch, group=group):
            parts = zip(outputs["text"].split(group), outputs["image"].split(group), strict=True)
            tau = outputs["temperature"]
            return torch.stack([info_nce(a, b, tau) for a, b in parts]).mean()

        options = {"steps": 150, "batch_size": 256, "seed": seed}
        space, spent = trained(world.heads(seed), loss, world.train, **options)
        table[f"{group - 1} negatives"] = spent | world.evaluator.scores_of(space)
    return table


def false_negatives(world: Frozen, seed: int, count: int = 1000, tau: float = 0.02) -> Figures:
    """One-thing scenes: 104 meanings in batches of 512, so four rows of five are no wrong answers.

    A right answer is any picture of the same meaning.
    """
    data = scenes.load("train", count, 0, MODALITIES, things=1)
    gallery = scenes.load(world.split, 500, 1, MODALITIES, things=1)
    train, asked = world.features(data), world.features(gallery)
    keys = {key: number for number, key in enumerate({scene.key for scene in data.scenes})}
    train["meaning"] = torch.tensor([keys[scene.key] for scene in data.scenes])

    def loss(outputs, batch, treatment):
        text, image = outputs["text"], outputs["image"]
        if treatment == "none":
            return info_nce(text, image, tau)
        same = batch["meaning"][:, None] == batch["meaning"]
        return info_nce_many(text, image, tau, same, treatment)

    table = {}
    for treatment in ("none", "mask", "share"):
        space, treated = world.heads(seed), partial(loss, treatment=treatment)
        options = {"steps": 150, "batch_size": 512, "seed": seed}
        _, spent = trained(space, treated, train, **options)
        table[treatment] = spent | evaluation.recalls(space.embed_all(asked), gallery)
    return table


class Fixed(nn.Identity):
    """Points that are made already."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.output_dim = dim


def imbalance(world: Frozen, seed: int, count: int = 8000, few: int = 400) -> Figures:
    """Text and pictures of 8,000 scenes, speech of 400: what helps the speech?

    With the workbook's own encoders: on 400 rows nothing can be read out of untrained features.
    """
    both = inputs_of(scenes.load("train", count, seed, MODALITIES))
    # The rows of a longer data set begin with those of a shorter one.
    triples = inputs_of(scenes.load("train", few, seed))
    gallery = scenes.load(world.split, 500, 1, things=2)
    asked, table = inputs_of(gallery), {}

    runtime.setup(seed, quiet=True)
    space, spent = trained(JointSpace.standard(), over_pairs, triples, steps=120, seed=seed)
    table["the 400 triples alone"] = spent | evaluation.recalls(space.embed_all(asked), gallery)

    runtime.setup(seed, quiet=True)
    anchor = JointSpace.standard(MODALITIES)
    anchor, first = trained(anchor, over_pairs, both, steps=250, seed=seed)
    known = anchor.embed_all({modality: triples[modality] for modality in MODALITIES})
    found = anchor.embed_all({modality: asked[modality] for modality in MODALITIES})
    for goals in (("image",), ("text",), ("text", "image")):
        runtime.setup(seed, quiet=True)
        pupil = JointSpace({"audio": AudioEncoder()} | {m: Fixed(anchor.dim) for m in goals})
        for goal in goals:
            pupil.projections[goal] = nn.Identity()

        def loss(outputs, batch, goals=goals):
            audio, tau = outputs["audio"], outputs["temperature"]
            return torch.stack([info_nce(audio, outputs[goal], tau) for goal in goals]).mean()

        data = {"audio": triples["audio"]} | {goal: known[goal] for goal in goals}
        _, spent = trained(pupil, loss, data, steps=120, seed=seed)
        points = found | pupil.embed_all({"audio": asked["audio"]})
        spent["CPU-s"] += first["CPU-s"]
        name = f"text–image first, then speech to {' and '.join(goals)}"
        table[name] = spent | evaluation.recalls(points, gallery)
    return table


def baselines(world: Frozen, seed: int) -> Figures:
    """What a trained space must beat: chance, shuffled pairs, and closed forms."""
    train, asked = inputs_of(world.data), inputs_of(world.gallery)
    table = {"chance": evaluation.chance_recalls(world.gallery)}
    table["chance"] = {k: v for k, v in table["chance"].items() if k.startswith("text→image")}
    runtime.setup(seed, quiet=True)
    mixed = world.train | {"image": world.train["image"][torch.randperm(len(world.data))]}
    space, spent = trained(world.heads(seed), over_pairs, mixed, steps=STEPS, seed=seed)
    table["shuffled pairs"] = spent | world.evaluator.scores_of(space)
    closed = evaluation.closed_form_recalls(train, asked, world.gallery)
    table["CCA on untrained features"] = closed
    eye, spent = trained_eye(world, seed)
    x, y = (features(eye, data["image"]) for data in (train, asked))
    fitted = cca(bag_of_words(train["text"]), x, dim=20, ridge=0.1)
    points = {"text": fitted.project_x(bag_of_words(asked["text"])), "image": fitted.project_y(y)}
    table["CCA on trained features"] = spent | evaluation.recalls(points, world.gallery)
    return table


def trained_eye(world: Frozen, seed: int, steps: int = 250) -> tuple[nn.Module, dict[str, float]]:
    """A picture encoder that learned to say which colours and shapes are there; no captions."""
    labels = colours_and_shapes(world.data.scenes)
    runtime.setup(seed, quiet=True)
    judge = Classifier(SmallCNN(), labels.shape[1], "image")
    data = Batch(image=torch.from_numpy(world.data.images), labels=labels)
    _, spent = trained(judge, binary_cross_entropy, data, steps=steps, seed=seed)
    return judge.encoder.eval(), spent


def hubs(world: Frozen, seed: int) -> Figures:
    """Skewness of the 10-occurrences, and R@1 before and after CSLS with a bank from training."""
    train, asked = (untrained_features(inputs_of(d)) for d in (world.data, world.gallery))
    fitted = cca(train["text"], train["image"], dim=40)
    closed = {
        "query": fitted.project_x(asked["text"]),
        "gallery": fitted.project_y(asked["image"]),
        "bank": fitted.project_x(train["text"][:1000]),
    }
    spaces = {"before training": points_of(world, world.heads(seed)), "CCA": closed}
    for name in ("pair, margin 1.3", "triplet, all, 0.4", "InfoNCE, both"):
        pair = partial(over_pairs, loss=LOSSES[name])
        space, _ = trained(world.heads(seed), pair, world.train, steps=STEPS, seed=seed)
        spaces[name] = points_of(world, space)
    targets = torch.from_numpy(world.gallery.matches())
    table = {}
    for name, points in spaces.items():
        unit = {key: F.normalize(rows, dim=1) for key, rows in points.items()}
        cosines = unit["query"] @ unit["gallery"].T
        scaled = csls(cosines, bank=unit["bank"] @ unit["gallery"].T)
        table[name] = {
            "hubness": hubness(cosines),
            "hubness, CSLS": hubness(scaled),
            "R@1": 100 * recall_from_similarity(cosines, 1, targets)[1],
            "R@1, CSLS": 100 * recall_from_similarity(scaled, 1, targets)[1],
        }
    return table


def points_of(world: Frozen, space: JointSpace) -> dict[str, Tensor]:
    points = space.embed_all(world.asked)
    bank = space.embed_all({"text": world.train["text"][:1000]})["text"]
    return {"query": points["text"], "gallery": points["image"], "bank": bank}
