"""Cells of a picture's grid: that they are all there, and how they lie to each other."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from xmodal_lab.batch import Padded


def grid_of(states: Padded, grid: tuple[int, int]) -> Float[Tensor, "batch cells state_dim"]:
    """The vectors of all cells of a grid, line by line.

    Raises:
        ValueError: for states of another grid, or a row whose cells are padded.
    """
    cells = grid[0] * grid[1]
    if states.values.shape[1] != cells:
        raise ValueError(
            f"expected the {cells} cells of a grid of {grid}, got {states.values.shape[1]} places"
        )
    short = states.lengths < cells
    if short.any():
        raise ValueError(f"row {int(short.nonzero()[0])} has padded cells: a picture has none")
    return states.values


def offsets(grid: tuple[int, int]) -> Int64[Tensor, "cells cells"]:
    """For cells i and j, the place of j - i in a table of all offsets, read line by line.

    The table has 2 · lines - 1 lines and 2 · columns - 1 columns; its middle is offset (0, 0).
    """
    lines, columns = grid
    places = torch.cartesian_prod(torch.arange(lines), torch.arange(columns))
    down, right = (places[None] - places[:, None]).unbind(2)
    return (down + lines - 1) * (2 * columns - 1) + right + columns - 1


def directions(grid: tuple[int, int], count: int) -> Float[Tensor, "count offsets"]:
    """For each offset the cosine of the angle between its way and each of some directions.

    φ_k(Δ) = cos(angle(Δ) - 2π k / count),   φ_k(0) = 0
    """
    lines, columns = grid
    places = torch.cartesian_prod(
        torch.arange(1.0 - lines, lines), torch.arange(1.0 - columns, columns)
    )
    angle = torch.arange(count) * (2 * torch.pi / count)
    ways = torch.stack([angle.sin(), angle.cos()])
    return (torch.nn.functional.normalize(places, dim=1) @ ways).T.contiguous()
