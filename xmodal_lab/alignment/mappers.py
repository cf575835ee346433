"""Mappers: small learned maps from one space into another, where closed forms end.

Both are ordinary modules. As encoders of a ``JointSpace`` (``normalise=False``, for its projection
follows) they are trained by ``training.loop.fit`` on features made once.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class LinearMapper(nn.Module):
    """One matrix and a shift, as CCA has, but learned with whatever loss you like.

        z = W x + b,   normalised to |z| = 1

    Args:
        dim_in: dimensions of the features.
        dim: dimensions of the shared space.
        normalise: False to leave the length to a layer that follows.
    """

    def __init__(self, dim_in: int, dim: int = 128, normalise: bool = True) -> None:
        super().__init__()
        _check_sizes(dim_in=dim_in, dim=dim)
        self.output_dim, self.normalise = dim, normalise
        self.layers = nn.Linear(dim_in, dim)

    def forward(self, x: Float[Tensor, "batch dim_in"]) -> Float[Tensor, "batch dim"]:
        """Points of the shared space.

        Raises:
            ValueError: for features of other dimensions.
        """
        return _mapped(x, self.layers, self.layers.in_features, self.normalise)


class MLPMapper(nn.Module):
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
        super().__init__()
        _check_sizes(dim_in=dim_in, dim=dim, hidden=hidden)
        self.dim_in, self.output_dim, self.normalise = dim_in, dim, normalise
        self.layers = nn.Sequential(
            nn.BatchNorm1d(dim_in),
            nn.Linear(dim_in, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, dim),
        )

    def forward(self, x: Float[Tensor, "batch dim_in"]) -> Float[Tensor, "batch dim"]:
        """Points of the shared space.

        Raises:
            ValueError: for features of other dimensions.
        """
        return _mapped(x, self.layers, self.dim_in, self.normalise)


def _mapped(x: Tensor, layers: nn.Module, dim_in: int, normalise: bool) -> Tensor:
    if x.ndim != 2 or x.shape[1] != dim_in:
        raise ValueError(f"expected features (batch, {dim_in}), got {tuple(x.shape)}")
    points = layers(x)
    return F.normalize(points, dim=1) if normalise else points


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
