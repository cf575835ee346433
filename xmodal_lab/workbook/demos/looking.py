"""The Grad-CAM picker: choose a picture, a layer and a class, and see where the network looks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import UInt8
from matplotlib.figure import Figure
from torch import Tensor

from xmodal_lab.encoders.image.grad_cam import enlarged, grad_cam
from xmodal_lab.tasks.classification import Classifier
from xmodal_lab.workbook.charts.seeing import heats
from xmodal_lab.workbook.kit.figures import described


class Looking:
    """Grad-CAM maps of a trained classifier, asked for one at a time.

    Args:
        model: an encoder of pictures and its head.
        images: pictures to choose from.
        classes: names of the scores, in their order.
    """

    def __init__(
        self,
        model: Classifier,
        images: UInt8[Tensor, "count 3 side side"],
        classes: Sequence[str],
    ) -> None:
        self.model, self.images, self.classes = model, images, list(classes)
        self.device = model.head.weight.device

    def look(self, picture: int = 0, layer: str = "", asked: str = "") -> Figure:
        """A picture, and where a layer speaks for a class.

        Args:
            picture: number of the picture.
            layer: one of the encoder's; the last by default.
            asked: name of the class; the one with the highest score by default.

        Raises:
            ValueError: for a layer or a class that is not there.
        """
        encoder, head = self.model.encoder, self.model.head
        image = self.images[picture : picture + 1].to(self.device)
        with torch.no_grad():
            scores = self.model({self.model.modality: image})[0]
        if asked and asked not in self.classes:
            raise ValueError(
                f"there is no class {asked!r}: choose one of {', '.join(self.classes)}"
            )
        number = self.classes.index(asked) if asked else int(scores.argmax())
        layer = layer or list(encoder.layers)[-1]
        heat = grad_cam(encoder, head, image, torch.tensor([number]), layer)
        name = self.classes[number]
        fig = heats(
            image.cpu().numpy(), {f"{layer}: {name}": enlarged(heat, image.shape[-1]).cpu()}
        )
        note = f"score of “{name}”: {float(scores[number]):.1f}".replace("-", "−")
        fig.supxlabel(note, fontsize=11)
        return described(fig, f"Picture {picture}, {layer}, {note}. {fig.alt}")
