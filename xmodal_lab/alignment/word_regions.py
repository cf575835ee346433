"""How well do a caption and a picture fit, told word by word and region by region?

Three scores for sets of vectors in place of one vector each. All read words (…, words, dim) and
regions (…, regions, dim) whose leading dimensions broadcast: words[:, None] and regions[None] give
the matrix of all captions with all pictures that a contrast needs.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.alignment.assignment import sinkhorn, softmax_assignment
from xmodal_lab.alignment.checks import check_finite, checked_mask


def best_match_score(
    words: Float[Tensor, "... words dim"],
    regions: Float[Tensor, "... regions dim"],
    word_mask: Bool[Tensor, "... words"] | None = None,
    region_mask: Bool[Tensor, "... regions"] | None = None,
) -> Float[Tensor, "..."]:
    """Each word finds its most similar region; the mean over words. A hard answer.

        score = mean_w max_r cos(w, r)

    Swap words and regions for the other direction: a region may be no word's best.

    Returns:
        From -1 to 1.

    Raises:
        ValueError: for shapes that do not fit, padding only, or NaN.

    Source: Yao et al. 2022 (FILIP).
    """
    words, word_mask = _units(words, word_mask, "words")
    regions, region_mask = _units(regions, region_mask, "regions")
    cosines = _cosines(words, regions)
    best = cosines.masked_fill(~region_mask[..., None, :], -torch.inf).amax(-1)
    return _mean_over(best, word_mask)


def attention_score(
    words: Float[Tensor, "... words dim"],
    regions: Float[Tensor, "... regions dim"],
    temperature: float = 0.1,
    word_mask: Bool[Tensor, "... words"] | None = None,
    region_mask: Bool[Tensor, "... regions"] | None = None,
) -> Float[Tensor, "..."]:
    """Each word looks at all regions, at similar ones more, and is compared with what it saw.

        c_w = Σ_r softmax_r( cos(w, r) / τ ) r̂,   score = mean_w cos(w, c_w)

    Returns:
        From -1 to 1.

    Raises:
        ValueError: for shapes that do not fit, padding only, NaN, or temperature ≤ 0.

    Source: Lee et al. 2018 (SCAN).
    """
    words, word_mask = _units(words, word_mask, "words")
    regions, region_mask = _units(regions, region_mask, "regions")
    cosines = _cosines(words, regions)
    seen = softmax_assignment(cosines, temperature, *_fitted(cosines, word_mask, region_mask))
    return _mean_over(F.cosine_similarity(words, seen @ regions, dim=-1), word_mask)


def transport_score(
    words: Float[Tensor, "... words dim"],
    regions: Float[Tensor, "... regions dim"],
    epsilon: float = 0.05,
    word_mask: Bool[Tensor, "... words"] | None = None,
    region_mask: Bool[Tensor, "... regions"] | None = None,
    rounds: int = 50,
) -> Float[Tensor, "..."]:
    """Words and regions share each other out, so that none is left over.

        score = Σ_wr P_wr cos(w, r)   with P = sinkhorn(1 - cos, ε)

    A picture with things the caption does not name scores lower than in ``best_match_score``.

    Returns:
        From -1 to 1.

    Raises:
        ValueError: for shapes that do not fit, padding only, NaN, or ε ≤ 0.

    Source: optimal transport between words and regions, Chen et al. 2020 (UNITER).
    """
    words, word_mask = _units(words, word_mask, "words")
    regions, region_mask = _units(regions, region_mask, "regions")
    cosines = _cosines(words, regions)
    masks = _fitted(cosines, word_mask, region_mask)
    # Always all rounds: a score must not depend on the rest of its batch.
    plan = sinkhorn(1 - cosines, epsilon, *masks, rounds=rounds, tolerance=0)
    return (plan * cosines).sum((-2, -1))


def _units(points: Tensor, mask: Tensor | None, name: str) -> tuple[Tensor, Tensor]:
    """Unit vectors, 0 at padding whatever stood there, and their mask."""
    if points.ndim < 2 or not points.numel():
        raise ValueError(f"expected {name} (…, {name}, dim), not empty, got {tuple(points.shape)}")
    mask = checked_mask(mask, points.shape[:-1], f"the mask of {name}", points.device)
    # Before anything is multiplied: 0 times a NaN at padding would be NaN, in the gradient too.
    points = points.where(mask[..., None], 0.0)
    check_finite(points.detach())
    return F.normalize(points, dim=-1), mask


def _cosines(words: Tensor, regions: Tensor) -> Tensor:
    if words.shape[-1] != regions.shape[-1]:
        raise ValueError(
            f"expected words and regions of one dim, got {tuple(words.shape)} "
            f"and {tuple(regions.shape)}"
        )
    return words @ regions.transpose(-1, -2)


def _fitted(cosines: Tensor, word_mask: Tensor, region_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Both masks for every table of a batch that came about by broadcasting."""
    *batch, words, regions = cosines.shape
    return word_mask.expand(*batch, words), region_mask.expand(*batch, regions)


def _mean_over(values: Tensor, mask: Tensor) -> Tensor:
    return values.where(mask, 0.0).sum(-1) / mask.sum(-1)
