"""Finding things in a joint space, and saying honestly how often they are found.

A query may have several right answers (two pictures of one meaning), so the right answers are
always an explicit argument. Ties count against the model: an embedding that collapsed to one
point finds nothing. Similarities are computed a block at a time; the full matrix never exists.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int, Int64
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.alignment.checks import check_k, check_same_space, check_table
from xmodal_lab.alignment.neighbours import search

__all__ = [
    "choice_accuracy",
    "mean_reciprocal_rank",
    "ranks",
    "ranks_from_similarity",
    "recall_at_k",
    "recall_from_similarity",
    "search",
    "zero_shot",
]

# Which gallery rows answer which query: a matrix of bool, or one row number a query.
Targets = Bool[Tensor, "queries gallery"] | Int[Tensor, " queries"]
# Similarities held at a time: 2²⁴ of them take 64 MiB.
BLOCK = 2**24
# Cosines that differ by less are equal: so much is rounding, which depends on the row's place in
# the matrix and on the order of a sum, and would let a collapsed model win ties by chance.
TIE = 1e-6


def ranks(
    queries: Float[Tensor, "queries dim"],
    gallery: Float[Tensor, "gallery dim"],
    targets: Targets | None = None,
) -> Int64[Tensor, " queries"]:
    """Place of each query's best right answer in its list of gallery rows, from 1.

        rank_i = 1 + #{ j wrong : cos(q_i, g_j) ≥ max_{k right} cos(q_i, g_k) }

    Ties are pessimistic: a wrong row as similar as the right one (within 1e-6, the rounding of
    float32) stands before it.

    Args:
        queries, gallery: embeddings of any length; they are normalised here.
        targets: which gallery rows answer which query, as a (queries, gallery) matrix of bool, or
            as one row number a query; None where row i answers query i.

    Raises:
        ValueError: for shapes that do not fit, a query without an answer, NaN, or an empty batch.
    """
    check_same_space(queries, gallery)
    targets = _checked_targets(targets, len(queries), len(gallery), queries.device)
    queries, gallery = F.normalize(queries, dim=1), F.normalize(gallery, dim=1)
    rows = max(1, BLOCK // len(gallery))
    blocks = zip(queries.split(rows), targets.split(rows), strict=True)
    return torch.cat([_ranks(block @ gallery.T, right) for block, right in blocks])


def ranks_from_similarity(
    similarity: Float[Tensor, "queries gallery"], targets: Targets | None = None
) -> Int64[Tensor, " queries"]:
    """``ranks`` of a table that is there already: CSLS, scores of words and regions, a model's own.

    Args:
        similarity: the larger, the nearer; on the scale of cosines, for ties are within 1e-6.
        targets: as ``ranks``.

    Raises:
        ValueError: for an empty table, targets that do not fit, or NaN.
    """
    check_table(similarity)
    return _ranks(similarity, _checked_targets(targets, *similarity.shape, similarity.device))


def _ranks(
    similarity: Float[Tensor, "queries gallery"], targets: Targets
) -> Int64[Tensor, " queries"]:
    """The rule of ties, in its one place."""
    if targets.dtype == torch.bool:
        best = similarity.masked_fill(~targets, -torch.inf).amax(dim=1, keepdim=True)
        return 1 + ((similarity >= best - TIE) & ~targets).count_nonzero(dim=1)
    # A single right answer is as similar as itself: it counts for the 1 in the formula.
    best = similarity.gather(1, targets[:, None])
    return (similarity >= best - TIE).count_nonzero(dim=1)


def recall_at_k(
    queries: Float[Tensor, "queries dim"],
    gallery: Float[Tensor, "gallery dim"],
    k: int | Sequence[int] = (1, 5),
    targets: Targets | None = None,
) -> dict[int, float]:
    """Share of queries with a right answer among the first k, for each k.

        R@k = mean_i [ rank_i ≤ k ]

    Args: as ``ranks``; ``k`` is one number or several, each from 1 to the gallery's size.

    Raises:
        ValueError: as ``ranks``, and for a k outside 1 … gallery.
    """
    return _recall(ranks(queries, gallery, targets), k, len(gallery))


def recall_from_similarity(
    similarity: Float[Tensor, "queries gallery"],
    k: int | Sequence[int] = (1, 5),
    targets: Targets | None = None,
) -> dict[int, float]:
    """``recall_at_k`` of a table that is there already.

    Arguments and errors as ``ranks_from_similarity``; ``k`` as in ``recall_at_k``.
    """
    return _recall(ranks_from_similarity(similarity, targets), k, similarity.shape[1])


def _recall(
    places: Int64[Tensor, " queries"], k: int | Sequence[int], gallery: int
) -> dict[int, float]:
    wanted = [k] if isinstance(k, int) else list(k)
    for one in wanted:
        check_k(one, gallery, "gallery's size")
    return {one: (places <= one).double().mean().item() for one in wanted}


def mean_reciprocal_rank(
    queries: Float[Tensor, "queries dim"],
    gallery: Float[Tensor, "gallery dim"],
    targets: Targets | None = None,
) -> float:
    """MRR = mean_i 1 / rank_i. Arguments and errors as ``ranks``."""
    return ranks(queries, gallery, targets).double().reciprocal().mean().item()


def choice_accuracy(
    queries: Float[Tensor, "queries dim"],
    right: Float[Tensor, "queries dim"],
    wrong: Float[Tensor, "queries dim"],
) -> float:
    """Share of queries nearer to their right answer than to their wrong one, by more than 1e-6.

    For minimal pairs: row i of ``right`` and ``wrong`` differ by one swapped attribute. Guessing
    scores 0.5; a model that cannot tell the two apart at all scores 0.

    Raises:
        ValueError: where the shapes differ or hold NaN.
    """
    if not queries.shape == right.shape == wrong.shape:
        shapes = [tuple(x.shape) for x in (queries, right, wrong)]
        raise ValueError(f"expected three batches of one shape, got {shapes}")
    check_same_space(queries, torch.cat([right, wrong]))
    near, far = F.cosine_similarity(queries, right), F.cosine_similarity(queries, wrong)
    return (near > far + TIE).double().mean().item()


def zero_shot(
    queries: Float[Tensor, "queries dim"],
    prompts: Sequence[Float[Tensor, "_prompts dim"]],
    pool: str = "best",
) -> Int64[Tensor, " queries"]:
    """The class whose prompts are most similar to each query.

    Args:
        queries: embeddings of what is to be classified.
        prompts: for each class, the embeddings of captions that name it.
        pool: 'best' lets a class's most similar prompt speak for it; 'mean' averages its
            prompts first, as CLIP does (Radford et al. 2021).

    Raises:
        ValueError: for another pool, no class, a class without prompts, or shapes that do not fit.
    """
    if pool not in ("best", "mean"):
        raise ValueError(f"unknown pool {pool!r}: choose 'best' or 'mean'")
    if not prompts:
        raise ValueError("no class to choose: give the prompts of one at least")
    scores = []
    for variants in prompts:
        check_same_space(queries, variants)
        variants = F.normalize(variants, dim=1)
        if pool == "mean":
            variants = F.normalize(variants.mean(dim=0, keepdim=True), dim=1)
        scores.append((F.normalize(queries, dim=1) @ variants.T).amax(dim=1))
    return torch.stack(scores, dim=1).argmax(dim=1)


def _checked_targets(
    targets: Targets | None, rows: int, columns: int, device: torch.device
) -> Targets:
    if targets is None:
        if rows != columns:
            raise ValueError(
                f"{rows} queries and {columns} gallery rows: say with targets which answer which"
            )
        return torch.arange(rows, device=device)
    targets = torch.as_tensor(targets, device=device)
    fits = targets.dtype == torch.bool and targets.shape == (rows, columns)
    numbers = not (targets.dtype == torch.bool or targets.is_floating_point())
    if not fits and not (numbers and targets.shape == (rows,)):
        raise ValueError(
            f"expected targets as a bool matrix of shape {(rows, columns)} or as {rows} row "
            f"numbers, got {targets.dtype} of shape {tuple(targets.shape)}"
        )
    if targets.ndim == 1:
        if not 0 <= int(targets.min()) <= int(targets.max()) < columns:
            raise ValueError(f"targets must lie in 0 … {columns - 1}, the gallery's rows")
        return targets.long()
    if not bool(targets.any(dim=1).all()):
        lost = int((~targets.any(dim=1)).nonzero()[0])
        raise ValueError(f"query {lost} has no right answer in the gallery")
    return targets
