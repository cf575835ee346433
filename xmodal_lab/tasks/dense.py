"""Every cell of a picture's grid says what stands there: centre, colour, shape and size.

The batch carries the truth in an entry of its own, 'things'. A trunk that learned this knows things
and places before anybody asks a question.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Batch, Entries
from xmodal_lab.datasets.crowds import Crowd
from xmodal_lab.datasets.scenes import COLOURS, SHAPES, SIZES
from xmodal_lab.datasets.scenes.drawing import CANVAS

ATTRIBUTES = {"colour": COLOURS, "shape": SHAPES, "size": SIZES}
NOTHING = -1


def things_in_cells(
    crowds: Sequence[Crowd], grid: tuple[int, int] = (8, 8)
) -> Int64[Tensor, "crowds cells 3"]:
    """Numbers of colour, shape and size in the cell where a thing has its centre; else -1.

    Raises:
        ValueError: where two things have their centre in one cell.
    """
    truth = torch.full((len(crowds), grid[0] * grid[1], len(ATTRIBUTES)), NOTHING)
    for row, crowd in enumerate(crowds):
        for placed in crowd.placed:
            line, column = int(placed.y / CANVAS * grid[0]), int(placed.x / CANVAS * grid[1])
            cell = truth[row, line * grid[1] + column]
            if (cell != NOTHING).any():
                raise ValueError(
                    f"crowd {row} has two things in the cell of line {line}, column {column}: "
                    f"a grid of {grid} is too coarse"
                )
            known = [names.index(getattr(placed.thing, a)) for a, names in ATTRIBUTES.items()]
            cell.copy_(torch.tensor(known))
    return truth


class DenseReader(nn.Module):
    """A picture encoder with a grid, and one linear layer that reads each cell.

    Args:
        encoder: its ``states`` are vectors of ``output_dim`` numbers.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.sizes = {"centre": 1} | {name: len(kinds) for name, kinds in ATTRIBUTES.items()}
        self.head = nn.Linear(encoder.output_dim, sum(self.sizes.values()))

    def forward(self, batch: Entries) -> dict[str, Float[Tensor, "batch cells _classes"]]:
        """Logits by name: 'centre' (one a cell), 'colour', 'shape' and 'size'."""
        read = self.head(self.encoder.states(batch["image"]).values)
        return dict(zip(self.sizes, read.split(list(self.sizes.values()), 2), strict=True))


def dense_loss(
    logits: dict[str, Float[Tensor, "batch cells _classes"]], batch: Entries
) -> dict[str, Float[Tensor, ""]]:
    """Cross-entropies in nats: of 'centre' over all cells, of the attributes where a thing is.

    Raises:
        ValueError: where no picture of the batch holds a thing.
    """
    truth = batch["things"]
    there = truth[..., 0] != NOTHING
    if not there.any():
        raise ValueError("no picture of this batch holds a thing: colours have nothing to learn")
    centre = F.binary_cross_entropy_with_logits(logits["centre"][..., 0], there.float())
    of = {
        name: F.cross_entropy(logits[name][there], truth[there][:, number])
        for number, name in enumerate(ATTRIBUTES)
    }
    # A centre's mean is over 64 cells, of which four hold one.
    return {"centre": 10 * centre, **of}


@torch.no_grad()
def dense_scores(reader: DenseReader, data: Batch, chunk: int = 500) -> dict[str, float]:
    """F1 of the centres, and accuracy of each attribute where a thing is; 0 to 1.

        F1 = 2 · hits / (found + true)

    A hit is the very cell. The reader answers in the mode it is in.
    """
    device, right = reader.head.weight.device, dict.fromkeys(reader.sizes, 0)
    found = true = 0
    for rows in torch.arange(data.size).split(chunk):
        part = data.rows(rows).to(device)
        logits, truth = reader(part), part["things"]
        there, seen = truth[..., 0] != NOTHING, logits["centre"][..., 0] > 0
        right["centre"] += int((there & seen).sum())
        found, true = found + int(seen.sum()), true + int(there.sum())
        for number, name in enumerate(ATTRIBUTES):
            right[name] += int((logits[name][there].argmax(1) == truth[there][:, number]).sum())
    hits = right.pop("centre")
    return {"centre F1": 2 * hits / (found + true)} | {n: k / true for n, k in right.items()}
