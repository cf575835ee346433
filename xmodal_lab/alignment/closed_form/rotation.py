"""Procrustes: turn one cloud until it lies on the other, and bend nothing."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from xmodal_lab.alignment.checks import check_paired


@dataclass(frozen=True)
class OrthogonalMap:
    """A rotation or reflection of one space into another, perhaps with a change of size.

    Attributes:
        rotation: (x_dim, y_dim) with orthonormal rows or columns, whichever are fewer.
        scale: the change of size; 1 where none was asked for.
        x_mean, y_mean: (x_dim,) and (y_dim,) centres of the two clouds; 0 where not centred.
        disparity: what is left between the clouds, as a share of y's spread: 0 where they
            coincide, 1 with scale where they have nothing in common.
    """

    rotation: Float[Tensor, "x_dim y_dim"]
    scale: Float[Tensor, ""]
    x_mean: Float[Tensor, " x_dim"]
    y_mean: Float[Tensor, " y_dim"]
    disparity: float

    def project_x(self, x: Float[Tensor, "rows x_dim"]) -> Float[Tensor, "rows y_dim"]:
        """Rows of x in the shared space: that of y, with the centre at 0."""
        return (x - self.x_mean) @ self.rotation * self.scale

    def project_y(self, y: Float[Tensor, "rows y_dim"]) -> Float[Tensor, "rows y_dim"]:
        """Rows of y in the shared space: only the centre moves to 0."""
        return y - self.y_mean

    def translate(self, x: Float[Tensor, "rows x_dim"]) -> Float[Tensor, "rows y_dim"]:
        """Rows of x as rows of y: what y would have been."""
        return self.project_x(x) + self.y_mean


def procrustes(
    x: Float[Tensor, "rows x_dim"],
    y: Float[Tensor, "rows y_dim"],
    scale: bool = False,
    centre: bool = True,
) -> OrthogonalMap:
    """The rotation (or reflection) that brings x nearest to y: distances and angles stay.

        Xᵀ Y = U diag(σ) Vᵀ,   R = U Vᵀ = argmin_{RᵀR = 1} |X R - Y|²,   s = Σ σ / |X|²

    Args:
        x, y: paired rows. Where one space has more dimensions, the other is thought to lie in it,
            padded with zeros; going down, the rotation also chooses which dimensions to keep.
        scale: True to also shrink or stretch x by the best factor s.
        centre: False to leave both centres where they are, and turn around 0.

    Raises:
        ValueError: for different numbers of rows, none, NaN, or rows of x or y that all coincide.

    Source: Schönemann 1966; for word vectors Smith et al. 2017.
    """
    check_paired(x, y, least=1)
    # Rotations of nearly equal singular values mix where digits are lost: float64 throughout.
    wide_x, wide_y = x.double(), y.double()
    x_mean = wide_x.mean(0) if centre else torch.zeros_like(wide_x[0])
    y_mean = wide_y.mean(0) if centre else torch.zeros_like(wide_y[0])
    wide_x, wide_y = wide_x - x_mean, wide_y - y_mean
    x_spread, y_spread = wide_x.square().sum(), wide_y.square().sum()
    for name, spread, values in (("x", x_spread, x), ("y", y_spread, y)):
        # Rounding of the mean leaves a speck of spread where there is none.
        if spread <= 1e-20 * values.double().square().sum() or spread == 0:
            raise ValueError(f"all rows of {name} coincide: no direction to turn")
    left, strengths, right = torch.linalg.svd(wide_x.T @ wide_y, full_matrices=False)
    rotation = left @ right
    factor = strengths.sum() / x_spread if scale else torch.ones_like(x_spread)
    disparity = (wide_x @ rotation * factor - wide_y).square().sum() / y_spread
    parts = (rotation, factor, x_mean, y_mean)
    return OrthogonalMap(*(part.to(x.dtype) for part in parts), disparity=float(disparity))
