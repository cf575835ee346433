"""A picture becomes a grid of vectors that questions can look at."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.image.blocks import Convolution, Residual, named
from xmodal_lab.encoders.image.picture import PictureEncoder


class GridCNN(PictureEncoder):
    """A 64 × 64 picture → 8 × 8 cells: three convolutions that halve it, and one residual.

    A cell stands for 8 × 8 pixels and sees 31 × 31 around them: a whole thing, but not its
    neighbour's neighbour. Nothing is averaged away before somebody has asked; who wants one vector
    gets the mean over the cells.

    Shapes: (batch, 3, 64, 64) levels 0–255 → states (batch, 64, output_dim), the cells line by
    line → (batch, output_dim).

    Args:
        widths: channels of the three convolutions; the last is the size of a cell's vector.

    Raises:
        ValueError: for other than three widths, or pictures of another shape.

    Source: BatchNorm, Ioffe and Szegedy 2015; residual, He et al. 2016.
    """

    size, grid = 64, (8, 8)

    def __init__(self, widths: Sequence[int] = (24, 48, 64)) -> None:
        super().__init__()
        if len(widths) != 3:
            raise ValueError(
                f"expected three widths, one for each halving of the picture, got {list(widths)}"
            )
        self.config, self.output_dim = {"widths": list(widths)}, widths[-1]
        first, second, last = widths
        around = Residual(nn.Sequential(Convolution(last, last, relu=False)), nn.Identity())
        self.stack = named(
            {
                "conv1": Convolution(3, first, stride=2),
                "conv2": Convolution(first, second, stride=2),
                "conv3": Convolution(second, last, stride=2),
                "residual": around,
                "even": nn.BatchNorm2d(last, affine=False),
            }
        )

    def pool(self, states: Padded) -> Float[Tensor, "batch output_dim"]:
        return states.values.mean(1)
