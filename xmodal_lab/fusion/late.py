"""Late fusion: one vector from each modality goes in, one vector for the row comes out.

All take the same dictionaries. Two ways to treat a missing modality: sums and means leave it out;
where every modality has its own place (a concatenation, a product), a learned vector stands in for
it. Zeros would look like data.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from xmodal_lab.fusion.presence import Present, Vectors, settled


class LateFusion(nn.Module):
    """What late fusions share: the checks, and the learned meta-space.

        z_m = gelu( W_m x_m + b_m )

    Every modality is brought into one space of ``dim`` dimensions, where vectors can be added up.

    Shapes: {modality: (batch, dim_m)} → (batch, output_dim).

    Args:
        dims: modality → dimensions of its vectors. Their order does not matter.
        dim: dimensions of the meta-space, and of what comes out.

    Raises:
        ValueError: for no modality, or sizes below 1.
    """

    def __init__(self, dims: Mapping[str, int], dim: int) -> None:
        super().__init__()
        if not dims or min(dim, *dims.values()) < 1:
            raise ValueError(f"expected modalities and sizes from 1 up, got {dict(dims)}, {dim}")
        # Sorted: the same modalities in another order are the same fusion.
        self.dims, self.output_dim = dict(sorted(dims.items())), dim

    def forward(
        self, vectors: Vectors, present: Present | None = None
    ) -> Float[Tensor, "batch output_dim"]:
        """One vector a row.

        Args:
            vectors: of any of the modalities; one without a key is missing in every row.
            present: False in the rows where a modality is missing.

        Raises:
            ValueError: see ``presence.settled``.
        """
        return self.fused(*settled(self.dims, vectors, present))

    def fused(
        self, values: Vectors, there: Bool[Tensor, "batch modalities"]
    ) -> Float[Tensor, "batch output_dim"]:
        """One vector a row, from all modalities' vectors and where they count."""
        raise NotImplementedError(f"{type(self).__name__} has no fused(values, there)")


class MetaSpace(nn.ModuleDict):
    """z_m = gelu( W_m x_m + b_m ): {modality: (batch, dim_m)} → (batch, modalities, dim)."""

    def __init__(self, dims: Mapping[str, int], dim: int) -> None:
        super().__init__({name: nn.Linear(size, dim) for name, size in dims.items()})

    def forward(self, values: Vectors) -> Float[Tensor, "batch modalities dim"]:
        points = [layer(values[name]) for name, layer in self.items()]
        return nn.functional.gelu(torch.stack(points, dim=1))


class StandIns(nn.Module):
    """A learned vector for each modality, which stands where it is missing."""

    def __init__(self, dims: Mapping[str, int]) -> None:
        super().__init__()
        self.vectors = nn.ParameterDict({name: torch.zeros(size) for name, size in dims.items()})

    def forward(self, values: Vectors, there: Bool[Tensor, "batch modalities"]) -> list[Tensor]:
        pairs = zip(self.vectors.items(), there.unbind(1), strict=True)
        return [values[n].where(mask[:, None], own.to(values[n])) for (n, own), mask in pairs]


def weighted(
    points: Float[Tensor, "batch modalities dim"], weights: Float[Tensor, "batch modalities"]
) -> Float[Tensor, "batch dim"]:
    """Σ_m w_m z_m"""
    return torch.einsum("bm,bmd->bd", weights.to(points.dtype), points)


def softmax_over_present(
    scores: Float[Tensor, "batch modalities"], there: Bool[Tensor, "batch modalities"]
) -> Float[Tensor, "batch modalities"]:
    """Weights that add up to 1 over the modalities that are there, and are 0 elsewhere; float32 up.

    α_m = exp(s_m) / Σ_{k there} exp(s_k)
    """
    exact = scores if scores.dtype == torch.float64 else scores.float()
    return exact.masked_fill(~there, -torch.inf).softmax(1)


class MeanFusion(LateFusion):
    """The mean over the modalities that are there: each counts the same, noisy or not.

    y = Σ_{m there} z_m / #there
    """

    def __init__(self, dims: Mapping[str, int], dim: int = 64) -> None:
        super().__init__(dims, dim)
        self.meta = MetaSpace(self.dims, dim)

    def fused(
        self, values: Vectors, there: Bool[Tensor, "batch modalities"]
    ) -> Float[Tensor, "batch output_dim"]:
        return weighted(self.meta(values), softmax_over_present(there.float(), there))


class WeightedSumFusion(LateFusion):
    """A weight for each modality, learned once and the same for all rows.

    y = Σ_m α_m z_m,   α = softmax over those there of a
    """

    def __init__(self, dims: Mapping[str, int], dim: int = 64) -> None:
        super().__init__(dims, dim)
        self.meta = MetaSpace(self.dims, dim)
        self.scores = nn.Parameter(torch.zeros(len(self.dims)))

    def fused(
        self, values: Vectors, there: Bool[Tensor, "batch modalities"]
    ) -> Float[Tensor, "batch output_dim"]:
        weights = softmax_over_present(self.scores.expand(there.shape), there)
        return weighted(self.meta(values), weights)


class ConcatFusion(LateFusion):
    """All vectors in a row, and a network with one hidden layer over them.

        y = W₂ gelu( W₁ [x_1, …, x_M] + b₁ ) + b₂

    A learned vector stands in for a missing modality. ``hidden`` is ``dim`` unless given.
    """

    def __init__(self, dims: Mapping[str, int], dim: int = 64, hidden: int | None = None) -> None:
        super().__init__(dims, dim)
        self.stand_ins = StandIns(self.dims)
        width = sum(self.dims.values())
        self.layers = nn.Sequential(
            nn.Linear(width, hidden or dim), nn.GELU(), nn.Linear(hidden or dim, dim)
        )

    def fused(
        self, values: Vectors, there: Bool[Tensor, "batch modalities"]
    ) -> Float[Tensor, "batch output_dim"]:
        return self.layers(torch.cat(self.stand_ins(values, there), dim=1))


class GatedFusion(LateFusion):
    """Gates, one for each number of each modality, which look at all modalities.

        y = Σ_{m there} σ( V_m [x_1, …, x_M] + c_m ) ⊙ tanh( W_m x_m + b_m )

    Source: gated multimodal unit, Arevalo et al. 2017, section 3.1 (without biases there). A
    missing modality gets no gate, and the other gates see a learned vector in its place.
    """

    def __init__(self, dims: Mapping[str, int], dim: int = 64) -> None:
        super().__init__(dims, dim)
        self.stand_ins = StandIns(self.dims)
        self.layers = nn.ModuleDict({name: nn.Linear(n, dim) for name, n in self.dims.items()})
        self.gates = nn.Linear(sum(self.dims.values()), len(self.dims) * dim)

    def fused(
        self, values: Vectors, there: Bool[Tensor, "batch modalities"]
    ) -> Float[Tensor, "batch output_dim"]:
        seen = torch.cat(self.stand_ins(values, there), dim=1)
        open_ = self.gates(seen).sigmoid().unflatten(1, (len(self.dims), -1))
        points = torch.stack([self.layers[n](values[n]) for n in self.dims], dim=1).tanh()
        return (open_ * points).where(there[:, :, None], 0.0).sum(1)


class AttentionFusion(LateFusion):
    """Additive attention: every row decides anew how much each modality counts.

        α_m = softmax over those there of v · tanh( U_m x_m + c_m ),   y = Σ_m α_m z_m

    Source: additive scores, Bahdanau et al. 2015; over modalities, Hori et al. 2017.
    """

    def __init__(self, dims: Mapping[str, int], dim: int = 64) -> None:
        super().__init__(dims, dim)
        self.meta = MetaSpace(self.dims, dim)
        self.asked = nn.ModuleDict({name: nn.Linear(n, dim) for name, n in self.dims.items()})
        self.query = nn.Linear(dim, 1, bias=False)

    def weights(
        self, vectors: Vectors, present: Present | None = None
    ) -> dict[str, Float[Tensor, "batch"]]:
        """α of every modality: 0 where it is missing; a row adds up to 1.

        Raises:
            ValueError: see ``presence.settled``.
        """
        found = self._weights(*settled(self.dims, vectors, present))
        return dict(zip(self.dims, found.unbind(1), strict=True))

    def _weights(
        self, values: Vectors, there: Bool[Tensor, "batch modalities"]
    ) -> Float[Tensor, "batch modalities"]:
        heard = torch.stack([self.asked[n](values[n]) for n in self.dims], dim=1).tanh()
        return softmax_over_present(self.query(heard).squeeze(2), there)

    def fused(
        self, values: Vectors, there: Bool[Tensor, "batch modalities"]
    ) -> Float[Tensor, "batch output_dim"]:
        return weighted(self.meta(values), self._weights(values, there))
