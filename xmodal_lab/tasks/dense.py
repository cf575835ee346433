"""Every cell of a picture's grid says what stands there: a thing, its colour, shape and size.

The batch carries the truth in an entry of its own, 'things'. A trunk that learned this knows what
is where before anybody asks a question.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Batch, Entries
from xmodal_lab.datasets.crowds import Crowd
from xmodal_lab.datasets.scenes import COLOURS, SHAPES, SIZES
from xmodal_lab.datasets.scenes.drawing import CANVAS
from xmodal_lab.objective import mean_over

# A map for 'there is a thing', and one for each colour, shape and size.
GROUPS = {"thing": ("thing",), "colour": COLOURS, "shape": SHAPES, "size": SIZES}
MAPS = [name for names in GROUPS.values() for name in names]
SPANS = dict(
    zip(GROUPS, torch.arange(len(MAPS)).split([len(n) for n in GROUPS.values()]), strict=True)
)


def things_in_cells(
    crowds: Sequence[Crowd], grid: tuple[int, int] = (8, 8)
) -> Float[Tensor, "crowds cells 19"]:
    """Shares of things in cells, a column for each of ``MAPS``.

        share = (1 - |Δline|) · (1 - |Δcolumn|), of the four cells next to the thing's middle

    Δ is the way from the cell's middle, in cells. A thing's shares sum to 1 wherever it stands: so
    the sum of a map is a count, and a thing on the border of two cells is no coin to be tossed.
    Beyond the border of the picture the last cell takes the share.
    """
    shares = np.zeros((len(crowds), *grid, len(MAPS)), np.float32)
    for row, crowd in enumerate(crowds):
        for placed in crowd.placed:
            thing = placed.thing
            maps = [MAPS.index(n) for n in ("thing", thing.colour, thing.shape, thing.size)]
            for line, down in _nearest(placed.y, grid[0]):
                for column, right in _nearest(placed.x, grid[1]):
                    shares[row, line, column, maps] += down * right
    # Two things may share a cell, but a gate is open no further than 1.
    return torch.from_numpy(shares).clamp_(max=1).flatten(1, 2)


def _nearest(place: float, cells: int) -> list[tuple[int, float]]:
    """The two cells whose middles are nearest on one axis, with their shares."""
    middle = place / CANVAS * cells - 0.5
    low = math.floor(middle)
    pairs = ((low, 1 - (middle - low)), (low + 1, middle - low))
    return [(min(max(cell, 0), cells - 1), share) for cell, share in pairs]


class DenseReader(nn.Module):
    """A picture encoder with a grid, and one linear layer that reads each cell.

    Shapes: 'image' (batch, 3, height, width) → logits (batch, cells, 19), a column a map.

    Args:
        encoder: its ``states`` are vectors of ``output_dim`` numbers.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.output_dim, len(MAPS))
        # Nearly all cells are empty: to learn this first would take a bias a thousand steps.
        nn.init.constant_(self.head.bias, -4.0)

    def forward(self, batch: Entries) -> Float[Tensor, "batch cells 19"]:
        return self.head(self.encoder.states(batch["image"]).values)


@mean_over()
def dense_loss(logits: Float[Tensor, "batch cells 19"], batch: Entries) -> Float[Tensor, ""]:
    """Mean over pictures of Σ over cells and maps of -t ln p - (1 - t) ln(1 - p), p = σ(l)."""
    losses = F.binary_cross_entropy_with_logits(logits, batch["things"], reduction="sum")
    return losses / len(logits)


@torch.no_grad()
def dense_scores(reader: nn.Module, data: Batch, chunk: int = 250) -> dict[str, float]:
    """How well the maps fit, and whether they can be counted; 0 to 1, by group of maps.

        F1 = 2 Σ min(p, t) / (Σ p + Σ t)

    which is the usual one where p and t are 0 or 1. 'count' is the share of pictures whose sum of
    a map, rounded, is the number of things there; only maps of what is there. The reader, which
    gives the logits of ``MAPS``, answers in the mode it is in.
    """
    device = next(reader.parameters()).device
    both = torch.zeros(2, len(MAPS))  # Σ min(p, t) and Σ p + t
    right, asked = torch.zeros(2, len(MAPS))
    for rows in torch.arange(data.size).split(chunk):
        part = data.rows(rows).to(device)
        found, true = reader(part).sigmoid(), part["things"]
        both += torch.stack([found.minimum(true), found + true]).sum((1, 2)).cpu()
        number, there = (maps.sum(1).round() for maps in (found, true))
        right += ((number == there) & (there > 0)).sum(0).cpu()
        asked += (there > 0).sum(0).cpu()
    f1 = {f"{g} F1": (2 * both[0, s].sum() / both[1, s].sum()).item() for g, s in SPANS.items()}
    counts = {f"{g} count": (right[s].sum() / asked[s].sum()).item() for g, s in SPANS.items()}
    return f1 | counts
