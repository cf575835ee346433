"""A question turns the knobs of convolutions: feature-wise linear modulation."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Padded
from xmodal_lab.fusion.grids import grid_of


class FiLM(nn.Module):
    """Convolutions whose channels the question scales and shifts; then the largest of each channel.

        A_l = A_(l-1) + relu((1 + γ_l(q)) · norm(K_l * A_(l-1)) + β_l(q)),   y = [q, max_j A_Lj]

    The question chooses no place. It says which features matter, everywhere alike, and kernels of
    3 × 3 cells carry them from neighbour to neighbour.

    Shapes: query (batch, query_dim) and states (batch, cells, state_dim), the cells line by line →
    (batch, output_dim).

    Args:
        query_dim: size of the question's vector.
        state_dim: size of a cell's.
        blocks: how many convolutions.
        grid: (lines, columns) of the cells.

    Raises:
        ValueError: see ``grids.grid_of``.

    Source: Perez et al. 2018.
    """

    def __init__(
        self, query_dim: int, state_dim: int, blocks: int = 2, grid: tuple[int, int] = (8, 8)
    ) -> None:
        super().__init__()
        self.grid, self.output_dim = grid, query_dim + state_dim
        self.convolutions = nn.ModuleList(
            nn.Conv2d(state_dim, state_dim, 3, padding=1) for _ in range(blocks)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(state_dim, affine=False) for _ in range(blocks))
        self.knobs = nn.ModuleList(nn.Linear(query_dim, 2 * state_dim) for _ in range(blocks))

    def forward(
        self, query: Float[Tensor, "batch query_dim"], states: Padded
    ) -> Float[Tensor, "batch output_dim"]:
        maps = grid_of(states, self.grid).to(query.dtype).mT.unflatten(2, self.grid)
        for convolution, norm, knobs in zip(self.convolutions, self.norms, self.knobs, strict=True):
            scale, shift = knobs(query)[:, :, None, None].chunk(2, 1)
            maps = maps + F.relu((1 + scale) * norm(convolution(maps)) + shift)
        return torch.cat([query, maps.amax((2, 3))], 1)
