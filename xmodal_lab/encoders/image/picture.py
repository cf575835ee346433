"""What every picture encoder of ours is: named layers, one behind the other, and a pooling."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.encoder import Encoder

Images = UInt8[Tensor, "batch 3 height width"] | Float[Tensor, "batch 3 height width"]
Maps = Float[Tensor, "batch channels lines columns"]
# Levels 0–1 of red, green and blue over the pictures of ImageNet: what VGG and ResNet expect.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class PictureEncoder(Encoder):
    """Pictures → feature maps, layer by layer → a grid of cells → one vector.

        A_0 = prepared(x),   A_l = layer_l(A_{l-1}),   f(x) = pool(cells of A_L)

    A feature map is a small picture: channels, lines, columns. A subclass sets ``stack``, a
    ``Sequential`` of named layers, and writes ``pool``.

    Attributes:
        size: pixels a side of the pictures it reads.
        layers: name → layer, in the order of the data's way.
    """

    size: int
    stack: nn.Sequential

    @property
    def layers(self) -> dict[str, nn.Module]:
        return dict(self.stack.named_children())

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next(self.parameters()).device

    def prepared(self, images: Images) -> Maps:
        """What the first layer reads: levels 0–255 become -1 … 1."""
        return self.checked(images) / 127.5 - 1

    def checked(self, images: Images) -> Maps:
        """Levels as floats.

        Raises:
            ValueError: for pictures of another shape.
        """
        wanted = (3, self.size, self.size)
        if images.ndim != 4 or images.shape[1:] != wanted:
            hint = ": channels come first" if images.shape[-1:] == (3,) else ""
            raise ValueError(
                f"expected pictures (batch, {', '.join(map(str, wanted))}), "
                f"got {tuple(images.shape)}{hint}"
            )
        # Channels last is the order in which CPUs convolve fastest.
        return images.float().contiguous(memory_format=torch.channels_last)

    def maps(self, images: Images, until: str | None = None) -> dict[str, Maps]:
        """The feature maps behind every layer, or behind all up to the one named.

        Raises:
            ValueError: for a layer that is not there, with those that are.
        """
        self._index(until)
        found, maps = {}, self.prepared(images)
        for name, layer in self.layers.items():
            found[name] = maps = layer(maps)
            if name == until:
                break
        return found

    def after(self, layer: str, maps: Maps) -> Float[Tensor, "batch output_dim"]:
        """The pooled vector, gone on from the feature maps behind a layer."""
        for following in list(self.layers.values())[self._index(layer) + 1 :]:
            maps = following(maps)
        return self.pool(cells(maps))

    def states(self, images: Images) -> Padded:
        maps = self.prepared(images)
        for layer in self.layers.values():
            maps = layer(maps)
        return cells(maps)

    def _index(self, layer: str | None) -> int:
        names = list(self.layers)
        if layer is not None and layer not in names:
            raise ValueError(f"there is no layer {layer!r}: choose one of {', '.join(names)}")
        return len(names) - 1 if layer is None else names.index(layer)


def cells(maps: Maps) -> Padded:
    """Feature maps as states: a vector for every cell of the grid, line by line."""
    values = maps.flatten(2).mT
    return Padded(values, torch.full(values.shape[:1], values.shape[1], device=values.device))


def standardised(levels: Maps) -> Maps:
    """Levels 0–255 as ImageNet's networks expect them: (x / 255 - mean) / std, by channel."""
    mean, std = (levels.new_tensor(v)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
    return (levels / 255 - mean) / std


@contextlib.contextmanager
def evaluating(*modules: object) -> Iterator[None]:
    """Evaluation mode for a while: BatchNorm uses what it has learned, nothing drops out."""
    before = {m: m.training for m in modules if isinstance(m, nn.Module)}
    for module in before:
        module.eval()
    try:
        yield
    finally:
        for module, training in before.items():
            module.train(training)
