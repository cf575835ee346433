"""Noisy and missing modalities: the parts ``noise`` and ``missing``.

Which thing is it, by its colour and shape? 52 answers were seen. Three encoders are trained on
clean scenes of one thing, each alone, then frozen; a fusion is trained on other scenes, where each
modality of each row has an amount of noise of its own and nothing says which (``tasks.noisy``).

    python benchmarks/_fusion_noise.py    # every fusion at every setting, on val: 4 CPU-minutes
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache

import torch
from torch import Tensor, nn

from xmodal_lab.batch import Batch, Padded
from xmodal_lab.datasets import scenes
from xmodal_lab.encoders import AudioEncoder, DeepCNN, TextEncoder, inputs_of
from xmodal_lab.evaluation.audit import fusion_audit
from xmodal_lab.fusion import (
    AttentionFusion,
    BilinearFusion,
    ConcatFusion,
    GatedFusion,
    LateFusion,
    MeanFusion,
    WeightedSumFusion,
    modality_dropout,
    vote,
)
from xmodal_lab.tasks import Classifier, accuracy, cross_entropy
from xmodal_lab.tasks.classification import Judge
from xmodal_lab.tasks.fused import FusedClassifier, with_presence
from xmodal_lab.tasks.noisy import CLEAN, SPOILT, THINGS, Views, thing_labels
from xmodal_lab.training import fit

MODALITIES = scenes.MODALITIES
Figures = dict[str, float]
ALONE_ROWS, FUSED_ROWS, TEST_ROWS = 8_000, 4_000, 2_000
# Modality → encoder, steps of 64 rows, highest learning rate.
ALONE: dict[str, tuple[Callable[[], nn.Module], int, float]] = {
    "text": (TextEncoder, 100, 5e-3),
    "image": (lambda: DeepCNN(8, cells=8, pooling="max"), 250, 5e-3),
    "audio": (AudioEncoder, 400, 8e-3),
}
DROPPED = 0.3
STEPS, RATES, WIDTHS = 600, (1e-3, 3e-3, 1e-2, 3e-2), (64, 128)
TUNED_WITH = 100  # the seed that settings were chosen with, on val
Maker = Callable[[Mapping[str, int], int], LateFusion]
FUSIONS: dict[str, Maker] = {
    "mean": MeanFusion,
    "weighted sum": WeightedSumFusion,
    "concatenation": ConcatFusion,
    "gates": GatedFusion,
    "low-rank product": BilinearFusion,
    "attention": AttentionFusion,
}
# Highest learning rate and width: the best of RATES × WIDTHS on val, as ``tune`` finds them.
SETTINGS: dict[str, tuple[float, int]] = {
    "mean": (3e-2, 64),
    "weighted sum": (3e-2, 64),
    "concatenation": (3e-3, 64),
    "gates": (3e-3, 128),
    "low-rank product": (3e-3, 64),
    "attention": (1e-2, 128),
}


def clean(split: str, count: int, seed: int) -> Batch:
    """Scenes of one thing as the encoders read them."""
    data = scenes.load(split, count, seed, things=1)
    return Batch(inputs_of(data), labels=thing_labels(data.scenes))


@cache
def judges(seed: int) -> tuple[dict[str, Classifier], float]:
    """A classifier of each modality alone, trained on clean scenes; and the CPU-seconds it took."""
    data, made = clean("train", ALONE_ROWS, seed), {}
    start = time.process_time()
    for name, (encoder, steps, rate) in ALONE.items():
        torch.manual_seed(seed)
        made[name] = Classifier(encoder(), THINGS, name)
        rows = data.select([name, "labels"])
        for _ in fit(made[name], cross_entropy, rows, steps, 64, rate, seed):
            pass
    return made, time.process_time() - start


@cache
def views(split: str, count: int, seed: int) -> Views:
    """Frozen encoders' vectors of scenes that they were not trained on, standardised."""
    return read(split, count, seed).standardised(read("train", FUSED_ROWS, seed))


@cache
def read(split: str, count: int, seed: int) -> Views:
    """The same as they come from the encoders."""
    encoders = {name: judge.encoder for name, judge in judges(seed)[0].items()}
    return Views.of(encoders, scenes.load(split, count, 1_000 + seed, things=1), seed)


def trained(
    make: Maker, setting: tuple[float, int], seed: int, change: Callable[[Batch], Batch] = Batch,
    without: str | None = None, noisy: bool = True,
) -> FusedClassifier:  # fmt: skip
    """A fusion and its head after training on rows whose modalities are noisy at random.

    Args:
        make: the fusion.
        setting: highest learning rate and width.
        seed: of the encoders, the rows and the first weights.
        change: what is done to every batch, such as dropout.
        without: a modality that this model never gets.
        noisy: False for clean rows alone.
    """
    rate, width = setting
    rows = views("train", FUSED_ROWS, seed)
    dims = {name: dim for name, dim in rows.dims.items() if name != without}
    torch.manual_seed(seed)
    model = FusedClassifier(make(dims, width), THINGS)

    def batch(step: int) -> Batch:
        dice = torch.Generator().manual_seed(1_000 * seed + step)
        if noisy:
            return change(rows.drawn(128, dice))
        some = torch.randint(FUSED_ROWS, (128,), generator=dice)
        return change(rows.at().rows(some))

    for _ in fit(model, cross_entropy, batch, STEPS, learning_rate=rate, seed=seed):
        pass
    return model


def cases(rows: Views) -> dict[str, Batch]:
    """What the fusions are asked: all rows in each."""
    only = {f"only {name} clean": rows.only_clean(name) for name in MODALITIES}
    levels = torch.Generator().manual_seed(0)
    return {
        "all clean": rows.at(),
        **only,
        "all spoilt": rows.at(**dict.fromkeys(MODALITIES, SPOILT)),
        "noise at random": rows.mixed(torch.arange(len(rows.labels)), levels),
    }


def tune() -> None:
    """Every fusion at every setting on val, by rows whose modalities are noisy at random."""
    asked = cases(views("val", TEST_ROWS, TUNED_WITH))
    for name, make in FUSIONS.items():
        for rate in RATES:
            for width in WIDTHS:
                model = trained(make, (rate, width), TUNED_WITH)
                right = {case: f"{percent(model, some):.1f}" for case, some in asked.items()}
                print(name, rate, width, right, flush=True)


def percent(model: Judge, rows: Batch) -> float:
    """Per cent of right answers."""
    return 100 * accuracy(model.predict(rows), rows["labels"])


# --- noise ------------------------------------------------------------------------------------


def noise(seed: int) -> Figures:
    """Each modality alone, votes of the three, and every fusion, in every case."""
    found = {"three encoders, each alone: CPU-s": judges(seed)[1]}
    for case, rows in cases(read("test", TEST_ROWS, seed)).items():
        found |= {f"{who}: {case}": value for who, value in without_learning(rows, seed).items()}
    asked = cases(views("test", TEST_ROWS, seed))
    for name in FUSIONS:
        model, seconds = fused(name, seed)
        found[f"{name}: CPU-s"] = seconds
        found |= {f"{name}: {case}": percent(model, rows) for case, rows in asked.items()}
    return found | weights(seed, asked) | spreads(seed) | audits(seed, asked)


@torch.no_grad()
def without_learning(rows: Batch, seed: int) -> Figures:
    """What the three frozen classifiers say, one by one and together."""
    said = {n: judge.head(rows[n]).softmax(1) for n, judge in judges(seed)[0].items()}
    answers = {f"{name} alone": some for name, some in said.items()}
    answers |= {"vote, probabilities": vote(said), "vote, majority": vote(said, majority=True)}
    return {w: 100 * accuracy(p.argmax(1), rows["labels"]) for w, p in answers.items()}


@cache
def fused(name: str, seed: int) -> tuple[FusedClassifier, float]:
    """A fusion with its setting, and the CPU-seconds of its training."""
    views("train", FUSED_ROWS, seed)  # made before the clock starts
    start = time.process_time()
    return trained(FUSIONS[name], SETTINGS[name], seed), time.process_time() - start


@torch.no_grad()
def weights(seed: int, asked: Mapping[str, Batch]) -> Figures:
    """Mean weight, in per cent, that attention gives each modality in each case."""
    attention, found = fused("attention", seed)[0].fusion, {}
    for case, rows in asked.items():
        given = attention.weights(rows.select(MODALITIES))
        found |= {f"weight of {m}: {case}": 100 * w.mean().item() for m, w in given.items()}
    return found


@torch.no_grad()
def spreads(seed: int) -> Figures:
    """How loud a modality speaks in the learned mean: the spread of the logits of its z alone.

    In hundredths. A mean has no weights: here one sees whether a spoilt modality hushes itself.
    """
    model, rows, found = fused("mean", seed)[0], views("test", TEST_ROWS, seed), {}
    for name in MODALITIES:
        for what, level in (("clean", CLEAN), ("spoilt", SPOILT)):
            vectors = {name: rows.vectors[name][:, level]}
            said = model.fusion(vectors) @ model.head.weight.T
            found[f"mean, spread of logits, {name} {what}"] = 100 * said.std(1).mean().item()
    return found


def audits(seed: int, asked: Mapping[str, Batch]) -> Figures:
    """Per cent right with one modality shuffled."""
    found = {}
    for name in ("attention", "concatenation"):
        for case in ("all clean", "noise at random"):
            model, rows = fused(name, seed)[0], asked[case]
            right = fusion_audit(model.predict, rows, rows["labels"], MODALITIES, seed)
            found |= {f"{name}, {what} shuffled: {case}": 100 * right[what] for what in MODALITIES}
    return found


# --- missing ----------------------------------------------------------------------------------


def missing(seed: int) -> Figures:
    """Fusions trained for absence, asked without a modality, beside those that never had it.

    Where all rows are clean in training and in the test, and, for attention, where the noise of
    each modality of each row is drawn at random, which prepares a fusion for absence by itself.
    """
    found: Figures = {}
    for name in ("mean", "concatenation", "attention"):
        found |= absent(name, seed, "all clean")
    return found | absent("attention", seed, "noise at random")


def absent(name: str, seed: int, case: str) -> Figures:
    """One fusion with and without modality dropout, each with every modality away."""
    make, setting = FUSIONS[name], SETTINGS[name]
    rows, noisy = cases(views("test", TEST_ROWS, seed))[case], case != "all clean"
    ready = trained(make, setting, seed, dropping(seed), noisy=noisy)
    plain = trained(make, setting, seed, noisy=noisy)
    found = {"dropout, nothing missing": percent(ready, rows)}
    found["no dropout, nothing missing"] = percent(plain, rows)
    blank = blanks(seed)
    for lost in MODALITIES:
        rest = rows.select([entry for entry in rows if entry != lost])
        looks = Batch({**rows, lost: blank[lost].expand_as(rows[lost])})
        never = trained(make, setting, seed, without=lost, noisy=noisy)
        found[f"no {lost}, trained on the rest alone"] = percent(never, rest)
        for how, model in (("dropout", ready), ("no dropout", plain)):
            found[f"no {lost}, {how}, mask"] = percent(model, rest)
            found[f"no {lost}, {how}, blank input"] = percent(model, looks)
            only = rows.select([lost, "labels"])
            found[f"only {lost}, {how}, mask"] = percent(model, only)
    return {f"{name}, {case}: {figure}": value for figure, value in found.items()}


@torch.no_grad()
def blanks(seed: int) -> dict[str, Tensor]:
    """What each encoder makes of zeros: a black picture, a silence, one unknown word.

    Standardised as everything that a fusion reads.
    """
    one = torch.ones(1, dtype=torch.long)
    zeros = {
        "text": Padded(torch.zeros(1, 1, dtype=torch.long), one),
        "image": torch.zeros(1, 3, 32, 32, dtype=torch.uint8),
        "audio": Padded(torch.zeros(1, 60, 40), 60 * one),
    }
    made = {name: judges(seed)[0][name].encoder(some) for name, some in zeros.items()}
    raw = Views({name: vector[:, None] for name, vector in made.items()}, one)
    return raw.standardised(read("train", FUSED_ROWS, seed)).at().select(MODALITIES)


def dropping(seed: int) -> Callable[[Batch], Batch]:
    """Adds masks to a batch: each modality of each row is gone with a probability of 0.3."""
    dice = torch.Generator().manual_seed(seed)

    def change(batch: Batch) -> Batch:
        there = {name: torch.ones(batch.size, dtype=torch.bool) for name in MODALITIES}
        return with_presence(batch, modality_dropout(there, DROPPED, dice))

    return change


PARTS = {"noise": noise, "missing": missing}

if __name__ == "__main__":
    tune()
