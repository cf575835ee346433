"""The simplest fusion: every modality answers alone, and the answers are counted."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.fusion.presence import Present, settled

Probabilities = Mapping[str, Float[Tensor, "batch classes"]]


def vote(
    probabilities: Probabilities, present: Present | None = None, majority: bool = False
) -> Float[Tensor, "batch classes"]:
    """What the modalities that are there say together; nothing is learned.

        p_c = Σ_{m there} p_mc / #there                              the mean of probabilities
        p_c = Σ_{m there} [c = argmax p_m] / #there                  majority

    A majority's ties are decided by the mean of the probabilities.

    Returns:
        Rows that add up to 1, where the given ones do.

    Raises:
        ValueError: see ``presence.settled``.
    """
    if not probabilities:
        raise ValueError("there is nothing to vote: give the answers of one modality or more")
    classes = next(iter(probabilities.values())).shape[1]
    dims = dict.fromkeys(probabilities, classes)
    values, there = settled(dims, probabilities, present)
    said = torch.stack(list(values.values()), dim=1)
    share = (there / there.sum(1, keepdim=True))[:, :, None].to(said)
    mean = (said * share).sum(1)
    if not majority:
        return mean
    votes = (F.one_hot(said.argmax(2), classes) * share).sum(1)
    # Less than one vote weighs, whatever the probabilities are.
    weight = 1 / (2 * len(dims))
    return ((1 - weight) * votes + weight * mean).to(mean.dtype)
