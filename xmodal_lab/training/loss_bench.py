"""A ward for losses: scenes as features that nothing was trained for, and two small maps to train.

Words are counted and pictures pass one random convolution, so a training takes a third of a second
and losses, healthy or not, can be compared by the dozen.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.text import read_captions
from xmodal_lab.encoders.untrained import bag_of_words, random_convolution
from xmodal_lab.joint.retrieval import recall_at_k

MODALITIES = ["text", "image"]
Features = Mapping[str, Float[Tensor, "rows _features"]]


def r1(text: Tensor, image: Tensor, right: Bool[Tensor, "text image"]) -> float:
    """R@1 in per cent, from text to image; NaN where a point is no number."""
    if not (text.isfinite().all() and image.isfinite().all()):
        return float("nan")
    return 100 * recall_at_k(text, image, 1, right)[1]


@dataclass(frozen=True)
class Run:
    """What a training leaves behind.

    Attributes:
        heads: modality → the trained map.
        losses: of every step.
        curve: (step, R@1 in per cent) on the way, where asked for.
        text, image: points of the scenes that were never seen.
        right: which picture answers which caption.
    """

    heads: nn.ModuleDict
    losses: list[float]
    curve: list[tuple[int, float]]
    text: Float[Tensor, "rows dim"]
    image: Float[Tensor, "rows dim"]
    right: Bool[Tensor, "rows rows"]

    @property
    def r1(self) -> float:
        """R@1 in per cent: captions look for pictures."""
        return r1(self.text, self.image, self.right)

    @property
    def back(self) -> float:
        """R@1 in per cent: pictures look for captions."""
        return r1(self.image, self.text, self.right.T)


class Ward:
    """Scenes to learn from and scenes to ask about, as centred and scaled features.

    Args:
        count: scenes of the train split.
        things: in each scene.
        seed: of trainings that name no other.

    Attributes:
        train, val: the scenes.
        learn, ask: their features by modality.
        right: which of the 500 pictures of ``val`` answers which caption.
    """

    def __init__(self, count: int = 2000, things: int = 2, seed: int = 0) -> None:
        self.seed = seed
        self.train = scenes.load("train", count, 0, MODALITIES, things=things)
        self.val = scenes.load("val", 500, 1, MODALITIES, things=things)
        raw = {"text": _count(self.train.captions), "image": _convolve(self.train.images)}
        self._centre = {m: x.mean(dim=0) for m, x in raw.items()}
        self._width = {m: _width(x) for m, x in raw.items()}
        self.learn, self.ask = (
            {"text": self.read(data.captions), "image": self.see(data.images)}
            for data in (self.train, self.val)
        )
        self.right = torch.from_numpy(self.val.matches())

    def read(self, captions: Sequence[str]) -> Float[Tensor, "rows words"]:
        """Counted words, centred and scaled as in training; 0 where training never varies."""
        return (_count(captions) - self._centre["text"]) / self._width["text"]

    def see(self, images) -> Float[Tensor, "rows features"]:
        """One random convolution, centred and scaled as in training."""
        return (_convolve(images) - self._centre["image"]) / self._width["image"]

    def fit(
        self,
        loss: Callable[..., Tensor],
        steps: int = 150,
        *,
        data: Features | None = None,
        test: Features | None = None,
        right: Bool[Tensor, "rows rows"] | None = None,
        head: Callable[[int, int], nn.Module] = nn.Linear,
        batch: int = 128,
        seed: int | None = None,
        look_every: int = 0,
        extra: Sequence[dict] = (),
    ) -> Run:
        """Two maps into 32 dimensions, trained by a loss of your choice.

        Args:
            loss: maps points of captions and of pictures (batch, dim) to a scalar; a third
                parameter called ``rows`` gets the numbers of the rows.
            steps: of AdamW, at a learning rate of 5e-3.
            data, test: other features than ``learn`` and ``ask``.
            right: which row of ``test`` answers which.
            head: makes a map from (features, dim).
            batch: rows a step, drawn with replacement.
            seed: of weights and batches.
            look_every: steps between two looks at R@1; 0 for none.
            extra: further parameter groups, such as a temperature.
        """
        data, test = data or self.learn, test or self.ask
        right = self.right if right is None else right
        with_rows = "rows" in inspect.signature(loss).parameters
        torch.manual_seed(self.seed if seed is None else seed)
        heads = nn.ModuleDict({m: head(data[m].shape[1], 32) for m in MODALITIES})
        optimiser = torch.optim.AdamW([{"params": heads.parameters()}, *extra], lr=5e-3)
        losses, curve = [], []
        for step in range(1, steps + 1):
            rows = torch.randint(len(data["text"]), (batch,))
            points = [heads[m](data[m][rows]) for m in MODALITIES]
            value = loss(*points, rows=rows) if with_rows else loss(*points)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            losses.append(value.item())
            if look_every and step % look_every == 0:
                curve.append((step, r1(*_placed(heads, test), right)))
        return Run(heads, losses, curve, *_placed(heads, test), right)


@torch.no_grad()
def _placed(heads: nn.ModuleDict, test: Features) -> list[Tensor]:
    heads.eval()
    points = [heads[m](test[m]) for m in MODALITIES]
    heads.train()
    return points


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
