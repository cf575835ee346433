"""A question looks at a grid of cells, and looks again from where it looked first."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.batch import Padded
from xmodal_lab.fusion.grids import directions, grid_of, offsets


class Hops(nn.Module):
    """Looks at the cells of a grid one after the other, each with the question in mind.

        a_h = softmax(q_h · s_j / √d + b_h),   r_h = Σ_j a_hj s_j,   q_h = W_h [q, r_1 … r_(h-1)]
        b_hj = Σ_i a_(h-1)i t_h(j - i),   t_h = Σ_k c_hk(q) φ_k

    'Left of the moon' is no property of a cell: it depends on where the moon is. So the second look
    gets a bias that moves with the first map: t says for each offset, in lines and columns, how
    welcome a cell is that lies so far from the first place. The question mixes t from a few learned
    patterns φ.

    Shapes: query (batch, query_dim) and states (batch, cells, state_dim), the cells line by line →
    (batch, output_dim): the question, and what each look read.

    Args:
        query_dim: size of the question's vector.
        state_dim: size of a cell's.
        hops: how many looks.
        grid: (lines, columns) of the cells.
        relative: False for looks that know of the first one only what it read.
        patterns: how many of φ.

    Raises:
        ValueError: for less than one look; of cells, see ``grids.grid_of``.

    Source: several hops, Sukhbaatar et al. 2015; a relative position as a bias, Shaw et al. 2018.
    """

    def __init__(
        self,
        query_dim: int,
        state_dim: int,
        hops: int = 2,
        grid: tuple[int, int] = (8, 8),
        relative: bool = True,
        patterns: int = 16,
    ) -> None:
        super().__init__()
        if hops < 1:
            raise ValueError(f"a question looks at least once, got hops={hops}")
        self.grid, self.output_dim = grid, query_dim + hops * state_dim
        self.ask = nn.ModuleList(
            nn.Linear(query_dim + hop * state_dim, state_dim) for hop in range(hops)
        )
        self.mix = nn.ModuleList(
            nn.Linear(query_dim, patterns) for _ in range(hops - 1) if relative
        )
        self.patterns = nn.ParameterList(nn.Parameter(directions(grid, patterns)) for _ in self.mix)
        self.register_buffer("offsets", offsets(grid), persistent=False)

    def looks(
        self, query: Float[Tensor, "batch query_dim"], states: Padded
    ) -> tuple[Float[Tensor, "batch output_dim"], Float[Tensor, "batch hops cells"]]:
        """What ``forward`` gives, and where each look went; a look's weights sum to 1."""
        values = grid_of(states, self.grid).to(query.dtype)
        found, maps = [query], []
        for hop, ask in enumerate(self.ask):
            asked = ask(torch.cat(found, 1)) / math.sqrt(values.shape[2])
            scores = torch.einsum("bd,bcd->bc", asked, values)
            if maps and len(self.mix):
                scores = scores + self.bias(query, maps[-1], hop - 1)
            maps.append(scores.softmax(1))
            found.append(torch.einsum("bc,bcd->bd", maps[-1], values))
        return torch.cat(found, 1), torch.stack(maps, 1)

    def forward(
        self, query: Float[Tensor, "batch query_dim"], states: Padded
    ) -> Float[Tensor, "batch output_dim"]:
        return self.looks(query, states)[0]

    def bias(
        self,
        query: Float[Tensor, "batch query_dim"],
        before: Float[Tensor, "batch cells"],
        hop: int = 0,
    ) -> Float[Tensor, "batch cells"]:
        """b_j = Σ_i a_i t(j - i): how welcome each cell is, seen from the map of the look before.

        Σ_k c_k Σ_i a_i φ_k(j - i): the patterns are laid out once for all questions, and no
        question needs a table of 64 × 64 of its own.
        """
        laid = self.patterns[hop][:, self.offsets]  # (patterns, cells before, cells)
        shifted = torch.einsum("bi,kij->bkj", before, laid)
        return torch.einsum("bk,bkj->bj", self.mix[hop](query), shifted)
