"""Losses with a margin: what is already far enough apart is left alone.

InfoNCE always pulls a little. The two losses here, which are older, say how far is far enough, and
then stop: only the violations of that margin move anything.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.alignment.checks import check_numbers, check_pair

MINING = ("random", "semi-hard", "hard", "all")
# Distances below this are taken for it: the slope of a square root has no end at 0.
CLOSEST = 1e-6


def pair_loss(
    a: Float[Tensor, "batch dim"], b: Float[Tensor, "batch dim"], margin: Tensor | float = 1.0
) -> Float[Tensor, ""]:
    """Pairs are drawn together, everything else is pushed to a distance of at least the margin.

        d_ij² = |â_i - b̂_j|² = 2 - 2 â_i · b̂_j
        L = 1/2B Σ_i [ d_ii² + 1/(B-1) Σ_{j≠i} max(0, m - d_ij)² ]

    Each cell of the matrix is a question of its own, as in ``sigmoid_loss``. What is right and what
    is wrong count half each, however many wrong ones there are.

    Args:
        a, b: embeddings of any length; row i of both is one pair. They are normalised here.
        margin: m > 0, a distance. Points of the sphere are at most 2 apart; unrelated ones √2.

    Returns:
        The mean loss, in squared distances; m²/2 where all points are one.

    Raises:
        ValueError: where the shapes differ, there are fewer than two rows to tell apart, NaN or
            infinity, m ≤ 0, or a margin that is learned.

    Source: Hadsell, Chopra and LeCun 2006, with their ½, on all pairs of a batch.
    """
    check_pair(a, b)
    _check_margin(margin)
    check_numbers(a=a, b=b)
    squared = 2 - 2 * F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
    short = (margin - squared.clamp(min=CLOSEST**2).sqrt()).relu().square()
    batch = len(a)
    wrong = short.sum() - short.diagonal().sum()
    return (squared.diagonal().sum() + wrong / (batch - 1)) / (2 * batch)


def triplet_loss(
    a: Float[Tensor, "batch dim"],
    b: Float[Tensor, "batch dim"],
    margin: Tensor | float = 0.2,
    mining: str = "hard",
    generator: torch.Generator | None = None,
) -> Float[Tensor, ""]:
    """A row shall be more similar to its partner than to a wrong one, by at least the margin.

        s_ij = â_i · b̂_j
        L = 1/2B Σ_i [ max(0, m + s_{i,n(i)} - s_ii) + max(0, m + s_{n'(i),i} - s_ii) ]

    Which wrong one, n(i) among the row's and n'(i) among the column's, is what ``mining`` decides:

    * 'random': any one, as likely as another;
    * 'hard': the most similar one;
    * 'semi-hard': the most similar of those that are less similar than the partner; where there is
      none, the least similar of all;
    * 'all': the mean of the terms over all wrong ones.

    Args:
        a, b: embeddings of any length; row i of both is one pair. They are normalised here.
        margin: m > 0, a difference of cosines.
        mining: how the wrong one is chosen.
        generator: draws the random ones; None for torch's own.

    Returns:
        The mean loss, in differences of cosines; m where all similarities are equal.

    Raises:
        ValueError: where the shapes differ, there are fewer than two rows to tell apart, NaN or
            infinity, m ≤ 0, a margin that is learned, or an unknown ``mining``.

    Source: Schroff et al. 2015 (FaceNet), whose squared distances are 2 - 2 s, so that their
    margin is twice this one; both directions, and the hardest, Faghri et al. 2018 (VSE++).
    """
    check_pair(a, b)
    _check_margin(margin)
    if mining not in MINING:
        raise ValueError(f"unknown mining {mining!r}: choose one of {', '.join(MINING)}")
    check_numbers(a=a, b=b)
    s = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
    # The same steps to the side for rows and for columns: neither modality is special.
    steps = _random_steps(len(s), s.device, generator) if mining == "random" else None
    return (_one_way(s, margin, mining, steps) + _one_way(s.T, margin, mining, steps)) / 2


def _one_way(
    s: Float[Tensor, "batch batch"],
    margin: Tensor | float,
    mining: str,
    steps: Int64[Tensor, " batch"] | None,
) -> Float[Tensor, ""]:
    own, batch = s.diagonal(), len(s)
    if mining == "all":
        short = (margin + s - own[:, None]).relu()
        return (short.sum() - short.diagonal().sum()) / (batch * (batch - 1))
    wrong = s.detach().clone()
    if mining == "random":
        chosen = (torch.arange(batch, device=s.device) + steps) % batch
    elif mining == "hard":
        chosen = wrong.fill_diagonal_(-torch.inf).argmax(dim=1)
    else:
        farther = wrong < own.detach()[:, None]
        nearest = wrong.masked_fill(~farther, -torch.inf).argmax(dim=1)
        farthest = wrong.fill_diagonal_(torch.inf).argmin(dim=1)
        chosen = torch.where(farther.any(dim=1), nearest, farthest)
    return (margin + s.gather(1, chosen[:, None])[:, 0] - own).relu().mean()


def _random_steps(
    batch_size: int, device: torch.device, generator: torch.Generator | None
) -> Int64[Tensor, " batch"]:
    """How far beside itself each row looks for a wrong one: 1 … B - 1, drawn on the CPU."""
    return torch.randint(1, batch_size, (batch_size,), generator=generator).to(device)


def _check_margin(margin: Tensor | float) -> None:
    if isinstance(margin, Tensor) and margin.requires_grad:
        raise ValueError(
            "the margin has a gradient: learned, it would shrink until nothing violates it. Give a "
            "number; in a training, for instance lambda e, _: pair_loss(e['text'], e['image'], 1.0)"
        )
    if not margin > 0 or margin == float("inf"):
        raise ValueError(f"the margin must be a number above 0, got {float(margin)}")
