"""Does a map look at the right thing? The pointing game, and what guessing scores in it."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor


def pointing_game(
    maps: Float[Tensor, "count height width"], masks: Bool[Tensor, "count height width"]
) -> Float[Tensor, " count"]:
    """1 where a map's highest pixel lies in the mask, else 0; between them where several are equal.

    Of equal highest pixels the share in the mask counts. So a map that is the same everywhere
    scores the mask's share of the picture, which is what a pixel chosen blindly scores: ``chance``.

    Source: Zhang et al. 2018, section 4.2; there a miss by 15 pixels still counts, here none does.
    """
    highest = maps == maps.amax((1, 2), keepdim=True)
    return (highest & masks).sum((1, 2)) / highest.sum((1, 2))


def chance(masks: Bool[Tensor, "count height width"]) -> float:
    """What a pixel chosen blindly scores in the pointing game."""
    return masks.double().mean().item()
