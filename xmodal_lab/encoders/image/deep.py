"""Small networks of a chosen depth for 32 × 32 pictures: the same layers, plain or residual."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.image.blocks import Convolution, basic_block, named
from xmodal_lab.encoders.image.picture import PictureEncoder
from xmodal_lab.encoders.pooling import masked_mean


class DeepCNN(PictureEncoder):
    """A 32 × 32 picture → the mean over a 4 × 4 grid, through as many layers as asked for.

    A first convolution halves the picture; then come three stages of 2n convolutions, the second
    and the third halving it again and doubling the width. With the class scores' layer that makes
    6n + 2 layers, as in the paper's networks for small pictures. Plain and residual networks of
    one depth differ in the shortcuts alone: two of them are convolutions of one pixel and bring
    10 · width² weights more.

    Shapes: (batch, 3, 32, 32) levels 0–255 → states (batch, 16, 4 · width), the cells line by line
    → (batch, 4 · width).

    Args:
        depth: layers with weights, the class scores' included: 8, 14, 20, 26, 32, …
        skip: True for residual blocks, False for plain ones.
        norm: whether BatchNorm follows each convolution.
        width: channels of the first stage.

    Raises:
        ValueError: for another depth, or pictures of another shape.

    Source: He et al. 2016, section 4.2.
    """

    def __init__(
        self, depth: int = 8, skip: bool = True, norm: bool = True, width: int = 16
    ) -> None:
        super().__init__()
        if depth < 8 or depth % 6 != 2:
            raise ValueError(f"depth must be 6n + 2, such as 8, 14, 20 or 32, got {depth}")
        self.size, self.grid, self.output_dim = 32, (4, 4), 4 * width
        self.config = {"depth": depth, "skip": skip, "norm": norm, "width": width}
        layers = {"stem": Convolution(3, width, 3, 2, norm)}
        channels = width
        for stage in (1, 2, 3):
            for number in range(1, (depth - 2) // 6 + 1):
                stride = 2 if stage > 1 and number == 1 else 1
                wide = width * 2 ** (stage - 1)
                layers[f"stage{stage}_{number}"] = basic_block(channels, wide, stride, skip, norm)
                channels = wide
        self.stack = named(layers)

    def pool(self, states: Padded) -> Float[Tensor, "batch output_dim"]:
        return masked_mean(states.values, states.mask)
