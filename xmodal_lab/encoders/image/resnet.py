"""ResNet: blocks that add to what they read, so that depth costs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.image.blocks import Convolution, basic_block, bottleneck_block, named
from xmodal_lab.encoders.image.picture import Images, Maps, PictureEncoder, standardised
from xmodal_lab.encoders.pooling import masked_mean

BLOCKS = {"basic": basic_block, "bottleneck": bottleneck_block}


class ResNet(PictureEncoder):
    """A 224 × 224 picture → the mean over a 7 × 7 grid: one convolution, four stages of blocks.

    Every stage but the first halves the picture. The vector is the mean over the grid (global
    average pooling): it keeps what there is, and loses where.

    Shapes: (batch, 3, size, size) levels 0–255 → states (batch, (size / 32)², widths[-1]), the
    cells line by line → (batch, widths[-1]); ``scores``: (batch, classes).

    Args:
        depths: blocks of the four stages.
        widths: channels of the four stages.
        block: 'basic' or 'bottleneck'.
        stem: channels of the first convolution.
        classes: how many the scores are for; None for no scores.
        size: pixels a side of a picture, a multiple of 32.

    Raises:
        ValueError: for another block or size, or pictures of another shape.

    Source: He et al. 2016.
    """

    def __init__(
        self,
        depths: Sequence[int] = (3, 4, 6, 3),
        widths: Sequence[int] = (256, 512, 1024, 2048),
        block: str = "bottleneck",
        stem: int = 64,
        classes: int | None = 1000,
        size: int = 224,
    ) -> None:
        super().__init__()
        if block not in BLOCKS:
            raise ValueError(f"unknown block {block!r}: choose 'basic' or 'bottleneck'")
        if size < 32 or size % 32:
            raise ValueError(f"size must be a multiple of 32, got {size}")
        self.size, self.grid, self.output_dim = size, (size // 32, size // 32), widths[-1]
        self.config = {"depths": list(depths), "widths": list(widths), "block": block,
                       "stem": stem, "classes": classes, "size": size}  # fmt: skip
        layers = {"stem": Convolution(3, stem, 7, 2), "pool": nn.MaxPool2d(3, 2, padding=1)}
        channels = stem
        for stage, (depth, width) in enumerate(zip(depths, widths, strict=True), 1):
            for number in range(1, depth + 1):
                stride = 2 if stage > 1 and number == 1 else 1
                layers[f"stage{stage}_{number}"] = BLOCKS[block](channels, width, stride)
                channels = width
        self.stack = named(layers)
        self.head = None if classes is None else nn.Linear(channels, classes)

    def prepared(self, images: Images) -> Maps:
        return standardised(self.checked(images))

    def pool(self, states: Padded) -> Float[Tensor, "batch output_dim"]:
        return masked_mean(states.values, states.mask)

    def scores(self, images: Images) -> Float[Tensor, "batch classes"]:
        """Logits of the classes: W f(x) + b.

        Raises:
            ValueError: where it was made without classes.
        """
        if self.head is None:
            raise ValueError("this ResNet has no class scores: make it with classes=1000")
        return self.head(self(images))


def resnet18(**options: Any) -> ResNet:
    """ResNet-18, 11,689,512 parameters; options are those of ``ResNet``."""
    layout = {"depths": (2, 2, 2, 2), "widths": (64, 128, 256, 512), "block": "basic"}
    return ResNet(**layout | options)


def resnet50(**options: Any) -> ResNet:
    """ResNet-50, 25,557,032 parameters; options are those of ``ResNet``."""
    return ResNet(**options)
