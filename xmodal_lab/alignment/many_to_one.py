"""When a wrong answer is right: rows of a batch that mean the same."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.alignment.checks import check_numbers, check_pair

TREATMENTS = ("mask", "share")


def info_nce_many(
    a: Float[Tensor, "batch dim"],
    b: Float[Tensor, "batch dim"],
    temperature: Tensor | float,
    same: Bool[Tensor, "batch batch"],
    treatment: str = "mask",
) -> Float[Tensor, ""]:
    """InfoNCE where other rows may be right answers, too: they are not pushed away.

        P_i = { j : j means the same as i },   p_ij = softmax_j(s_ij),   s_ij = â_i · b̂_j / τ
        'mask':   L = -mean_i ln [ e^s_ii / (e^s_ii + Σ_{j not in P_i} e^s_ij) ]
        'share':  L = -mean_i 1/|P_i| Σ_{j in P_i} ln p_ij

    and the mean of this and the same from b to a. 'mask' takes the false negatives out of the
    quiz; 'share' makes all of them right answers, each as right as the partner. Where no two rows
    mean the same, both are ``info_nce``.

    Args:
        a, b: embeddings of any length; row i of both is one pair. They are normalised here.
        temperature: τ > 0, a number or a scalar tensor with gradient.
        same: which rows mean the same: symmetric, and True on the diagonal.
        treatment: 'mask' or 'share'.

    Returns:
        The mean loss in nats. 'share' cannot fall below the mean of ln |P_i|.

    Raises:
        ValueError: for shapes that do not fit, fewer than two rows, NaN or infinity, τ ≤ 0, a
            ``same`` that is not symmetric or lacks the diagonal, or an unknown treatment.

    Source: 'share', Khosla et al. 2020 (SupCon, L_out) across modalities; 'mask', Chuang et al.
    2020 discuss what false negatives do.
    """
    check_pair(a, b)
    if treatment not in TREATMENTS:
        raise ValueError(f"unknown treatment {treatment!r}: choose one of {', '.join(TREATMENTS)}")
    if same.shape != (len(a), len(a)) or same.dtype != torch.bool:
        raise ValueError(
            f"expected same as bool of shape {(len(a), len(a))}, got {same.dtype} of shape "
            f"{tuple(same.shape)}"
        )
    if not bool((same == same.T).all() & same.diagonal().all()):
        raise ValueError("same must be symmetric, and True on the diagonal: a row means itself")
    check_numbers(temperature, a=a, b=b)
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature
    if treatment == "mask":
        others = same & ~torch.eye(len(a), dtype=torch.bool, device=a.device)
        logits = logits.masked_fill(others, -torch.inf)
        right = torch.arange(len(a), device=a.device)
    else:
        right = F.normalize(same.to(logits.dtype), p=1, dim=1)
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2
