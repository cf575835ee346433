"""Features of one modality alone: an eye that learned to name things, and a way to use encoders."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Padded
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes import SceneData
from xmodal_lab.encoders.image import SmallCNN


def learn_to_name(data: SceneData, steps: int = 150, seed: int = 0) -> tuple[SmallCNN, float]:
    """A picture encoder that learned which colours and shapes are there; no caption is read.

    Returns:
        The encoder in evaluation mode, and the last loss: binary cross-entropy in nats a question,
        of 16 questions a picture.
    """
    kinds = [*scenes.COLOURS, *scenes.SHAPES]
    there = [{name for thing in scene.things for name in thing.pair} for scene in data.scenes]
    labels = torch.tensor([[float(name in found) for name in kinds] for found in there])
    torch.manual_seed(seed)
    eye, images = SmallCNN(), torch.from_numpy(data.images)
    judge = nn.Sequential(eye, nn.Linear(eye.output_dim, len(kinds)))
    optimiser = torch.optim.AdamW(judge.parameters(), lr=2e-3)
    for _ in range(steps):
        rows = torch.randint(len(images), (128,))
        loss = F.binary_cross_entropy_with_logits(judge(images[rows]), labels[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return eye.eval(), loss.item()


@torch.no_grad()
def features(encoder: nn.Module, inputs: Tensor | Padded) -> Float[Tensor, "rows dim"]:
    """What an encoder in evaluation mode answers to many rows, a chunk at a time."""
    count = len(inputs.lengths if isinstance(inputs, Padded) else inputs)
    take = inputs.rows if isinstance(inputs, Padded) else inputs.__getitem__
    device = next(encoder.parameters()).device
    return torch.cat([encoder(take(r).to(device)).cpu() for r in torch.arange(count).split(500)])
