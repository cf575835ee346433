"""A bench for losses: scenes as features that nothing was trained for, and two small maps to train.

Words are counted and pictures pass one random convolution, so a training takes a third of a second
and losses, healthy or not, can be compared by the dozen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from xmodal_lab.batch import Batch, Entries
from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.text import read_captions
from xmodal_lab.encoders.untrained import bag_of_words, random_convolution
from xmodal_lab.joint.retrieval import recall_at_k
from xmodal_lab.objective import Objective
from xmodal_lab.runtime import current
from xmodal_lab.training.loop import TrainingError, fit
from xmodal_lab.training.random_state import seeded

MODALITIES = ["text", "image"]
DIM = 32  # of the space that both maps lead into


def r1(text: Tensor, image: Tensor, targets: Bool[Tensor, "text image"]) -> float:
    """R@1 in per cent, from text to image; NaN where a point is no number."""
    if not (text.isfinite().all() and image.isfinite().all()):
        return float("nan")
    return 100 * recall_at_k(text, image, 1, targets)[1]


class TwoMaps(nn.ModuleDict):
    """A map for each modality, into one space."""

    def forward(self, batch: Entries) -> dict[str, Float[Tensor, "batch dim"]]:
        """Points by modality, of any length."""
        return {modality: self[modality](batch[modality]) for modality in self}


def on_pairs(loss: Callable[[Tensor, Tensor], Tensor]) -> Objective:
    """A loss of captions' and pictures' points as an objective for ``fit``."""
    return lambda outputs, batch: loss(outputs["text"], outputs["image"])


@dataclass(frozen=True)
class Run:
    """What a training leaves behind.

    Attributes:
        heads: modality → the trained map, on the CPU as the features are.
        losses: of every step. Where one was no number the training ended, and it is the last.
        curve: (step, R@1 in per cent) on the way, where asked for.
        text, image: points of the scenes that were never seen.
        targets: which picture answers which caption.
    """

    heads: TwoMaps
    losses: list[float]
    curve: list[tuple[int, float]]
    text: Float[Tensor, "rows dim"]
    image: Float[Tensor, "rows dim"]
    targets: Bool[Tensor, "rows rows"]

    @property
    def r1(self) -> float:
        """R@1 in per cent: captions look for pictures."""
        return r1(self.text, self.image, self.targets)

    @property
    def back(self) -> float:
        """R@1 in per cent: pictures look for captions."""
        return r1(self.image, self.text, self.targets.T)


class LossBench:
    """Scenes to learn from and scenes to ask about, as centred and scaled features.

    Args:
        count: scenes of the train split.
        things: in each scene.
        seed: of trainings that name no other.

    Attributes:
        train, val: the scenes.
        learn, ask: their features by modality.
        meanings: (count,) a number for each scene to learn from; equal where scenes mean the same.
        targets: which of the 500 pictures of ``val`` answers which caption.
    """

    def __init__(self, count: int = 2000, things: int = 2, seed: int = 0) -> None:
        self.seed = seed
        self.train = scenes.load("train", count, 0, MODALITIES, things=things)
        self.val = scenes.load("val", 500, 1, MODALITIES, things=things)
        raw = {"text": _count(self.train.captions), "image": _convolve(self.train.images)}
        self._centre = {m: x.mean(dim=0) for m, x in raw.items()}
        self._width = {m: _width(x) for m, x in raw.items()}
        self.learn, self.ask = (
            Batch(text=self.read(data.captions), image=self.see(data.images))
            for data in (self.train, self.val)
        )
        number = {key: n for n, key in enumerate({scene.key for scene in self.train.scenes})}
        self.meanings: Int64[Tensor, " count"] = torch.tensor(
            [number[scene.key] for scene in self.train.scenes]
        )
        self.targets = torch.from_numpy(self.val.matches())

    def read(self, captions: Sequence[str]) -> Float[Tensor, "rows words"]:
        """Counted words, centred and scaled as in training; 0 where training never varies."""
        return (_count(captions) - self._centre["text"]) / self._width["text"]

    def see(self, images) -> Float[Tensor, "rows features"]:
        """One random convolution, centred and scaled as in training."""
        return (_convolve(images) - self._centre["image"]) / self._width["image"]

    def fit(
        self,
        loss: Callable[[Tensor, Tensor], Tensor] | None = None,
        steps: int = 150,
        *,
        objective: Objective | None = None,
        data: Entries | None = None,
        test: Mapping[str, Tensor] | None = None,
        targets: Bool[Tensor, "rows rows"] | None = None,
        head: Callable[[int, int], nn.Module] = nn.Linear,
        batch_size: int = 128,
        seed: int | None = None,
        look_every: int = 0,
    ) -> Run:
        """Two maps into 32 dimensions, trained by a loss of your choice.

        The loop is ``training.fit``, at a constant learning rate of 5e-3 and without clipping, so
        that a sick loss is not nursed. Random numbers are those of ``seed``, and the process's own
        go on afterwards as if nothing had been.

        Args:
            loss: maps points of captions and of pictures (batch, dim) to a scalar.
            objective: instead of a loss, where it must see more of the batch, or learn something.
            data, test: other features than ``learn`` and ``ask``; ``data`` with further entries.
            targets: which row of ``test`` answers which.
            head: makes a map from (features, dim).
            batch_size: rows a step, drawn with replacement.
            seed: of weights and batches.
            look_every: steps between two looks at R@1; 0 for none.
        """
        data, test = Batch(data or self.learn), test or self.ask
        targets = self.targets if targets is None else targets
        losses, curve = [], []
        with seeded(self.seed if seed is None else seed):
            heads = TwoMaps({m: head(data[m].shape[1], DIM) for m in MODALITIES})
            training = fit(
                heads,
                objective or on_pairs(loss),
                data,
                steps,
                learning_rate=5e-3,
                order=lambda step: torch.randint(data.size, (batch_size,)),
                warmup=0,
                decay="none",
                clip=math.inf,
            )
            try:
                for step in training:
                    losses.append(step.loss)
                    if look_every and step.number % look_every == 0:
                        curve.append((step.number, r1(*_placed(heads, test), targets)))
            except TrainingError:
                losses.append(math.nan)
        points = _placed(heads, test)
        return Run(heads.cpu(), losses, curve, *points, targets)


@torch.no_grad()
def _placed(heads: TwoMaps, test: Mapping[str, Tensor]) -> list[Tensor]:
    heads.eval()
    points = heads({modality: test[modality].to(current().device) for modality in MODALITIES})
    return [points[modality].cpu() for modality in MODALITIES]


def _width(x: Float[Tensor, "rows features"]) -> Float[Tensor, " features"]:
    """Standard deviations to divide by; infinite for a feature that never varies.

    Every caption of two things holds the word "a" twice. Dividing by next to nothing would put a
    caption of one thing a thousand units away; dividing by infinity leaves that word out.
    """
    width = x.std(dim=0)
    return torch.where(width > 1e-6, width + 1e-3, torch.inf)


def _count(captions: Sequence[str]) -> Tensor:
    return bag_of_words(read_captions(captions))


def _convolve(images) -> Tensor:
    return random_convolution(torch.as_tensor(images))
