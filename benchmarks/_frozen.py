"""A small world for experiments with losses: features made once, and heads that train in seconds.

The encoders are never trained: a recurrent network and a convolution with random weights. Only the
heads behind them learn, so that a training costs seconds and losses can be compared by the dozen.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from xmodal_lab import evaluation, runtime
from xmodal_lab.alignment.mappers import MLPMapper
from xmodal_lab.batch import Batch
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes import SceneData
from xmodal_lab.encoders.text import TextEncoder, read_captions
from xmodal_lab.encoders.untrained import random_convolution
from xmodal_lab.joint.retrieval import choice_accuracy, zero_shot
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.training.loop import fit

MODALITIES = ["text", "image"]
GALLERY, GALLERY_SEED, PAIRS = 500, 1, 4_000


class Frozen:
    """Data sets of text and pictures as features of encoders that nothing was trained for."""

    def __init__(self, split: str = "test", pairs: int = PAIRS) -> None:
        torch.manual_seed(0)
        self.split = split
        self.reader = TextEncoder(hidden_dim=256).eval()
        self.data = scenes.load("train", pairs, 0, MODALITIES)
        self.train = self.features(self.data)
        self.gallery = scenes.load(split, GALLERY, GALLERY_SEED, MODALITIES, things=2)
        self.asked = self.features(self.gallery)
        self.probe = scenes.probe(seed=100, modalities=["image"])
        self.probed = self.features(self.probe.data)
        self.prompts = {
            attribute: [{"text": self.read(captions)} for captions in scenes.prompts(attribute)]
            for attribute in ("colour", "shape")
        }
        self.swaps = {}
        for attribute in ("colour", "relation"):
            pairs_of = scenes.minimal_pairs(attribute, 400, split=split, modalities=MODALITIES)
            self.swaps[attribute] = self.features(pairs_of.true), self.features(pairs_of.foil)

    def features(self, data: SceneData) -> Batch:
        """What heads see of scenes."""
        found = {}
        if data.captions is not None:
            found["text"] = self.read(data.captions)
        if data.images is not None:
            found["image"] = random_convolution(torch.from_numpy(data.images), grid=4)
        return found

    @torch.no_grad()
    def read(self, captions: list[str]) -> Tensor:
        words = read_captions(captions)
        rows = torch.arange(len(captions)).split(500)
        return torch.cat([self.reader(words.rows(part)) for part in rows])

    def heads(self, seed: int = 0, dim: int = 64) -> JointSpace:
        """A space whose encoders are small networks on the frozen features."""
        runtime.setup(seed, quiet=True)
        sizes = {modality: self.train[modality].shape[1] for modality in MODALITIES}
        return JointSpace({m: MLPMapper(size, normalise=False) for m, size in sizes.items()}, dim)

    def score(self, space: JointSpace) -> dict[str, float]:
        """Recall, zero-shot and minimal-pair accuracy in per cent."""
        table = evaluation.recalls(space.embed_all(self.asked), self.gallery)
        pictures = space.embed_all(self.probed)["image"]
        for attribute, prompts in self.prompts.items():
            classes = [space.embed_all(variants)["text"] for variants in prompts]
            right = torch.tensor(self.probe.labels[attribute])
            table[attribute] = percent(zero_shot(pictures, classes) == right)
        for attribute, (true, foil) in self.swaps.items():
            points, wrong = space.embed_all(true), space.embed_all(foil)["text"]
            chosen = choice_accuracy(points["image"], points["text"], wrong)
            table[f"{attribute} swapped"] = 100 * chosen
        return table


def percent(right: Tensor) -> float:
    return 100 * right.double().mean().item()


def trained(
    space: JointSpace, loss: Callable, data: Batch, **options
) -> tuple[JointSpace, dict[str, float]]:
    """The space after ``fit``, the CPU-seconds that took and the last loss."""
    start = time.process_time()
    steps = list(fit(space, loss, data, **options))
    return space, {"CPU-s": time.process_time() - start, "loss": steps[-1].loss}
