"""Losses that pull the two halves of a pair together and push everything else apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.alignment.checks import check_pair
from xmodal_lab.alignment.sigmoid import sigmoid_loss
from xmodal_lab.alignment.tiled import info_nce_tiled, sigmoid_loss_tiled

__all__ = ["info_nce", "info_nce_tiled", "over_pairs", "sigmoid_loss", "sigmoid_loss_tiled"]

PairLoss = Callable[[Tensor, Tensor, Tensor | float], Tensor]


def info_nce(
    a: Float[Tensor, "batch dim"], b: Float[Tensor, "batch dim"], temperature: Tensor | float
) -> Float[Tensor, ""]:
    """Symmetric InfoNCE: each row of a must find its row of b among all of them, and vice versa.

        s_ij = â_i · b̂_j / τ
        L = -1/2B Σ_i [ ln softmax_j(s_ij)_{j=i} + ln softmax_j(s_ji)_{j=i} ]

    Args:
        a, b: embeddings of any length; row i of both is one pair. They are normalised here.
        temperature: τ > 0, a number or a scalar tensor with gradient.

    Returns:
        The mean loss in nats; ln B where nothing is known.

    Raises:
        ValueError: where the shapes differ, or there are fewer than two rows to tell apart.

    Source: van den Oord et al. 2018; both directions, Radford et al. 2021 (CLIP).
    """
    check_pair(a, b)
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature
    partner = torch.arange(len(a), device=a.device)
    return (F.cross_entropy(logits, partner) + F.cross_entropy(logits.T, partner)) / 2


def over_pairs(
    embeddings: Mapping[str, Float[Tensor, "batch dim"]],
    temperature: Tensor | float,
    loss: PairLoss = info_nce,
) -> Float[Tensor, ""]:
    """The mean of a pair loss over all pairs of modalities: three of them for text, image, audio.

    Raises:
        ValueError: for fewer than two modalities.
    """
    pairs = list(combinations(embeddings.values(), 2))
    if not pairs:
        raise ValueError(f"need two modalities or more to align, got {list(embeddings)}")
    return torch.stack([loss(a, b, temperature) for a, b in pairs]).mean()
