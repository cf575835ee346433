"""The sigmoid loss: every cell of the matrix of similarities is a question of its own."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.alignment.checks import check_numbers, check_pair


def sigmoid_loss(
    a: Float[Tensor, "batch dim"],
    b: Float[Tensor, "batch dim"],
    temperature: Tensor | float,
    bias: Tensor | float | None = None,
) -> Float[Tensor, ""]:
    """For each row of a and each of b: do these two belong together, yes or no?

        l_ij = â_i · b̂_j / τ + β,   z_ij = 1 where i = j, else -1
        L = -1/B Σ_ij ln σ(z_ij l_ij)

    InfoNCE makes the rows of a batch compete; here no cell asks about another one, so there is
    nothing to normalise over the batch.

    Args:
        a, b: embeddings of any length; row i of both is one pair. They are normalised here.
        temperature: τ > 0, a number or a scalar tensor with gradient.
        bias: β, a number or a scalar tensor with gradient. None takes -ln(B - 1): where all
            cosines are 0 the loss then expects one partner for each row, as there is. The paper
            starts a learned bias at -10 (and τ at 0.1), which is -ln(B - 1) for B = 22,027.

    Returns:
        The loss in nats a pair: the sum over a row's cells, averaged over rows.

    Raises:
        ValueError: where the shapes differ, there are fewer than two rows to tell apart, NaN or
            infinity, or τ ≤ 0.

    Source: Zhai et al. 2023 (SigLIP).
    """
    check_pair(a, b)
    check_numbers(temperature, a=a, b=b)
    bias = balanced_bias(len(a)) if bias is None else bias
    cosines = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
    # B² small numbers are added up: in half precision most of them would be lost.
    logits = cosines.to(torch.promote_types(cosines.dtype, torch.float32)) / temperature + bias
    # -ln σ(z l) = softplus(-z l): how loudly a cell contradicts the truth.
    wrong = logits.diagonal_scatter(-logits.diagonal())
    return F.softplus(wrong).sum() / len(a)


def balanced_bias(batch_size: int) -> float:
    """β = -ln(B - 1), where σ(β) = 1/B: one expected partner in each row of B cells."""
    return -math.log(batch_size - 1)
