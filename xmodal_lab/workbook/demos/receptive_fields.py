"""The receptive-field picker: choose a layer and one of its cells, and see what it sees."""

from __future__ import annotations

import torch
from jaxtyping import UInt8
from matplotlib.figure import Figure
from torch import Tensor

from xmodal_lab.encoders.image.picture import PictureEncoder
from xmodal_lab.encoders.image.receptive_field import measured_field, receptive_fields
from xmodal_lab.workbook.charts.seeing import fields
from xmodal_lab.workbook.kit.figures import described


class FieldPicker:
    """Shows the receptive field of any cell of a network, computed and measured.

    Args:
        encoder: whose cells.
        images: what it reads while the field is measured; the first one is drawn.
    """

    def __init__(self, encoder: PictureEncoder, images: UInt8[Tensor, "batch 3 side side"]) -> None:
        self.encoder, self.images = encoder, images
        self.device = next(encoder.parameters()).device
        self.fields = receptive_fields(encoder.layers)
        with torch.no_grad():
            maps = encoder.maps(images[:1].to(self.device))
        self.sides = {name: tuple(value.shape[2:]) for name, value in maps.items()}

    def pick(self, layer: str = "", line: float = 0.4, column: float = 0.4) -> Figure:
        """A cell's field: how strongly each pixel moves it, in a frame around what it can see.

        Args:
            layer: one of the encoder's; the first by default.
            line: where the cell lies, from 0 (top) to 1 (bottom).
            column: the same from left to right.

        Raises:
            ValueError: for a layer that is not there.
        """
        return self.compare([layer or next(iter(self.fields))], line, column)

    def compare(self, layers: list[str], line: float = 0.4, column: float = 0.4) -> Figure:
        """The same for several layers side by side."""
        strengths, spans, cells = {}, {}, []
        for layer in layers:
            if layer not in self.sides:
                known = ", ".join(self.sides)
                raise ValueError(f"there is no layer {layer!r}: choose one of {known}")
            lines, columns = self.sides[layer]
            cell = (min(int(line * lines), lines - 1), min(int(column * columns), columns - 1))
            strengths[layer] = measured_field(
                self.encoder, layer, cell, self.images.to(self.device)
            ).cpu()
            pixels = self.images.shape[-1]
            spans[layer] = tuple(
                end for place in cell for end in self.fields[layer].span(place, pixels)
            )
            cells.append(f"{layer}: cell {cell} of {lines} × {columns}")
        fig = fields(self.images[0].numpy(), strengths, spans)
        return described(fig, f"{'; '.join(cells)}. {fig.alt}")
