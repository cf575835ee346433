"""The noise mixer: three sliders spoil words, picture and sound; fusions answer all the same."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from matplotlib.figure import Figure
from torch import nn

from xmodal_lab.batch import Batch, Padded
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes import SceneData
from xmodal_lab.tasks.fused import FusedClassifier
from xmodal_lab.tasks.noisy import noisy, thing_labels
from xmodal_lab.workbook.charts.fusing import mixture


class NoiseMixer:
    """Scenes of one thing, spoilt at will, and what fusions make of them.

    Args:
        encoders: modality → frozen encoder.
        fused: name → fusion and head, trained on the encoders' vectors; whoever has weights shows
            them.
        data: scenes of one thing.
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        fused: Mapping[str, FusedClassifier],
        data: SceneData,
    ) -> None:
        self.encoders, self.fused, self.data = encoders, fused, data
        self.labels = thing_labels(data.scenes)

    @torch.no_grad()
    def mix(
        self, row: int = 0, text: float = 1.0, image: float = 0.0, audio: float = 1.0
    ) -> Figure:
        """One scene with noise of these amounts, 0 to 1: what is left, who is heard, the answers.

        Raises:
            ValueError: for an amount outside 0 … 1.
        """
        inputs, generator = {}, torch.Generator().manual_seed(row)
        for name, amount in {"text": text, "image": image, "audio": audio}.items():
            inputs[name] = noisy(self.data.select([row]), name, amount, generator)
        vectors = self._read(inputs)
        weights, answers = {}, {}
        for name, model in self.fused.items():
            number = int(model.predict(vectors)[0])
            answers[name] = thing_name(number), number == int(self.labels[row])
            if hasattr(model.fusion, "weights"):
                there = {key: vectors[key].to(model.head.weight.device) for key in inputs}
                weights = {key: w.item() for key, w in model.fusion.weights(there).items()}
        return mixture(*(_shown(inputs[name]) for name in inputs), weights, answers)

    def _read(self, inputs: Mapping[str, torch.Tensor | Padded]) -> Batch:
        found = {}
        for name, encoder in self.encoders.items():
            device = next(encoder.parameters()).device
            found[name] = encoder.eval()(inputs[name].to(device)).cpu()
        return Batch(found)


def _shown(values: torch.Tensor | Padded):
    """A caption as words, a picture or a spectrogram as numbers."""
    if not isinstance(values, Padded):
        return values[0].numpy()
    if values.values.ndim == 3:
        return values.values[0].numpy()
    return " ".join(scenes.WORDS[number - 1] for number in values.values[0].tolist())


def thing_name(label: int) -> str:
    """'red star' and so on, of a class of ``thing_labels``."""
    colour, shape = divmod(label, len(scenes.SHAPES))
    return f"{scenes.COLOURS[colour]} {scenes.SHAPES[shape]}"
