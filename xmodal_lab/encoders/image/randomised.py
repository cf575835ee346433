"""Tells a faithful map from a pretty one: take away what was learned, and look again."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


@torch.no_grad()
def randomised(network: Network, seed: int = 0) -> Network:
    """A copy of a network, or of one of its layers, that knows nothing.

    Every weight tensor keeps its numbers and loses their places: they are shuffled. So the copy
    has weights of the same size and spread. BatchNorm's running mean and variance are those of
    the network still.

    Source: the weight randomisation test of Adebayo et al. 2018, which draws new weights.
    """
    generator, copied = torch.Generator().manual_seed(seed), copy.deepcopy(network)
    for weight in copied.parameters():
        places = torch.randperm(weight.numel(), generator=generator).to(weight.device)
        weight.copy_(weight.flatten()[places].view_as(weight))
    return copied


def likeness(
    maps: Float[Tensor, "batch lines columns"], others: Float[Tensor, "batch lines columns"]
) -> Float[Tensor, " batch"]:
    """Spearman's rank correlation of two maps of each picture: 1 where the same places stand out.

    Cells of equal value share their mean rank; a map that is the same everywhere correlates 0.
    """
    mine, theirs = (_ranks(values.flatten(1).double()) for values in (maps, others))
    mine, theirs = (ranks - ranks.mean(1, keepdim=True) for ranks in (mine, theirs))
    norms = mine.norm(dim=1) * theirs.norm(dim=1)
    return ((mine * theirs).sum(1) / norms.clamp(min=1e-12)).float()


def _ranks(values: Float[Tensor, "batch cells"]) -> Float[Tensor, "batch cells"]:
    """How many are smaller, plus half of those that are equal."""
    smaller = (values[:, :, None] > values[:, None, :]).double().sum(2)
    equal = (values[:, :, None] == values[:, None, :]).double().sum(2)
    return smaller + equal / 2
