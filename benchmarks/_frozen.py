"""A small world for experiments with losses: features made once, and heads that train in seconds.

The encoders are never trained: a recurrent network and a convolution with random weights. Only the
heads behind them learn, so that a training costs seconds and losses can be compared by the dozen.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from xmodal_lab import runtime
from xmodal_lab.alignment.mappers import MLPMapper
from xmodal_lab.batch import Batch
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes import SceneData
from xmodal_lab.encoders.text import TextEncoder, read_captions
from xmodal_lab.encoders.untrained import random_convolution
from xmodal_lab.evaluation import Evaluator
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.training.loop import fit

MODALITIES = ["text", "image"]
GALLERY, PAIRS = 500, 4_000


class Frozen:
    """Data sets of text and pictures as features of encoders that nothing was trained for."""

    def __init__(self, split: str = "test", pairs: int = PAIRS) -> None:
        torch.manual_seed(0)
        self.split = split
        self.reader = TextEncoder(hidden_dim=256).eval()
        self.data = scenes.load("train", pairs, 0, MODALITIES)
        self.train = self.features(self.data)
        self.evaluator = Evaluator(self.read, self.see, split, GALLERY)
        self.gallery = self.evaluator.gallery
        self.asked = Batch(text=self.evaluator.text, image=self.evaluator.image)

    def features(self, data: SceneData) -> Batch:
        """What heads see of scenes."""
        return Batch(text=self.read(data.captions), image=self.see(torch.from_numpy(data.images)))

    @torch.no_grad()
    def read(self, captions: list[str]) -> Tensor:
        words = read_captions(captions)
        rows = torch.arange(len(captions)).split(500)
        return torch.cat([self.reader(words.rows(part)) for part in rows])

    def see(self, images: Tensor) -> Tensor:
        return random_convolution(images, grid=4)

    def heads(self, seed: int = 0, dim: int = 64) -> JointSpace:
        """A space whose encoders are small networks on the frozen features."""
        runtime.setup(seed, quiet=True)
        sizes = {modality: self.train[modality].shape[1] for modality in MODALITIES}
        return JointSpace({m: MLPMapper(size, normalise=False) for m, size in sizes.items()}, dim)


def trained(
    space: JointSpace, loss: Callable, data: Batch, **options
) -> tuple[JointSpace, dict[str, float]]:
    """The space after ``fit``, the CPU-seconds that took and the last loss."""
    start = time.process_time()
    steps = list(fit(space, loss, data, **options))
    return space, {"CPU-s": time.process_time() - start, "loss": steps[-1].loss}
