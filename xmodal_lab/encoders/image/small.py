"""Pictures become vectors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.image.picture import PictureEncoder


class SmallCNN(PictureEncoder):
    """A 32 × 32 picture → one vector: three convolutions, a 4 × 4 grid kept, one dense layer.

    Each convolution halves the picture. The grid is not averaged away: where a thing stands
    decides between 'left of' and 'right of'.

    Shapes: (batch, 3, 32, 32) levels 0–255 → states (batch, 16, channels), the cells line by line
    → (batch, output_dim).

    Args:
        widths: channels of the three convolutions.
        output_dim: size of the vector.
        norm: 'batch' (BatchNorm), or 'group': GroupNorm with 8 channels a group, whose samples do
            not see each other, so that a split batch has the gradient of the whole one.

    Raises:
        ValueError: for another norm, or pictures of another shape.

    Source: BatchNorm, Ioffe and Szegedy 2015; GroupNorm, Wu and He 2018.
    """

    size, grid = 32, (4, 4)

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128),
        output_dim: int = 256,
        norm: str = "batch",
    ) -> None:
        super().__init__()
        norms = {"batch": nn.BatchNorm2d, "group": lambda width: nn.GroupNorm(width // 8, width)}
        if norm not in norms:
            raise ValueError(f"unknown norm {norm!r}: choose 'batch' or 'group'")
        self.output_dim = output_dim
        self.config = {"widths": list(widths), "output_dim": output_dim, "norm": norm}
        layers: list[nn.Module] = []
        for channels, width, kernel in zip((3, *widths), widths, (5, 3, 3), strict=False):
            layers += [
                nn.Conv2d(channels, width, kernel, stride=2, padding=kernel // 2, bias=False),
                norms[norm](width),
                nn.ReLU(),
            ]
        # Channels last is the order in which CPUs convolve fastest.
        self.convolutions = nn.Sequential(*layers).to(memory_format=torch.channels_last)
        self.dense = nn.Sequential(nn.Flatten(), nn.Linear(widths[-1] * 16, output_dim), nn.ReLU())

    @property
    def layers(self) -> dict[str, nn.Module]:
        steps = range(0, len(self.convolutions), 3)
        return {f"conv{i // 3 + 1}": self.convolutions[i : i + 3] for i in steps}

    def pool(self, states: Padded) -> Float[Tensor, "batch output_dim"]:
        return self.dense(states.values.mT)
