"""Classification: one linear layer behind an encoder, and the losses that train it.

The batch carries the answers in an entry of its own, 'labels'.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Batch, Entries
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes import Scene
from xmodal_lab.objective import mean_over


class Judge(nn.Module):
    """What gives logits for a batch can answer whole data sets."""

    def logits(self, batch: Entries) -> Float[Tensor, "batch classes"]:
        """Of a model that gives more than logits, those that it answers by."""
        return self(batch)

    @torch.no_grad()
    def predict(self, data: Entries, chunk: int = 500) -> Int64[Tensor, " rows"]:
        """The most probable class of every row, in evaluation mode; on the CPU."""
        data, was_training = Batch(data), self.training
        device = next(self.parameters()).device
        self.eval()
        try:
            parts = torch.arange(data.size).split(chunk)
            found = [self.logits(data.rows(part).to(device)).argmax(1).cpu() for part in parts]
        finally:
            self.train(was_training)
        return torch.cat(found)


class Classifier(Judge):
    """An encoder of one modality and a linear head.

        l = W f(x) + b

    Args:
        encoder: has ``output_dim``.
        classes: how many there are.
        modality: the entry of the batch that the encoder reads.
        dropout: share of the vector's numbers that are 0 in a step of training, drawn anew for
            each row; the others are scaled up. For few rows, or few voices. Hinton et al. 2012.
    """

    def __init__(
        self, encoder: nn.Module, classes: int, modality: str, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.encoder, self.modality = encoder, modality
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.output_dim, classes)

    def forward(self, batch: Entries) -> Float[Tensor, "batch classes"]:
        """Logits."""
        return self.head(self.dropout(self.encoder(batch[self.modality])))


@mean_over()
def cross_entropy(
    logits: Float[Tensor, "batch classes"], batch: Entries, smoothing: float = 0.0
) -> Float[Tensor, ""]:
    """L = -mean_i ln softmax(l_i)_{y_i}: one right class a row, 'labels' its number. In nats.

    ``smoothing`` is a share of the answer that goes to all classes alike (Szegedy et al. 2016).
    """
    return F.cross_entropy(logits, batch["labels"], label_smoothing=smoothing)


@mean_over()
def binary_cross_entropy(
    logits: Float[Tensor, "batch classes"], batch: Entries
) -> Float[Tensor, ""]:
    """The mean over rows and classes of -ln σ(±l): any number of right classes, 'labels' 0 or 1."""
    return F.binary_cross_entropy_with_logits(logits, batch["labels"])


def accuracy(found: Int64[Tensor, " rows"], labels: Int64[Tensor, " _labels"]) -> float:
    """Share of right answers.

    Raises:
        ValueError: where there are none, or not as many answers as labels.
    """
    if found.shape != labels.shape or not len(found):
        raise ValueError(f"{len(found)} answers cannot be held against {len(labels)} labels")
    return (found == labels).double().mean().item()


def colours_and_shapes(shown: list[Scene]) -> Float[Tensor, "scenes 16"]:
    """1 for each of the 8 colours and 8 shapes that a scene holds, else 0."""
    kinds = [*scenes.COLOURS, *scenes.SHAPES]
    there = [{name for thing in scene.things for name in thing.pair} for scene in shown]
    return torch.tensor([[float(name in found) for name in kinds] for found in there])
