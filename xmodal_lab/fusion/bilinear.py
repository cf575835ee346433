"""Products of modalities: what only two of them together can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.fusion.late import LateFusion, StandIns
from xmodal_lab.fusion.presence import Vectors

MOST_NUMBERS = 20_000_000


class BilinearFusion(LateFusion):
    """Every product of one number from each modality, weighted: a multilinear map.

        y_k = Σ_{i…j} T_{i…jk} [x_1, 1]_i … [x_M, 1]_j                          rank=None
        y_k = Σ_r Π_m ( F_m [x_m, 1] )_{rk},   T = Σ_r f_1^r ⊗ … ⊗ f_M^r        of low rank

    The 1 behind each vector keeps the products of fewer modalities. The whole tensor grows with
    the product of all dimensions, the factors with their sum. A learned vector stands in for a
    missing modality.

    Args:
        dims: modality → dimensions of its vectors.
        dim: dimensions of what comes out.
        rank: how many products of factors are added up; None for the whole tensor.

    Raises:
        ValueError: for a rank below 1, or a whole tensor of more than 20 million numbers.

    Source: the tensor, Zadeh et al. 2017; its factors, Liu et al. 2018.
    """

    def __init__(self, dims: Mapping[str, int], dim: int = 64, rank: int | None = 8) -> None:
        super().__init__(dims, dim)
        self.rank, self.stand_ins = rank, StandIns(self.dims)
        sizes = [size + 1 for size in self.dims.values()]
        if rank is None:
            if (numbers := math.prod(sizes) * dim) > MOST_NUMBERS:
                raise ValueError(f"the tensor would hold {numbers:,} numbers: give a rank")
            self.tensor = nn.Parameter(torch.randn(*sizes, dim) / math.prod(sizes) ** 0.5)
        elif rank < 1:
            raise ValueError(f"rank must be at least 1, or None for the whole tensor, got {rank}")
        else:
            self.factors = nn.ParameterList(_factors(sizes, rank, dim))

    def fused(
        self, values: Vectors, there: Bool[Tensor, "batch modalities"]
    ) -> Float[Tensor, "batch output_dim"]:
        given = self.stand_ins(values, there)
        kind = given[0].dtype
        # Products soon leave the range of 16 bits: they are taken in 32.
        exact = torch.float64 if kind == torch.float64 else torch.float32
        with torch.autocast(given[0].device.type, enabled=False):
            wide = [F.pad(x.to(exact), (0, 1), value=1.0) for x in given]
            product = self._by_tensor if self.rank is None else self._by_factors
            return product(wide, exact).to(kind)

    def _by_tensor(self, wide: list[Tensor], exact: torch.dtype) -> Tensor:
        found = torch.einsum("bi,i...->b...", wide[0], self.tensor.to(exact))
        for x in wide[1:]:
            found = torch.einsum("bi,bi...->b...", x, found)
        return found

    def _by_factors(self, wide: list[Tensor], exact: torch.dtype) -> Tensor:
        found = 1.0
        for x, factor in zip(wide, self.factors, strict=True):
            found = found * torch.einsum("bi,irk->brk", x, factor.to(exact))
        return found.sum(1)


def _factors(sizes: list[int], rank: int, dim: int) -> list[Tensor]:
    """(size, rank, dim) for each modality, so that no product begins as nothing or huge."""
    made = []
    for size in sizes:
        factor = torch.randn(size, rank, dim) / size**0.5
        factor[-1] = 1.0  # near 1 by the constant: each modality is heard from the first step on
        made.append(factor)
    signs = torch.randint(2, (rank, dim)) * 2.0 - 1.0  # or the sum over ranks begins as a constant
    made[0] *= signs / rank**0.5
    return made
