"""A film of a similarity matrix that learns: scenes beside their twins, step by step."""

from __future__ import annotations

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from xmodal_lab.datasets.scenes import MinimalPairs, SceneData
from xmodal_lab.evaluation.spaces import swaps
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.training.loss_bench import r1
from xmodal_lab.workbook import charts

NAMES = ("text→image R@1", "true caption preferred to its twin's")


class Film:
    """Frames of a training.

    Each frame holds the cosines of captions and pictures, where every scene stands beside its
    twin, so that twins make blocks of 2 × 2 along the diagonal.

    Args:
        pairs: scenes and their twins, one swap apart; the first ones are filmed.
        gallery: scenes whose R@1 is measured along.
        steps: how long the training is.
        count: how many scenes are filmed.
    """

    def __init__(self, pairs: MinimalPairs, gallery: SceneData, steps: int, count: int = 8) -> None:
        self.pairs, self.gallery, self.steps, self.count = pairs, gallery, steps, count
        self.frames: dict[int, Float[Tensor, "captions pictures"]] = {}
        self.curves: dict[str, list[float]] = {name: [] for name in NAMES}

    def take(self, space: JointSpace, step: int) -> None:
        """One more frame."""
        rows, points = range(self.count), {}
        for modality in ("text", "image"):
            halves = [
                space.embed_data(part.select(rows), modality)[modality].cpu()
                for part in (self.pairs.true, self.pairs.foil)
            ]
            points[modality] = torch.stack(halves, dim=1).flatten(0, 1)
        self.frames[step] = points["text"] @ points["image"].T
        seen = space.embed_data(self.gallery, "text", "image")
        right = torch.from_numpy(self.gallery.matches())
        recall = r1(seen["text"].cpu(), seen["image"].cpu(), right)
        for name, value in zip(NAMES, (recall, swaps(space, self.pairs)), strict=True):
            self.curves[name].append(value)

    def frame(self, step: int) -> Float[Tensor, "captions pictures"]:
        """The frame that was taken nearest to a step."""
        return self.frames[self._nearest(step)]

    def _nearest(self, step: int) -> int:
        return min(self.frames, key=lambda taken: abs(taken - step))

    def draw(self, step: int) -> Figure:
        """The frame nearest to a step, and the curves so far."""
        return charts.film(self.frames, self.curves, self._nearest(step), steps=self.steps)

    def strip(self, *steps: int) -> Figure:
        """Some frames side by side; of a training cut short, those that there are."""
        panels = {f"step {step}": self.frames[step] for step in steps if step in self.frames}
        return charts.heat(panels, "picture", "caption", blocks=2)
