"""What a contrastive loss would do to points on a circle: the pull on each of them.

Nothing here draws; ``loss_playground`` does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.alignment.losses import info_nce, pair_loss, sigmoid_loss, triplet_loss

STEP = 0.15  # radians that a point pulled without end moves in one step of ``follow``

Angles = Float[np.ndarray, " pairs"]


@dataclass(frozen=True)
class State:
    """Pairs of points on the unit circle, and the loss that judges them.

    Attributes:
        captions, pictures: angles in degrees; entry i of both is one pair.
        loss: one of ``LOSSES``.
        temperature: τ of InfoNCE and of the sigmoid loss.
        margin: of the pair loss (a distance) and of the triplet loss (a difference of cosines).
        names: what each pair is called.
    """

    captions: tuple[float, ...] = (62.0, 150.0, 238.0, 335.0)
    pictures: tuple[float, ...] = (105.0, 128.0, 292.0, 20.0)
    loss: str = "InfoNCE"
    temperature: float = 0.2
    margin: float = 0.5
    names: tuple[str, ...] = ("star", "heart", "moon", "ring")

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"unknown loss {self.loss!r}: choose one of {', '.join(LOSSES)}")
        if not len(self.captions) == len(self.pictures) == len(self.names) >= 2:
            raise ValueError(
                f"expected a caption, a picture and a name for each of two pairs or more, got "
                f"{len(self.captions)}, {len(self.pictures)} and {len(self.names)}"
            )

    def turned(self, point: str, degrees: float) -> State:
        """The same with one point, such as 'caption: star', moved along the circle.

        Raises:
            ValueError: for a point that is not there.
        """
        if point not in points(self):
            raise ValueError(f"no point {point!r}: choose one of {', '.join(points(self))}")
        kind, name = point.split(": ")
        angles = list(getattr(self, f"{kind}s"))
        angles[self.names.index(name)] += degrees
        return replace(self, **{f"{kind}s": tuple(angles)})


@dataclass(frozen=True)
class Pulls:
    """What a loss says about a state.

    Attributes:
        loss: its value.
        cosines: (pairs, pairs) captions by pictures.
        captions, pictures: (pairs,) pulls along the circle, -B ∂L/∂θ for B pairs, in units of
            the loss per radian; positive is anticlockwise.
    """

    loss: float
    cosines: Float[np.ndarray, "pairs pairs"]
    captions: Angles
    pictures: Angles


def _pairs_only(a: Tensor, b: Tensor) -> Tensor:
    return 1 - (a * b).sum(dim=1).mean()


def _circulating(a: Tensor, b: Tensor) -> Tensor:
    # -ln e^d_ij / (e^d_ii + e^d_jj), read as SimCLR's indices: i and j are the two halves of a
    # pair, d their distance, and each lies at distance 0 from itself.
    distances = (a - b).square().sum(dim=1).clamp(min=1e-12).sqrt()
    return (math.log(2) - distances).mean()


# What is computed from unit vectors (pairs, 2); the last two are patients of the clinic.
LOSSES: Mapping[str, Callable[[Tensor, Tensor, State], Tensor]] = MappingProxyType(
    {
        "InfoNCE": lambda a, b, s: info_nce(a, b, s.temperature),
        "sigmoid": lambda a, b, s: sigmoid_loss(a, b, s.temperature),
        "pairs with margin": lambda a, b, s: pair_loss(a, b, s.margin),
        "triplets, hardest": lambda a, b, s: triplet_loss(a, b, s.margin, mining="hard"),
        "patient: pairs only": lambda a, b, s: _pairs_only(a, b),
        "patient: −ln eᵈ/(e⁰+e⁰)": lambda a, b, s: _circulating(a, b),
    }
)


def points(state: State) -> list[str]:
    """The names of all points: 'caption: star', 'picture: star', …"""
    return [f"{kind}: {name}" for name in state.names for kind in ("caption", "picture")]


def compute(state: State) -> Pulls:
    """The loss of a state, its cosines, and the pull on every point.

    A point z = (cos θ, sin θ) can only move along the circle. Of the negative gradient, the part
    along the tangent is left, and that is -∂L/∂θ. It is multiplied by the number of pairs, since
    the losses are means over them.
    """
    angles = [
        torch.tensor(degrees, dtype=torch.float64).deg2rad().requires_grad_()
        for degrees in (state.captions, state.pictures)
    ]
    a, b = (torch.stack([theta.cos(), theta.sin()], dim=1) for theta in angles)
    loss = LOSSES[state.loss](a, b, state)
    slopes = torch.autograd.grad(loss, angles)
    captions, pictures = (-len(a) * slope.numpy() for slope in slopes)
    cosines = (F.normalize(a, dim=1) @ F.normalize(b, dim=1).T).detach().numpy()
    return Pulls(loss.item(), cosines, captions, pictures)


def follow(state: State, steps: int) -> list[State]:
    """The states on the way when every point follows its pull: ``steps`` of them after the first.

    Strong pulls move a point by up to ``STEP``, weak ones in proportion.
    """
    path = [state]
    for _ in range(steps):
        pulls, now = compute(path[-1]), path[-1]
        moved = {
            kind: tuple(
                float(angle + np.rad2deg(STEP * bounded(pull)))
                for angle, pull in zip(getattr(now, kind), getattr(pulls, kind), strict=True)
            )
            for kind in ("captions", "pictures")
        }
        path.append(replace(now, **moved))
    return path


def bounded(pull):
    """From -1 to 1: a pull of 1 counts half, so that weak and strong ones both stay visible."""
    return pull / (1 + np.abs(pull))
