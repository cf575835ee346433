"""What one cell of a feature map can see of the picture: computed from the layers, and measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.encoders.image.blocks import Residual
from xmodal_lab.encoders.image.picture import Images, PictureEncoder, evaluating


class Window(NamedTuple):
    """How a convolution or a pooling slides: pixels of the map before it."""

    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1


class Field(NamedTuple):
    """Receptive field of the cells of one feature map, in pixels of the picture.

    Cell i of a line sees the pixels start + i · jump … start + i · jump + size - 1. Those before 0
    and behind the border are padding.

    Attributes:
        size: pixels a side that one cell sees.
        jump: pixels from a cell's field to its neighbour's.
        start: first pixel that cell 0 sees; negative where it sees padding.
    """

    size: int = 1
    jump: int = 1
    start: int = 0

    def through(self, window: Window) -> Field:
        """The field behind one more convolution or pooling.

            size' = size + (kernel - 1) · dilation · jump
            jump' = jump · stride,   start' = start - padding · jump

        Source: Araujo et al. 2019, equations 2 to 4.
        """
        return Field(
            self.size + (window.kernel - 1) * window.dilation * self.jump,
            self.jump * window.stride,
            self.start - window.padding * self.jump,
        )

    def span(self, cell: int, pixels: int) -> tuple[int, int]:
        """First and last pixel that a cell sees, the padding left out."""
        first = self.start + cell * self.jump
        return max(first, 0), min(first + self.size, pixels) - 1


def receptive_fields(layers: Mapping[str, nn.Module]) -> dict[str, Field]:
    """The receptive field behind every layer.

    Args:
        layers: name → layer, as ``PictureEncoder.layers`` has them; of a residual block the longer
            way counts.

    Raises:
        ValueError: for a kernel or stride that is not the same both ways.
    """
    field, found = Field(), {}
    for name, layer in layers.items():
        for window in windows(layer):
            field = field.through(window)
        found[name] = field
    return found


def windows(layer: nn.Module) -> Iterator[Window]:
    """Every sliding window in a layer, in the order of the data's way."""
    if isinstance(layer, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
        parts = (layer.kernel_size, layer.stride, layer.padding, getattr(layer, "dilation", 1))
        yield Window(*(_one(part) for part in parts))
    elif isinstance(layer, Residual):
        yield from windows(layer.main)
    else:
        for part in layer.children():
            yield from windows(part)


def _one(number: int | tuple[int, int]) -> int:
    both = {number} if isinstance(number, int) else set(number)
    if len(both) > 1:
        raise ValueError(f"expected the same number both ways, got {number}")
    return both.pop()


def measured_field(
    encoder: PictureEncoder, layer: str, cell: tuple[int, int], images: Images
) -> Float[Tensor, "height width"]:
    """How strongly each pixel moves one cell of a layer, averaged over pictures.

        G[y, x] = mean_n Σ_c | ∂ (Σ_k A[n, k, cell]) / ∂ x[n, c, y, x] |

    In evaluation mode: BatchNorm in training would let the pictures of a batch see each other. The
    answer lies on the CPU.

    Args:
        encoder: what is measured.
        layer: one of ``encoder.layers``.
        cell: (line, column) of its feature map.
        images: any pictures it reads, such as noise; a ReLU that is shut for one is open for
            another.

    Raises:
        ValueError: for a layer or a cell that is not there.

    Source: Luo et al. 2016 (effective receptive field).
    """
    levels = images.detach().float().to(encoder.device).requires_grad_()
    with evaluating(encoder), torch.enable_grad():
        maps = encoder.maps(levels, until=layer)[layer]
        if not all(0 <= at < side for at, side in zip(cell, maps.shape[2:], strict=True)):
            raise ValueError(f"there is no cell {cell} in a map of {tuple(maps.shape[2:])}")
        (slope,) = torch.autograd.grad(maps[:, :, cell[0], cell[1]].sum(), levels)
    return slope.abs().sum(1).mean(0).cpu()


def extent(strength: Float[Tensor, "height width"]) -> tuple[int, int, int, int]:
    """First line, last line, first column and last column that are not 0.

    Raises:
        ValueError: where all is 0.
    """
    lines, columns = (strength != 0).nonzero().unbind(1)
    if not len(lines):
        raise ValueError("no pixel moves this cell: try other pictures")
    return tuple(int(v) for v in (lines.min(), lines.max(), columns.min(), columns.max()))
