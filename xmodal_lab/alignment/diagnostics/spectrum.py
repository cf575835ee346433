"""How many dimensions embeddings really use."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from xmodal_lab.alignment.checks import check_cloud


def rank_me(
    x: Float[Tensor, "rows dim"], centre: bool = False, epsilon: float = 1e-7
) -> Float[Tensor, ""]:
    """Effective rank: the number of equally strong directions that would spread as much.

        p_k = σ_k / Σ_l σ_l + ε,   rank = exp(-Σ_k p_k ln p_k)

    with the singular values σ of the rows: the exponential of their entropy.

    Args:
        x: embeddings, of any length; they are not normalised.
        centre: True to subtract the mean first, or a common offset counts as one direction.
        epsilon: keeps the logarithm finite.

    Returns:
        From 1 (all on one line) to min(rows, dim). Independent Gaussian rows reach nearly dim once
        there are many times as many of them; a few rows never do.

    Raises:
        ValueError: for no row, NaN, or rows that are all 0 (coincide, where centred).

    Source: Garrido et al. 2023 (RankMe); the entropy, Roy and Vetterli 2007.
    """
    check_cloud(x)
    # The smallest singular values are differences of large numbers: float64.
    points = x.double()
    points = points - points.mean(0) if centre else points
    if not points.square().sum() > 1e-20 * x.double().square().sum():
        raise ValueError("the rows span no direction: all are 0, or all the same")
    strengths = torch.linalg.svdvals(points)
    shares = strengths / strengths.sum() + epsilon
    return torch.exp(-(shares * shares.log()).sum()).to(x.dtype)
