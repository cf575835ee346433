"""Mappers: small learned maps from one space into another, where closed forms end.

Both are ordinary modules. As encoders of a ``JointSpace`` (``normalise=False``, for its projection
follows) they are trained by ``training.loop.fit`` on features made once.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.encoder import Encoder


class Mapper(Encoder):
    """What mappers share. A feature that was made once is one place, and so is its point.

    Args:
        layers: the map.
        dim_in: dimensions of the features.
        dim: dimensions of the shared space.
        normalise: False to leave the length to a layer that follows.
    """

    def __init__(self, layers: nn.Module, dim_in: int, dim: int, normalise: bool) -> None:
        super().__init__()
        self.dim_in, self.output_dim, self.normalise = dim_in, dim, normalise
        self.layers = layers

    def states(self, x: Float[Tensor, "batch dim_in"]) -> Padded:
        """Points of the shared space, of any length, each the only place of its row.

        Raises:
            ValueError: for features of other dimensions.
        """
        if x.ndim != 2 or x.shape[1] != self.dim_in:
            raise ValueError(f"expected features (batch, {self.dim_in}), got {tuple(x.shape)}")
        ones = torch.ones(len(x), dtype=torch.long, device=x.device)
        return Padded(self.layers(x)[:, None], ones)

    def pool(self, states: Padded) -> Float[Tensor, "batch dim"]:
        points = states.values[:, 0]
        return F.normalize(points, dim=1) if self.normalise else points


class LinearMapper(Mapper):
    """One matrix and a shift, as CCA has, but learned with whatever loss you like.

        z = W x + b,   normalised to |z| = 1

    Args:
        dim_in: dimensions of the features.
        dim: dimensions of the shared space.
        normalise: False to leave the length to a layer that follows.
    """

    def __init__(self, dim_in: int, dim: int = 128, normalise: bool = True) -> None:
        _check_sizes(dim_in=dim_in, dim=dim)
        super().__init__(nn.Linear(dim_in, dim), dim_in, dim, normalise)
        self.config = {"dim_in": dim_in, "dim": dim, "normalise": normalise}


class MLPMapper(Mapper):
    """Two matrices with a bend between them: it can undo what no matrix can.

        z = W₂ gelu( W₁ norm(x) + b₁ ) + b₂,   normalised to |z| = 1

    The features are normalised over the batch first (BatchNorm): made once and never trained, they
    come in any scale.

    Args:
        dim_in: dimensions of the features.
        dim: dimensions of the shared space.
        hidden: units between the matrices.
        dropout: share of hidden units left out in training.
        normalise: False to leave the length to a layer that follows.
    """

    def __init__(
        self,
        dim_in: int,
        dim: int = 128,
        hidden: int = 256,
        dropout: float = 0.0,
        normalise: bool = True,
    ) -> None:
        _check_sizes(dim_in=dim_in, dim=dim, hidden=hidden)
        layers = nn.Sequential(
            nn.BatchNorm1d(dim_in),
            nn.Linear(dim_in, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, dim),
        )
        super().__init__(layers, dim_in, dim, normalise)
        self.config = {
            "dim_in": dim_in,
            "dim": dim,
            "hidden": hidden,
            "dropout": dropout,
            "normalise": normalise,
        }


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
