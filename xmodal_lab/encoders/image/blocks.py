"""The few blocks of which VGG, ResNet and the small deep networks are assembled."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional as F

Maps = Tensor  # (batch, channels, lines, columns)


class Convolution(nn.Module):
    """Convolution, BatchNorm, ReLU: A ↦ relu(norm(K * A)).

    The picture keeps its size at stride 1: the border is padded with kernel // 2 zeros. Without
    BatchNorm the convolution has a bias. Kernels start at random with variance 2 / fan-out (He et
    al. 2015), so that neither signal nor gradient fades with depth.

    Args:
        channels: of what comes in.
        width: channels of what goes out: how many kernels there are.
        kernel: pixels a side.
        stride: 2 halves the picture.
        norm: whether BatchNorm follows.
        relu: whether what is negative becomes 0 at the end.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        kernel: int = 3,
        stride: int = 1,
        norm: bool = True,
        relu: bool = True,
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            channels, width, kernel, stride, padding=kernel // 2, bias=not norm
        )
        nn.init.kaiming_normal_(self.convolution.weight, mode="fan_out", nonlinearity="relu")
        if not norm:
            nn.init.zeros_(self.convolution.bias)
        self.norm = nn.BatchNorm2d(width) if norm else nn.Identity()
        self.relu = relu

    def forward(self, maps: Maps) -> Maps:
        maps = self.norm(self.convolution(maps))
        return F.relu(maps) if self.relu else maps


class Residual(nn.Module):
    """A block that learns what to add to its input: A ↦ relu(main(A) + shortcut(A)).

    The shortcut is the input itself, or where width or stride change a convolution of one pixel.
    Without it the block is a plain one: A ↦ relu(main(A)).

    Args:
        main: the convolutions; the last one without ReLU.
        shortcut: the way around them, or None for a plain block.

    Source: He et al. 2016.
    """

    def __init__(self, main: nn.Sequential, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.main, self.shortcut = main, shortcut

    def forward(self, maps: Maps) -> Maps:
        if self.shortcut is None:
            return F.relu(self.main(maps))
        return F.relu(self.main(maps) + self.shortcut(maps))


def basic_block(
    channels: int, width: int, stride: int = 1, skip: bool = True, norm: bool = True
) -> Residual:
    """Two convolutions of 3 × 3 pixels: the block of ResNet-18 and -34."""
    main = nn.Sequential(
        Convolution(channels, width, 3, stride, norm),
        Convolution(width, width, 3, 1, norm, relu=False),
    )
    return Residual(main, _shortcut(channels, width, stride, norm) if skip else None)


def bottleneck_block(
    channels: int, width: int, stride: int = 1, skip: bool = True, norm: bool = True
) -> Residual:
    """1 × 1 to a quarter of the width, 3 × 3 there, 1 × 1 back: the block of ResNet-50 and deeper.

    The stride is that of the 3 × 3 convolution, as in all published weights ("v1.5"); the paper
    has it in the first one.
    """
    narrow = width // 4
    main = nn.Sequential(
        Convolution(channels, narrow, 1, 1, norm),
        Convolution(narrow, narrow, 3, stride, norm),
        Convolution(narrow, width, 1, 1, norm, relu=False),
    )
    return Residual(main, _shortcut(channels, width, stride, norm) if skip else None)


def _shortcut(channels: int, width: int, stride: int, norm: bool) -> nn.Module:
    if channels == width and stride == 1:
        return nn.Identity()
    return Convolution(channels, width, 1, stride, norm, relu=False)


def named(layers: dict[str, nn.Module]) -> nn.Sequential:
    """Layers by name, one behind the other."""
    return nn.Sequential(OrderedDict(layers))
