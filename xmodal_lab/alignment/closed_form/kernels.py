"""Kernel CCA: canonical correlation between two clouds after each was bent by a kernel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from xmodal_lab.alignment.checks import check_paired
from xmodal_lab.alignment.closed_form.correlation import CanonicalCorrelation, cca

KERNELS = ("rbf", "linear")
# Directions this much weaker than the strongest are rounding, not data.
WEAKEST = 1e-10


@dataclass(frozen=True)
class KernelFeatures:
    """The coordinates a kernel implies, seen from some landmark rows (Nyström).

        φ(x) = k(x, L) Q Λ^(-1/2)   where   k(L, L) = Q Λ Qᵀ;   φ(x) · φ(x') ≈ k(x, x')

    Exact where every row is a landmark.

    Attributes:
        kernel: 'rbf' or 'linear'.
        width: σ of the rbf kernel exp(-|x - x'|² / 2σ²), in the units of x.
        centre: (dim,) subtracted first, so that no digits are lost to a common offset.
        landmarks: (landmarks, dim) rows, centred.
        whitening: (landmarks, features), the Q Λ^(-1/2) of the formula.
    """

    kernel: str
    width: float
    centre: Float[Tensor, " dim"]
    landmarks: Float[Tensor, "landmarks dim"]
    whitening: Float[Tensor, "landmarks features"]

    def __call__(self, x: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows features"]:
        """Rows in float64, for out-of-sample rows too."""
        return _gram(x.double() - self.centre, self.landmarks, self.kernel, self.width) @ (
            self.whitening
        )


@dataclass(frozen=True)
class KernelCorrelation:
    """Two curved maps into a space where paired rows correlate most.

    Attributes:
        x_features, y_features: what each view's kernel implies.
        linear: the canonical correlation of these features.
    """

    x_features: KernelFeatures
    y_features: KernelFeatures
    linear: CanonicalCorrelation

    @property
    def correlations(self) -> Float[Tensor, " dim"]:
        """(dim,) canonical correlations of the training rows, falling, from 0 to 1.

        A weak ridge makes them approach 1 whatever the data: judge by rows not trained on.
        """
        return self.linear.correlations

    def project_x(self, x: Float[Tensor, "rows x_dim"]) -> Float[Tensor, "rows dim"]:
        """Rows of x in the shared space, each direction weighed by its correlation."""
        return self.linear.project_x(self.x_features(x)).to(x.dtype)

    def project_y(self, y: Float[Tensor, "rows y_dim"]) -> Float[Tensor, "rows dim"]:
        """Rows of y in the shared space, each direction weighed by its correlation."""
        return self.linear.project_y(self.y_features(y)).to(y.dtype)


def kernel_cca(
    x: Float[Tensor, "rows x_dim"],
    y: Float[Tensor, "rows y_dim"],
    dim: int,
    kernel: str = "rbf",
    ridge: float = 0.1,
    x_width: float | None = None,
    y_width: float | None = None,
    landmarks: int = 500,
    seed: int = 0,
) -> KernelCorrelation:
    """Canonical correlation of the features two kernels imply.

        max_{α, β} αᵀ K_x K_y β   subject to   αᵀ (K_x² + κ_x K_x) α = βᵀ (K_y² + κ_y K_y) β = 1

    with centred kernel matrices K. Written as linear CCA of features φ with φ φᵀ = K, which is
    the same problem, so a linear kernel gives exactly ``cca`` with the same ridge.

    Args:
        x, y: paired rows.
        dim: how many directions to keep.
        kernel: 'rbf' or 'linear'.
        ridge: κ, as a share of the mean eigenvalue of the features' covariance. An rbf kernel has
            about as many features as rows, and without a strong one everything correlates.
        x_width, y_width: σ of the rbf kernel; None takes ``median_distance`` of the landmarks.
            The wider, the straighter: far beyond the median it is nearly linear CCA.
        landmarks: rows the kernels are computed with. More rows than that are drawn from at
            random (Nyström): cost grows with rows · landmarks² + landmarks³, never with rows³.
        seed: which rows become landmarks.

    Raises:
        ValueError: for rows that do not pair, fewer than two, NaN, an unknown kernel, a width or
            ridge out of range, or more directions than the features have.

    Source: Hardoon et al. 2004; Akaho 2001; Nyström features, Williams and Seeger 2001.
    """
    check_paired(x, y)
    if kernel not in KERNELS:
        raise ValueError(f"unknown kernel {kernel!r}: choose one of {', '.join(KERNELS)}")
    if landmarks < 2:
        raise ValueError(f"a kernel needs two landmarks or more, got {landmarks}")
    if ridge < 0:
        raise ValueError(f"ridge must be ≥ 0, got {ridge}")
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(x), generator=generator)[:landmarks].to(x.device)
    x_features = _features(x[chosen], kernel, x_width)
    y_features = _features(y[chosen], kernel, y_width)
    most = min(x_features.whitening.shape[1], y_features.whitening.shape[1])
    if not 1 <= dim <= most:
        raise ValueError(f"dim must lie in 1 … {most}, the features of the kernels, got {dim}")
    linear = cca(x_features(x), y_features(y), dim, ridge)
    return KernelCorrelation(x_features, y_features, linear)


def _features(
    landmarks: Float[Tensor, "landmarks dim"], kernel: str, width: float | None
) -> KernelFeatures:
    centre = landmarks.double().mean(0)
    landmarks = landmarks.double() - centre
    width = median_distance(landmarks) if width is None else width
    if not width > 0:
        raise ValueError(f"the width of a kernel must be > 0, got {width}")
    values, vectors = torch.linalg.eigh(_gram(landmarks, landmarks, kernel, width))
    if not values[-1] > 0:
        raise ValueError("all rows of a view coincide: a linear kernel sees no feature in it")
    kept = values > WEAKEST * values[-1]
    whitening = vectors[:, kept] * values[kept].rsqrt()
    # The strongest direction first, as everywhere else.
    return KernelFeatures(kernel, float(width), centre, landmarks, whitening.flip(1))


def median_distance(x: Float[Tensor, "rows dim"]) -> float:
    """The median distance between different rows: a width at which an rbf kernel sees contrast.

    Source: the median heuristic, Gretton et al. 2012.
    """
    distances = torch.pdist(x)
    apart = distances[distances > 0]
    return float(apart.median()) if len(apart) else 1.0


def _gram(
    x: Float[Tensor, "rows dim"], y: Float[Tensor, "columns dim"], kernel: str, width: float
) -> Float[Tensor, "rows columns"]:
    if kernel == "linear":
        return x @ y.T
    # Squares rather than torch.cdist's root: its matrix product would cost digits we then square.
    squares = x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T
    return torch.exp(-squares.clamp(min=0) / (2 * width**2))
