"""The part ``mood``: sentiment from words, mood from the voice, irony from both and from one.

Steps, rates and sizes were chosen on the val split (voices 16 to 19); figures are of test, whose
voices and templates training never had. Where a verdict is not said to be heard, it is bleeped.
"""

from __future__ import annotations

import time
from functools import cache, partial

import torch
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from torch import nn

from xmodal_lab import runtime
from xmodal_lab.batch import Batch, Padded
from xmodal_lab.datasets import moods
from xmodal_lab.encoders.audio import AudioEncoder
from xmodal_lab.encoders.audio.augment import warped
from xmodal_lab.encoders.features import features
from xmodal_lab.encoders.text import TextEncoder
from xmodal_lab.fusion import (
    AttentionFusion,
    BilinearFusion,
    ConcatFusion,
    GatedFusion,
    LateFusion,
    MeanFusion,
    WeightedSumFusion,
)
from xmodal_lab.tasks import Classifier, accuracy, cross_entropy
from xmodal_lab.tasks.mood import BANDS, QUESTIONS, MoodModel, asked, inputs, small_encoders
from xmodal_lab.training import fit

Figures = dict[str, float]
TRAINING, TESTING, RARE = 1600, 1600, 0.1
SPEEDS = (0.82, 1.15)  # of sad and glad voices, as in tools/render_mood_bank.py
FUSIONS: dict[str, type[LateFusion]] = {
    "mean": MeanFusion,
    "weighted sum": WeightedSumFusion,
    "concatenation": ConcatFusion,
    "gates": GatedFusion,
    "product": BilinearFusion,
    "attention": AttentionFusion,
}
DIM, HIDDEN = 32, 32


@cache
def data(split: str, seed: int, bleeped: bool = True) -> Batch:
    return inputs(moods.load(split, TRAINING if split == "train" else TESTING, seed, bleeped))


def mood(seed: int) -> Figures:
    """Every question by one modality and by both."""
    figures, encoders = single(seed)
    figures |= fused(encoders, seed) | together(seed) | rare(seed)
    data.cache_clear()
    return figures


# --- one modality -------------------------------------------------------------------------------


def single(seed: int) -> tuple[Figures, dict[str, nn.Module]]:
    """What words and voice tell by themselves, and the encoders that learned to tell it."""
    figures, encoders = {}, small_encoders()
    for modality, question in (("text", "sentiment"), ("audio", "mood")):
        judge, seconds = judged(encoders[modality], modality, question, seed)
        figures[f"{question} from {modality}"] = right(judge, question, seed)
        figures[f"{question} from {modality}: training, CPU-s"] = seconds
        if question == "mood":
            figures |= {f"mood, {cue}": v for cue, v in without_cues(judge, seed).items()}
    for modality in ("text", "audio"):
        judge, _ = judged(small_encoders()[modality], modality, "irony", seed)
        figures[f"irony from {modality} alone, trained for it"] = right(judge, "irony", seed)
    for question in ("sentiment", "irony"):  # the sound holds the words, too
        for kind, encoder in (("CNN", small_encoders()["audio"]), ("GRU", AudioEncoder(BANDS))):
            judge, _ = judged(encoder, "audio", question, seed, bleeped=False)
            name = f"{question} from audio alone, verdict heard, {kind}"
            figures[name] = right(judge, question, seed, bleeped=False)
            figures[f"{name}: training rows"] = right(judge, question, seed, False, "train")
    return figures, encoders


def judged(
    encoder: nn.Module, modality: str, question: str, seed: int, bleeped: bool = True
) -> tuple[Classifier, float]:
    """A classifier of one modality after ``fit``, and the CPU-seconds that took."""
    judge, start = Classifier(encoder, 2, modality), time.process_time()
    rows = data("train", seed, bleeped)
    rows = Batch({modality: rows[modality], "labels": rows[question]})
    rate = 1e-2 if modality == "text" else 3e-3
    for _ in fit(judge, cross_entropy, rows, 150, 64, rate, seed):
        pass
    return judge, time.process_time() - start


def right(
    judge: Classifier, question: str, seed: int, bleeped: bool = True, split: str = "test"
) -> float:
    rows = data(split, seed, bleeped)
    return 100 * accuracy(judge.predict(rows), rows[question])


def without_cues(judge: Classifier, seed: int) -> Figures:
    """Mood by a network that was trained on all cues, when one or two are the same in both moods.

    Speed is changed on the spectrogram, where it changes no pitch (but the bleep's length, too);
    what is left at the end are pitch and melody.
    """
    rows = data("test", seed)
    frames, glad = rows["audio"], rows["mood"] == 1
    even = (SPEEDS[0] / SPEEDS[1]) ** 0.5  # each comes half the way to the other
    slow = warped(frames.rows(glad.nonzero()[:, 0]), speed=even)
    fast = warped(frames.rows((~glad).nonzero()[:, 0]), speed=1 / even)
    labels = torch.tensor([1] * len(slow.lengths) + [0] * len(fast.lengths))
    width = max(slow.values.shape[1], fast.values.shape[1])
    paced = [part.widened(width) for part in (slow, fast)]
    timed = Padded(*(torch.cat(parts) for parts in zip(*paced, strict=True)))
    asked_of = {
        "equally loud": (levelled(frames), rows["mood"]),
        "equally fast": (timed, labels),
        "equally loud and fast": (levelled(timed), labels),
    }
    return {
        name: 100 * accuracy(judge.predict(Batch(audio=audio)), answers)
        for name, (audio, answers) in asked_of.items()
    }


def levelled(frames: Padded) -> Padded:
    """Every row's mean level is that of all rows."""
    values, mask = frames.values.clone(), frames.mask
    level = values[:, :, -1] * mask
    mean = level.sum(1, keepdim=True) / frames.lengths[:, None]
    values[:, :, -1] = (level - mean + mean.mean()) * mask
    return Padded(values, frames.lengths)


# --- both ---------------------------------------------------------------------------------------


def fused(encoders: dict[str, nn.Module], seed: int) -> Figures:
    """Fusions over the frozen encoders, with a linear answer and with a hidden layer before it."""
    vectors = {
        split: Batch(data(split, seed) | {m: features(e, data(split, seed)[m])
                                          for m, e in encoders.items()})
        for split in ("train", "test")
    }  # fmt: skip
    dims, figures = {m: e.output_dim for m, e in encoders.items()}, {}
    for name, fusion in FUSIONS.items():
        for head, hidden in (("linear", None), ("hidden layer", HIDDEN)):
            runtime.setup(seed, quiet=True)
            held = {m: nn.Identity() for m in dims}
            model, start = MoodModel(fusion(dims, DIM), held, hidden), time.process_time()
            for _ in fit(model, asked("irony"), vectors["train"], 300, 64, 3e-3, seed):
                pass
            rows = vectors["test"]
            figures[f"irony, frozen, {name}, {head}"] = 100 * accuracy(
                model.predict(rows)["irony"], rows["irony"]
            )
            figures[f"irony, frozen, {name}, {head}: CPU-s"] = time.process_time() - start
    return figures


def together(seed: int) -> Figures:
    """From nothing: with all three questions, and with irony alone."""
    gru = {"text": partial(TextEncoder, moods.WORDS), "audio": partial(AudioEncoder, BANDS)}
    ways = {
        "three questions, product": (BilinearFusion, small_encoders, tuple(QUESTIONS), 150, 1e-2),
        "three questions, concatenation":
            (ConcatFusion, small_encoders, tuple(QUESTIONS), 150, 1e-2),
        "irony alone, product": (BilinearFusion, small_encoders, ("irony",), 300, 3e-3),
        "irony alone, concatenation": (ConcatFusion, small_encoders, ("irony",), 300, 3e-3),
        "irony alone, product, GRU encoders":
            (BilinearFusion, lambda: {m: e() for m, e in gru.items()}, ("irony",), 300, 3e-3),
    }  # fmt: skip
    figures = {}
    for name, (fusion, make, questions, steps, rate) in ways.items():
        runtime.setup(seed, quiet=True)
        encoders, start = make(), time.process_time()
        model = MoodModel(fusion({m: e.output_dim for m, e in encoders.items()}, DIM), encoders)
        for _ in fit(model, asked(*questions), data("train", seed), steps, 64, rate, seed):
            pass
        figures[f"{name}: training, CPU-s"] = time.process_time() - start
        for split in ("train", "test"):
            rows = data(split, seed)
            figures[f"{name}: irony, {split}"] = 100 * accuracy(
                model.predict(rows)["irony"], rows["irony"]
            )
    return figures


def rare(seed: int) -> Figures:
    """One row in ten is ironic: what accuracy hides."""
    figures, parts = {}, {}
    for split in ("train", "test"):
        parts[split] = inputs(moods.with_irony(moods.load(split, TRAINING, seed), RARE, seed))
    rows = parts["test"]
    for name, training in (
        ("rows as they are", parts["train"]),
        ("half ironic", data("train", seed)),
    ):
        for fusion in (MeanFusion, BilinearFusion):
            runtime.setup(seed, quiet=True)
            encoders = small_encoders()
            model = MoodModel(fusion({m: e.output_dim for m, e in encoders.items()}, DIM), encoders)
            for _ in fit(model, asked(*QUESTIONS), training, 150, 64, 1e-2, seed):
                pass
            found, labels = model.predict(rows)["irony"], rows["irony"]
            scores = precision_recall_fscore_support(
                labels, found, average="binary", zero_division=0
            )
            way = f"rare irony, trained on {name}, {fusion.__name__}"
            figures[f"{way}: accuracy"] = 100 * accuracy(found, labels)
            for score, value in zip(("precision", "recall", "F1"), scores, strict=False):
                figures[f"{way}: {score}"] = 100 * float(value)
            counts = confusion_matrix(labels, found).ravel().tolist()
            cells = ("not ironic", "false alarms", "missed", "found")
            figures |= {f"{way}: {c}, rows": float(n) for c, n in zip(cells, counts, strict=True)}
    return figures


PARTS = {"mood": mood}
