"""Canonical correlation: the directions in which two clouds of paired points vary together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from xmodal_lab.alignment.checks import check_paired


@dataclass(frozen=True)
class CanonicalCorrelation:
    """Two linear maps into a space where paired rows correlate most.

    Attributes:
        x_mean, y_mean: (x_dim,) and (y_dim,) means of the training rows.
        x_weights, y_weights: (x_dim, dim) and (y_dim, dim) maps; projected rows have unit
            variance in every dimension and no correlation between dimensions.
        correlations: (dim,) canonical correlations, falling, from 0 to 1.
    """

    x_mean: Float[Tensor, " x_dim"]
    y_mean: Float[Tensor, " y_dim"]
    x_weights: Float[Tensor, "x_dim dim"]
    y_weights: Float[Tensor, "y_dim dim"]
    correlations: Float[Tensor, " dim"]

    def project_x(self, x: Float[Tensor, "rows x_dim"]) -> Float[Tensor, "rows dim"]:
        """Rows of x in the shared space, each direction weighed by its correlation."""
        return (x - self.x_mean) @ self.x_weights * self.correlations

    def project_y(self, y: Float[Tensor, "rows y_dim"]) -> Float[Tensor, "rows dim"]:
        """Rows of y in the shared space, each direction weighed by its correlation."""
        return (y - self.y_mean) @ self.y_weights * self.correlations


def cca(
    x: Float[Tensor, "rows x_dim"], y: Float[Tensor, "rows y_dim"], dim: int, ridge: float = 1e-4
) -> CanonicalCorrelation:
    """Canonical correlation analysis: the linear maps after which paired rows correlate most.

        Σ_xx^(-1/2) Σ_xy Σ_yy^(-1/2) = U diag(ρ) Vᵀ,   W_x = Σ_xx^(-1/2) U,   W_y = Σ_yy^(-1/2) V

    Args:
        x, y: paired rows.
        dim: how many directions to keep.
        ridge: added to the diagonal of both covariances, as a share of their mean variance;
            without it directions of no variance would count as perfectly correlated.

    Raises:
        ValueError: for different numbers of rows, fewer than two, NaN, or more directions than
            the smaller of x_dim and y_dim.

    Source: Hotelling 1936; by singular value decomposition, Björck and Golub 1973.
    """
    check_paired(x, y)
    if not 1 <= dim <= min(x.shape[1], y.shape[1]):
        raise ValueError(f"dim must lie in 1 … {min(x.shape[1], y.shape[1])}, got {dim}")
    # Small eigenvalues decide about the inverse roots: float64 throughout.
    x_mean, y_mean = x.double().mean(0), y.double().mean(0)
    centred_x, centred_y = x.double() - x_mean, y.double() - y_mean
    x_root = _inverse_root(centred_x.T @ centred_x / (len(x) - 1), ridge)
    y_root = _inverse_root(centred_y.T @ centred_y / (len(y) - 1), ridge)
    cross = centred_x.T @ centred_y / (len(x) - 1)
    left, correlations, right = torch.linalg.svd(x_root @ cross @ y_root, full_matrices=False)
    parts = (x_mean, y_mean, x_root @ left[:, :dim], y_root @ right[:dim].T, correlations[:dim])
    return CanonicalCorrelation(*(part.to(x.dtype) for part in parts))


def _inverse_root(covariance: Float[Tensor, "d d"], ridge: float) -> Float[Tensor, "d d"]:
    values, vectors = torch.linalg.eigh(covariance)
    values = values + ridge * values.mean()
    inverse = torch.where(values > values.max() * 1e-12, values.clamp(min=1e-300).rsqrt(), 0.0)
    return (vectors * inverse) @ vectors.T
