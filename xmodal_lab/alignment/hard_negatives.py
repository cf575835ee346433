"""Wrong answers made to measure: each row is asked to tell its partner from near copies of it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.alignment.checks import check_numbers, check_pair


def info_nce_with_foils(
    a: Float[Tensor, "batch dim"],
    b: Float[Tensor, "batch dim"],
    temperature: Tensor | float,
    *,
    foils_a: Float[Tensor, "batch _foils_a dim"] | Float[Tensor, "batch dim"] | None = None,
    foils_b: Float[Tensor, "batch _foils_b dim"] | Float[Tensor, "batch dim"] | None = None,
) -> Float[Tensor, ""]:
    """InfoNCE in which a row also has wrong answers of its own, each almost right.

        s_ij = â_i · b̂_j / τ,   t_if = â_i · f̂_if / τ,   f_i1 … f_iF the foils of b_i
        L = -1/2B Σ_i [ ln (e^s_ii / (Σ_j e^s_ij + Σ_f e^t_if)) + the same from b to a ]

    With captions as b, row i's foils are its own caption with a swap: the quiz of picture i then
    has B + F answers. Only row i is asked about them. Without foils this is ``info_nce``.

    Args:
        a, b: embeddings of any length; row i of both is one pair. They are normalised here.
        temperature: τ > 0, a number or a scalar tensor with gradient.
        foils_a: wrong answers to the rows of b, near copies of a's: one a row, or F of them.
        foils_b: wrong answers to the rows of a, near copies of b's.

    Returns:
        The mean loss in nats; where nothing is known, the mean of the two directions'
        ln (B + F), F being 0 for a side without foils.

    Raises:
        ValueError: for shapes that do not fit, fewer than two rows, NaN or infinity, or τ ≤ 0.

    Source: Yuksekgonul et al. 2023 (NegCLIP), which also asks each row about the others' foils.
    """
    check_pair(a, b)
    foils_a, foils_b = _three_axes(foils_a, a, "foils_a"), _three_axes(foils_b, b, "foils_b")
    check_numbers(temperature, a=a, b=b, foils_a=foils_a, foils_b=foils_b)
    a, b = F.normalize(a, dim=1), F.normalize(b, dim=1)
    logits = a @ b.T / temperature
    return (_quiz(logits, a, foils_b, temperature) + _quiz(logits.T, b, foils_a, temperature)) / 2


def _quiz(
    logits: Float[Tensor, "batch batch"],
    rows: Float[Tensor, "batch dim"],
    foils: Float[Tensor, "batch foils dim"] | None,
    temperature: Tensor | float,
) -> Float[Tensor, ""]:
    """Row i must answer i, among the others' partners and its own foils."""
    if foils is not None:
        own = torch.einsum("bd,bfd->bf", rows, F.normalize(foils, dim=2)) / temperature
        logits = torch.cat([logits, own], dim=1)
    return F.cross_entropy(logits, torch.arange(len(rows), device=rows.device))


def _three_axes(foils: Tensor | None, rows: Tensor, name: str) -> Tensor | None:
    if foils is None:
        return None
    three = foils[:, None] if foils.ndim == 2 else foils
    if three.ndim != 3 or three.shape[::2] != rows.shape:
        raise ValueError(
            f"expected {name} of shape (batch, dim) or (batch, foils, dim) with batch, dim = "
            f"{tuple(rows.shape)}, got {tuple(foils.shape)}"
        )
    return three
