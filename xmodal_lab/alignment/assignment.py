"""Which word belongs to which region? Soft and hard answers as one table, called a plan.

A plan (words, regions) says how much of each word goes to each region. ``softmax_assignment`` lets
every word choose for itself; ``sinkhorn`` also asks that every region gets its share; and
``hard_assignment`` allows one partner each.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from xmodal_lab.alignment.checks import check_finite, checked_mask


def softmax_assignment(
    similarity: Float[Tensor, "*batch words regions"],
    temperature: float = 0.1,
    word_mask: Bool[Tensor, "*batch words"] | None = None,
    region_mask: Bool[Tensor, "*batch regions"] | None = None,
) -> Float[Tensor, "*batch words regions"]:
    """Each word shares itself out among the regions, whatever other words do.

        P_wr = softmax_r( s_wr / τ )

    Args:
        similarity: of each word and region, one table or a batch of them.
        temperature: τ > 0; the colder, the nearer to one region a word.
        word_mask, region_mask: False for padding; None where there is none.

    Returns:
        Shares; each word's add up to 1, and those of padding are 0.

    Raises:
        ValueError: for shapes that do not fit, a table of padding only, NaN, or temperature ≤ 0.

    Source: word to region, Lee et al. 2018 (SCAN).
    """
    words, regions = _checked_masks(similarity, word_mask, region_mask)
    if not temperature > 0:
        raise ValueError(f"temperature must be > 0, got {temperature}")
    shares = (similarity / temperature).masked_fill(~regions[..., None, :], -torch.inf).softmax(-1)
    return shares.masked_fill(~words[..., None], 0.0)


def sinkhorn(
    cost: Float[Tensor, "*batch words regions"],
    epsilon: float = 0.05,
    word_mask: Bool[Tensor, "*batch words"] | None = None,
    region_mask: Bool[Tensor, "*batch regions"] | None = None,
    word_weights: Float[Tensor, "*batch words"] | None = None,
    region_weights: Float[Tensor, "*batch regions"] | None = None,
    rounds: int = 1000,
    tolerance: float = 1e-6,
) -> Float[Tensor, "*batch words regions"]:
    """Entropic optimal transport: the cheapest plan that gives every word and region its share.

        P = argmin ⟨P, C⟩ + ε Σ_wr P_wr ln P_wr   where P 1 = a and Pᵀ 1 = b
        P_wr = exp( u_w + v_r - C_wr / ε )
        u_w = ln a_w - ln Σ_r exp( v_r - C_wr / ε ),   v_r = ln b_r - ln Σ_w exp( u_w - C_wr / ε )

    u and v by turns, in logarithms, so that a small ε does not underflow.

    Args:
        cost: of moving each word to each region, as 1 - cosine; one table or a batch of them.
        epsilon: ε > 0, in units of the cost: large gives a bᵀ, small the cheapest plan of all, in
            about cost / ε rounds.
        word_mask, region_mask: False for padding; None where there is none.
        word_weights, region_weights: a and b, each adding up to 1; None for equal shares of
            what is not padding.
        rounds: at most so many turns. A few are enough to learn with; the gradient flows back
            through all of them.
        tolerance: stop where no word's share is off by more; 0 for all rounds, without looking.

    Returns:
        The plan, adding up to 1. Regions' shares hold exactly, words' to the tolerance where
        ``rounds`` were enough. Padding gets 0.

    Raises:
        ValueError: for shapes that do not fit, a table of padding only, NaN, ε ≤ 0, rounds < 1, or
            weights that are negative, on padding, or do not add up to 1.

    Source: Cuturi 2013; in logarithms, Peyré and Cuturi 2019.
    """
    words, regions = _checked_masks(cost, word_mask, region_mask)
    if not epsilon > 0 or rounds < 1:
        raise ValueError(f"expected epsilon > 0 and rounds ≥ 1, got {epsilon} and {rounds}")
    # Logarithms of a small ε run to the hundreds: half precision has no digits left for them.
    precise = torch.promote_types(cost.dtype, torch.float32)
    word_share = _checked_weights(word_weights, words, precise, "word_weights")
    log_a = word_share.log()
    log_b = _checked_weights(region_weights, regions, precise, "region_weights").log()
    affinity = -cost.to(precise) / epsilon
    # Padding costs what it may: its logarithm of a share is -inf, and so is its place in the plan.
    affinity = affinity.masked_fill(~(words[..., None] & regions[..., None, :]), 0.0)
    v = torch.where(regions, torch.zeros_like(log_b), -torch.inf)
    for turn in range(rounds):
        u = log_a - (affinity + v[..., None, :]).logsumexp(-1)
        v = log_b - (affinity + u[..., :, None]).logsumexp(-2)
        look = tolerance > 0 and turn % 10 == 9
        if look and _words_are_off_by(affinity, u, v, word_share) <= tolerance:
            break
    return (affinity + u[..., :, None] + v[..., None, :]).exp().to(cost.dtype)


def hard_assignment(
    similarity: Float[Tensor, "words regions"],
) -> Float[Tensor, "words regions"]:
    """One partner each, so that all are best served together (the Hungarian method).

        P = argmax ⟨P, S⟩   over tables of 0 and 1 with at most one 1 in a row and in a column

    Args:
        similarity: of each word and region; where one side has more, its rest gets nobody.

    Raises:
        ValueError: for an empty table or NaN.

    Source: Kuhn 1955; solved by scipy.
    """
    from scipy.optimize import linear_sum_assignment

    _checked_masks(similarity, None, None)
    rows, columns = linear_sum_assignment(similarity.detach().cpu().numpy(), maximize=True)
    plan = torch.zeros_like(similarity)
    plan[torch.as_tensor(rows), torch.as_tensor(columns)] = 1
    return plan


@torch.no_grad()
def _words_are_off_by(affinity: Tensor, u: Tensor, v: Tensor, word_share: Tensor) -> float:
    shares = (affinity + u[..., :, None] + v[..., None, :]).exp().sum(-1)
    return float((shares - word_share).abs().amax())


def _checked_masks(
    table: Tensor, word_mask: Tensor | None, region_mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    if table.ndim < 2 or not table.numel():
        raise ValueError(f"expected a table (words, regions), not empty, got {tuple(table.shape)}")
    regions_shape = (*table.shape[:-2], table.shape[-1])
    words = checked_mask(word_mask, table.shape[:-1], "word_mask", table.device)
    regions = checked_mask(region_mask, regions_shape, "region_mask", table.device)
    # What stands at padding is nobody's concern.
    check_finite(table.detach().masked_fill(~(words[..., None] & regions[..., None, :]), 0.0))
    return words, regions


def _checked_weights(weights: Tensor | None, mask: Tensor, dtype: torch.dtype, name: str) -> Tensor:
    if weights is None:
        return mask.to(dtype) / mask.sum(-1, keepdim=True)
    if weights.shape != mask.shape:
        raise ValueError(f"expected {name} {tuple(mask.shape)}, got {tuple(weights.shape)}")
    ones = torch.ones_like(weights.sum(-1))
    fits = torch.allclose(weights.sum(-1), ones, atol=1e-4)
    if not fits or bool((weights < 0).any()) or bool((weights[~mask] != 0).any()):
        raise ValueError(f"{name} must be ≥ 0, add up to 1 and be 0 on padding")
    return weights.to(dtype)
