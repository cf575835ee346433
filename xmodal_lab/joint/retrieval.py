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

from xmodal_lab.alignment.rows import check_finite

# Which gallery rows answer which query: a matrix of bool, or one row number a query.
Targets = Bool[Tensor, "queries gallery"] | Int[Tensor, " queries"]
# Similarities held at a time: 2²⁴ of them take 64 MiB.
BLOCK = 2**24
# Cosines that differ by less are equal: so much is rounding, which depends on the row's place in
# the matrix and on the order of a sum, and would let a collapsed model win ties by chance.
TIE = 1e-6
# ``search`` compares so many queries with so many gallery rows at a time: a cell that stays in a
# processor's cache.
QUERIES, PART = 512, 1024
# Numbers of candidate rows held at a time: 2²¹ of them take 8 MiB.
CLOSE = 2**21


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
    _check_embeddings(queries, gallery)
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
    if similarity.ndim != 2 or not similarity.numel():
        shape = tuple(similarity.shape)
        raise ValueError(f"expected a table (queries, gallery), not empty, got {shape}")
    check_finite(similarity)
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
    if any(not 1 <= one <= gallery for one in wanted):
        raise ValueError(f"k must lie in 1 … {gallery}, the gallery's size, got {wanted}")
    return {one: (places <= one).double().mean().item() for one in wanted}


def mean_reciprocal_rank(
    queries: Float[Tensor, "queries dim"],
    gallery: Float[Tensor, "gallery dim"],
    targets: Targets | None = None,
) -> float:
    """MRR = mean_i 1 / rank_i. Arguments and errors as ``ranks``."""
    return ranks(queries, gallery, targets).double().reciprocal().mean().item()


@torch.no_grad()
def search(
    queries: Float[Tensor, "queries dim"],
    gallery: Float[Tensor, "gallery dim"],
    k: int = 5,
) -> tuple[Float[Tensor, "queries k"], Int64[Tensor, "queries k"]]:
    """The k most similar gallery rows of each query: cosine similarities and row numbers.

    Exact: every cosine is computed. The most similar row comes first; equals stand in any order.
    The similarities carry no gradient.

    Raises:
        ValueError: for shapes that do not fit, NaN, or a k outside 1 … gallery.
    """
    _check_embeddings(queries, gallery)
    if not 1 <= k <= len(gallery):
        raise ValueError(f"k must lie in 1 … {len(gallery)}, the gallery's size, got {k}")
    queries, gallery = F.normalize(queries, dim=1), F.normalize(gallery, dim=1)
    group = _group_size(queries)
    # Groups pay off where few of them can hold an answer.
    if len(gallery) < 4 * k * group:
        best = [(block @ gallery.T).topk(k, dim=1) for block in queries.split(QUERIES)]
    else:
        best = [_best_of_groups(block, gallery, k, group) for block in queries.split(QUERIES)]
    return torch.cat([values for values, _ in best]), torch.cat([rows for _, rows in best])


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
    _check_embeddings(queries, torch.cat([right, wrong]))
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
        _check_embeddings(queries, variants)
        variants = F.normalize(variants, dim=1)
        if pool == "mean":
            variants = F.normalize(variants.mean(dim=0, keepdim=True), dim=1)
        scores.append((F.normalize(queries, dim=1) @ variants.T).amax(dim=1))
    return torch.stack(scores, dim=1).argmax(dim=1)


def _group_size(queries: Tensor) -> int:
    # Each group chosen is computed twice: the longer the vectors, the dearer.
    return 8 if queries.shape[1] <= 256 else 4


def _best_of_groups(
    queries: Float[Tensor, "queries dim"], gallery: Float[Tensor, "gallery dim"], k: int, group: int
) -> tuple[Float[Tensor, "queries k"], Int64[Tensor, "queries k"]]:
    """As ``topk`` of all similarities, without sorting through them or even storing them.

    Put the gallery into groups. The k largest similarities lie in the k groups with the largest
    peaks, for each of these groups has one as large as its peak. So only peaks are kept, and the
    similarities of the chosen groups are computed once more.
    """
    parts = gallery.split(PART)
    groups = PART // group
    cell = queries.new_full((len(queries), PART), -torch.inf)
    peaks = queries.new_empty(len(queries), len(parts) * groups)
    for part, peak in zip(parts, peaks.split(groups, dim=1), strict=True):
        if len(part) < PART:
            cell.fill_(-torch.inf)  # the last part leaves places empty
        torch.mm(queries, part.T, out=cell[:, : len(part)])
        # Columns g, g + groups, g + 2 groups, … form group g: a maximum over whole vectors.
        torch.amax(cell.unflatten(1, (group, groups)), dim=1, out=peak)
    chosen = peaks.topk(k, dim=1).indices[:, :, None]
    members = torch.arange(group, device=queries.device) * groups
    rows = (chosen // groups * PART + chosen % groups + members).flatten(1)
    best = [
        _best_of_rows(some, gallery, numbers, k)
        for some, numbers in zip(
            *(x.split(max(1, CLOSE // (k * group * gallery.shape[1]))) for x in (queries, rows)),
            strict=True,
        )
    ]
    return torch.cat([values for values, _ in best]), torch.cat([found for _, found in best])


def _best_of_rows(
    queries: Float[Tensor, "queries dim"],
    gallery: Float[Tensor, "gallery dim"],
    rows: Int64[Tensor, "queries candidates"],
    k: int,
) -> tuple[Float[Tensor, "queries k"], Int64[Tensor, "queries k"]]:
    """The k most similar of some gallery rows, other ones for each query.

    Numbers beyond the gallery stand for no row.
    """
    # index_select and a sum of products: three times as fast as indexing and a batched product.
    candidates = gallery.index_select(0, rows.clamp(max=len(gallery) - 1).flatten())
    similarity = (candidates.view(*rows.shape, -1) * queries[:, None]).sum(dim=2)
    best = similarity.masked_fill_(rows >= len(gallery), -torch.inf).topk(k, dim=1)
    return best.values, rows.gather(1, best.indices)


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


def _check_embeddings(queries: Tensor, gallery: Tensor) -> None:
    if queries.ndim != 2 or gallery.ndim != 2 or queries.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"expected embeddings (rows, dim) of one dim, got {tuple(queries.shape)} "
            f"and {tuple(gallery.shape)}"
        )
    if not len(queries) or not len(gallery):
        raise ValueError(f"nothing to compare: {len(queries)} queries, {len(gallery)} gallery rows")
    if not (_all_finite(queries) and _all_finite(gallery)):
        raise ValueError("embeddings hold NaN or infinity: find out where they come from first")


def _all_finite(values: Tensor) -> bool:
    # A sum is finite only if every summand is, and it is the quicker question. That it is not may
    # also mean that large numbers were added up: then each is looked at.
    return bool(values.sum().isfinite()) or bool(values.isfinite().all())
