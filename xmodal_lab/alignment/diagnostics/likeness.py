"""Do two spaces see the same things alike? Asked without bringing them into one space."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from xmodal_lab.alignment.checks import check_paired
from xmodal_lab.alignment.neighbours import nearest_others


def linear_cka(
    x: Float[Tensor, "rows x_dim"], y: Float[Tensor, "rows y_dim"], debiased: bool = False
) -> Float[Tensor, ""]:
    """Centred kernel alignment: how alike two tables of similarities are.

        CKA = |Yᵀ X|² / ( |Xᵀ X| |Yᵀ Y| )   with centred columns and Frobenius norms

    which is the cosine between the centred matrices X Xᵀ and Y Yᵀ. Turning, mirroring, shifting or
    evenly scaling either space changes nothing.

    Args:
        x, y: paired rows.
        debiased: True to leave out each row's similarity to itself. The plain figure is too high
            where there are few rows and many dimensions: unrelated Gaussians score about
            √(x_dim y_dim / ((rows + x_dim) (rows + y_dim))), which goes to 1.

    Returns:
        From 0 (nothing in common) to 1 (alike); the debiased figure is 0 on average for
        unrelated spaces and may be a little negative.

    Raises:
        ValueError: for rows that do not pair, fewer than two (four debiased), NaN, or rows that
            all coincide.

    Source: Kornblith et al. 2019; debiased, Song et al. 2012 and Nguyen et al. 2021.
    """
    check_paired(x, y, least=4 if debiased else 2)
    centred = [values.double() - values.double().mean(0) for values in (x, y)]
    for name, values, points in zip("xy", (x, y), centred, strict=True):
        if not points.square().sum() > 1e-20 * values.double().square().sum():
            raise ValueError(f"all rows of {name} coincide: there is nothing to compare")
    product = _debiased_product if debiased else _product
    a, b = centred
    norms = (product(a, a) * product(b, b)).clamp(min=1e-300).sqrt()
    return (product(a, b) / norms).to(x.dtype)


def _product(x: Tensor, y: Tensor) -> Tensor:
    """⟨X Xᵀ, Y Yᵀ⟩ = |Xᵀ Y|², without a (rows, rows) matrix."""
    return (x.T @ y).square().sum()


def _debiased_product(x: Tensor, y: Tensor) -> Tensor:
    """The same after the diagonals were emptied and the matrices centred again (HSIC_1)."""
    rows = len(x)
    x_lengths, y_lengths = x.square().sum(1), y.square().sum(1)
    diagonal = (x_lengths * y_lengths).sum() * rows / (rows - 2)
    totals = x_lengths.sum() * y_lengths.sum() / ((rows - 1) * (rows - 2))
    return _product(x, y) - diagonal + totals


def mutual_knn(
    x: Float[Tensor, "rows x_dim"], y: Float[Tensor, "rows y_dim"], k: int = 10
) -> float:
    """Share of a row's k nearest neighbours that are the same in both spaces.

        mean_i | kNN_x(i) ∩ kNN_y(i) | / k   with cosine similarity, without i itself

    Args:
        x, y: paired rows of any length.
        k: neighbours of each row, from 1 to rows - 1.

    Returns:
        From 0 to 1; unrelated spaces give k / (rows - 1). Equals stand in any order.

    Raises:
        ValueError: for rows that do not pair, fewer than two, NaN, or a k out of range.

    Source: Huh et al. 2024 (the Platonic representation hypothesis).
    """
    check_paired(x, y)
    near_x, near_y = (nearest_others(points, k)[1] for points in (x, y))
    shared = (near_x[:, :, None] == near_y[:, None, :]).any(2)
    return shared.double().mean().item()
