"""Where embeddings lie on the unit sphere: how far apart pairs, clouds and neighbours are.

All three have a gradient. Rows of any length are normalised first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.alignment.checks import check_cloud, check_paired, check_same_space

# Similarities held at a time: 2²⁴ of them take 64 MiB.
BLOCK = 2**24


def modality_gap(
    a: Float[Tensor, "a_rows dim"], b: Float[Tensor, "b_rows dim"]
) -> Float[Tensor, ""]:
    """How far apart the centres of two clouds lie.

        gap = | mean_i â_i - mean_j b̂_j |

    Args:
        a, b: embeddings of two modalities; they need not be paired.

    Returns:
        A distance on the scale of the sphere's radius 1: 0 for one centre, at most 2 for two
        opposite points. Random directions give about √(1/a_rows + 1/b_rows).

    Raises:
        ValueError: for different dimensions, an empty cloud, or NaN.

    Source: Liang et al. 2022.
    """
    check_same_space(a, b)
    return (F.normalize(a, dim=1).mean(0) - F.normalize(b, dim=1).mean(0)).norm()


def alignment(
    a: Float[Tensor, "rows dim"], b: Float[Tensor, "rows dim"], power: float = 2
) -> Float[Tensor, ""]:
    """How far apart the two halves of a pair lie: less is better.

        alignment = mean_i | â_i - b̂_i |^α

    Args:
        a, b: paired embeddings of one space.
        power: α.

    Returns:
        For α = 2 from 0 to 4, and 2 - 2 mean cosine; random directions give 2.

    Raises:
        ValueError: for rows that do not pair, different dimensions, none, NaN, or power ≤ 0.

    Source: Wang and Isola 2020.
    """
    check_paired(a, b, least=1)
    check_same_space(a, b)
    if not power > 0:
        raise ValueError(f"power must be > 0, got {power}")
    squares = (F.normalize(a, dim=1) - F.normalize(b, dim=1)).square().sum(1)
    if power == 2:
        return squares.mean()
    # Where a pair coincides, the root's slope is infinite: its gradient there is 0 instead.
    apart = squares > 0
    return torch.where(apart, squares.where(apart, 1.0).pow(power / 2), 0.0).mean()


def uniformity(x: Float[Tensor, "rows dim"], sharpness: float = 2) -> Float[Tensor, ""]:
    """How evenly the points are spread over the sphere: less is better.

        uniformity = ln mean_{i<j} exp(-t | x̂_i - x̂_j |²)

    Args:
        x: embeddings of one modality, or of several together.
        sharpness: t; a point feels others out to a distance of about 1/√t.

    Returns:
        0 where all points coincide, and never below -4t. Random directions give for t = 2 about
        -4 + 8/dim, the best many points can do.

    Raises:
        ValueError: for fewer than two rows, NaN, or sharpness ≤ 0.

    Source: Wang and Isola 2020.
    """
    check_cloud(x, least=2)
    if not sharpness > 0:
        raise ValueError(f"sharpness must be > 0, got {sharpness}")
    points, sums = F.normalize(x, dim=1), []
    for own, block in _blocks(points):
        # |x - y|² = 2 - 2 x·y on the sphere. A point is no neighbour of itself.
        potential = 2 * sharpness * (block @ points.T - 1)
        sums.append(potential.scatter(1, own[:, None], -torch.inf).flatten().logsumexp(0))
    return torch.stack(sums).logsumexp(0) - math.log(len(x) * (len(x) - 1))


def _blocks(x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Row numbers and rows, so many at a time that their similarities to all rows fit memory."""
    numbers, size = torch.arange(len(x), device=x.device), max(1, BLOCK // len(x))
    return zip(numbers.split(size), x.split(size), strict=True)
