"""Losses that pull the two halves of a pair together and push everything else apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.alignment.checks import NotFiniteError, check_numbers, check_pair
from xmodal_lab.alignment.hard_negatives import info_nce_with_foils
from xmodal_lab.alignment.many_to_one import info_nce_many
from xmodal_lab.alignment.margin import pair_loss, triplet_loss
from xmodal_lab.alignment.sigmoid import sigmoid_loss
from xmodal_lab.alignment.tiled import info_nce_tiled, sigmoid_loss_tiled
from xmodal_lab.batch import Entries

__all__ = [
    "info_nce",
    "info_nce_many",
    "info_nce_tiled",
    "info_nce_with_foils",
    "over_pairs",
    "pair_loss",
    "sigmoid_loss",
    "sigmoid_loss_tiled",
    "triplet_loss",
]

PairLoss = Callable[..., Tensor]


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
        ValueError: where the shapes differ, there are fewer than two rows to tell apart, NaN or
            infinity, or τ ≤ 0.

    Source: van den Oord et al. 2018; both directions, Radford et al. 2021 (CLIP).
    """
    check_pair(a, b)
    check_numbers(temperature, a=a, b=b)
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature
    partner = torch.arange(len(a), device=a.device)
    return (F.cross_entropy(logits, partner) + F.cross_entropy(logits.T, partner)) / 2


def over_pairs(
    outputs: Mapping[str, Tensor],
    batch: Entries | None = None,
    loss: PairLoss = info_nce,
    temperature: Tensor | float | None = None,
) -> Float[Tensor, ""]:
    """The mean of a pair loss over all pairs of modalities: three of them for text, image, audio.

    An objective for ``training.fit``, which hands it what a ``JointSpace`` gives.

    Args:
        outputs: rows (batch, dim) by modality, and without axes the learned 'temperature', and
            the 'bias' if the loss has one.
        batch: not looked at.
        loss: maps two modalities' rows and the temperature to a scalar.
        temperature: in place of a learned one.

    Returns:
        The mean; NaN, and no error as of the losses themselves, where rows hold NaN: the training
        loop, which knows more, then names the rows of the *data* that are to blame.

    Raises:
        ValueError: for fewer than two modalities, or without any temperature.
    """
    rows = {name: points for name, points in outputs.items() if points.ndim and ":" not in name}
    if len(rows) < 2:
        raise ValueError(f"need two modalities or more to align, got {list(rows)}")
    if temperature is None and (temperature := outputs.get("temperature")) is None:
        raise ValueError("the outputs hold no 'temperature': give one, as in temperature=0.07")
    learned = {"bias": outputs["bias"]} if "bias" in outputs else {}
    try:
        pairs = combinations(rows.values(), 2)
        return torch.stack([loss(a, b, temperature, **learned) for a, b in pairs]).mean()
    except NotFiniteError:
        return sum(points.sum() for points in rows.values()) * torch.nan
