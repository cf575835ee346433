"""Does attention look at the thing that was asked about? Maps over a grid against known boxes.

A box is x0, y0, x1, y1 in pixels, as ``datasets.crowds`` gives it; a map has one number for each
cell of a grid that divides the picture, as attention over an encoder's states has.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from xmodal_lab.evaluation import saliency

PICTURE = 64.0

Maps = Float[Tensor, "count height width"]
Boxes = Float[Tensor, "count 4"]


def pointing(maps: Maps, boxes: Boxes, picture: float = PICTURE) -> Float[Tensor, " count"]:
    """1 where a map's highest cell lies in the box (``cells_in``), else 0; shared among equal ones.

    Args:
        maps: attention, or any other measure of where a model looks.
        boxes: one for each map, in pixels.
        picture: pixels a side.

    Raises:
        ValueError: for a box that is none.

    Source: the pointing game of Zhang et al. 2018, without their tolerance.
    """
    return saliency.pointing_game(maps, cells_in(boxes, maps.shape[1:], picture))


def pointing_chance(
    boxes: Boxes, grid: tuple[int, int] = (8, 8), picture: float = PICTURE
) -> float:
    """What a cell chosen blindly scores in the pointing game."""
    return saliency.chance(cells_in(boxes, grid, picture))


def cells_in(
    boxes: Boxes, grid: tuple[int, int] = (8, 8), picture: float = PICTURE
) -> Bool[Tensor, "count height width"]:
    """The cells whose middle lies in the box, and always the cell in which the box's middle lies.

    Raises:
        ValueError: for a box that is none.
    """
    _check(boxes)

    def inside(low: Tensor, high: Tensor, cells: int) -> Tensor:
        middles = (torch.arange(cells, device=boxes.device) + 0.5) * picture / cells
        nearest = ((low + high) / 2 * cells / picture).long().clamp(max=cells - 1)
        found = (low[:, None] <= middles) & (middles < high[:, None])
        return found.scatter(1, nearest[:, None], True)

    x0, y0, x1, y1 = boxes.unbind(1)
    return inside(y0, y1, grid[0])[:, :, None] & inside(x0, x1, grid[1])[:, None, :]


def iou(
    maps: Maps, boxes: Boxes, threshold: float = 0.5, picture: float = PICTURE
) -> Float[Tensor, " count"]:
    """Intersection over union of the box and of where a map is high, by their areas.

        IoU = |M ∩ B| / |M ∪ B|,   M: the cells with at least ``threshold`` × the map's maximum

    A grid of large cells cannot reach 1, as no box ends where cells do: ``cells_in`` as a map shows
    what is possible.

    Args:
        maps: not negative.
        boxes: one for each map, in pixels.
        threshold: 0 … 1, a share of each map's maximum.
        picture: pixels a side.

    Raises:
        ValueError: for a box that is none, a threshold outside 0 … 1, or a map without a positive
            number.
    """
    high, overlap, areas = _areas(maps, boxes, threshold, picture)
    shared = (high * overlap).sum(1)
    return shared / (high.sum(1) * picture**2 / high.shape[1] + areas - shared)


def iou_chance(maps: Maps, boxes: Boxes, threshold: float = 0.5, picture: float = PICTURE) -> float:
    """Mean IoU of every map with the boxes of all other rows: right in size, blind to the question.

    Raises:
        ValueError: as ``iou``, and for fewer than two rows.
    """
    if len(maps) < 2:
        raise ValueError(f"needs boxes of other rows: give at least two rows, got {len(maps)}")
    high, overlap, areas = _areas(maps, boxes, threshold, picture)
    shared = high @ overlap.T
    found = shared / (high.sum(1, keepdim=True) * picture**2 / high.shape[1] + areas - shared)
    count = len(found)
    return ((found.sum() - found.diagonal().sum()) / (count * (count - 1))).item()


def _areas(maps: Maps, boxes: Boxes, threshold: float, picture: float) -> tuple[Tensor, ...]:
    """Which cells are high (count, cells); the area each shares with the box; the boxes' areas."""
    _check(boxes)
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is a share of the map's maximum, 0 … 1, got {threshold}")
    highest = maps.amax((1, 2), keepdim=True)
    if not (highest > 0).all():
        row = int((~(highest > 0)).flatten().nonzero()[0])
        raise ValueError(f"map {row} is nowhere positive: give attention weights")
    x0, y0, x1, y1 = boxes.double().unbind(1)

    def shared(low: Tensor, high: Tensor, cells: int) -> Tensor:
        edges = torch.arange(cells + 1, device=boxes.device) * picture / cells
        ends, begins = edges[1:].minimum(high[:, None]), edges[:-1].maximum(low[:, None])
        return (ends - begins).clamp(min=0)

    rows, columns = shared(y0, y1, maps.shape[1]), shared(x0, x1, maps.shape[2])
    overlap = (rows[:, :, None] * columns[:, None, :]).flatten(1)
    high = (maps >= threshold * highest).flatten(1).double()
    return high, overlap, (x1 - x0) * (y1 - y0)


def _check(boxes: Boxes) -> None:
    fine = (boxes[:, 2:] > boxes[:, :2]).all(1)
    if not fine.all():
        row = int((~fine).nonzero()[0])
        raise ValueError(
            f"box {row} is {boxes[row].tolist()}: expected x0 < x1 and y0 < y1; "
            "choose the rows whose question is about a thing"
        )
