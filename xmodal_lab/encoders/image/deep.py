"""Small networks of a chosen depth for 32 × 32 pictures: the same layers, plain or residual."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.image.blocks import Convolution, basic_block, named
from xmodal_lab.encoders.image.picture import PictureEncoder
from xmodal_lab.encoders.pooling import masked_max, masked_mean

POOLINGS = {"mean": masked_mean, "max": masked_max}


class DeepCNN(PictureEncoder):
    """A 32 × 32 picture → the mean over a small grid, through as many layers as asked for.

    A first convolution halves the picture; then come three stages of 2n convolutions, the second
    and the third halving it again and doubling the width. With the class scores' layer that makes
    6n + 2 layers, as in the paper's networks for small pictures. Plain and residual networks of
    one depth differ in the shortcuts alone: two of them are convolutions of one pixel and bring
    10 · width² weights more.

    Shapes: (batch, 3, 32, 32) levels 0–255 → states (batch, cells², 4 · width), the cells line by
    line → (batch, 4 · width).

    Args:
        depth: layers with weights, the class scores' included: 8, 14, 20, 26, 32, …
        skip: True for residual blocks, False for plain ones.
        norm: whether BatchNorm follows each convolution.
        width: channels of the first stage.
        cells: a side of the last grid: 4, or 8, where the third stage does not halve the picture;
            twice the work, and maps that show better where.
        pooling: 'mean' or 'max' over the grid, channel by channel. A maximum needs no more than one
            cell that is sure; a mean asks all of them.

    Raises:
        ValueError: for another depth, grid or pooling, or pictures of another shape.

    Source: He et al. 2016, section 4.2; the maximum over the grid: Oquab et al. 2015.
    """

    def __init__(
        self,
        depth: int = 8,
        skip: bool = True,
        norm: bool = True,
        width: int = 16,
        cells: int = 4,
        pooling: str = "mean",
    ) -> None:
        super().__init__()
        if depth < 8 or depth % 6 != 2:
            raise ValueError(f"depth must be 6n + 2, such as 8, 14, 20 or 32, got {depth}")
        if cells not in (4, 8):
            raise ValueError(f"cells must be 4 or 8, got {cells}")
        if pooling not in POOLINGS:
            raise ValueError(f"unknown pooling {pooling!r}: choose 'mean' or 'max'")
        self.size, self.grid, self.output_dim = 32, (cells, cells), 4 * width
        self.config = {"depth": depth, "skip": skip, "norm": norm, "width": width,
                       "cells": cells, "pooling": pooling}  # fmt: skip
        layers = {"stem": Convolution(3, width, 3, 2, norm)}
        channels = width
        for stage, halving in ((1, 1), (2, 2), (3, 8 // cells)):
            for number in range(1, (depth - 2) // 6 + 1):
                stride = halving if number == 1 else 1
                wide = width * 2 ** (stage - 1)
                layers[f"stage{stage}_{number}"] = basic_block(channels, wide, stride, skip, norm)
                channels = wide
        self.stack = named(layers)

    def pool(self, states: Padded) -> Float[Tensor, "batch output_dim"]:
        return POOLINGS[self.config["pooling"]](states.values, states.mask)
