"""Who lies nearest? Exact search by angle, of a gallery or among the rows themselves."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.alignment.checks import check_cloud, check_k, check_same_space

# ``search`` compares so many queries with so many gallery rows at a time: a cell that stays in a
# processor's cache.
QUERIES, PART = 512, 1024
# Numbers of candidate rows held at a time: 2²¹ of them take 8 MiB.
CLOSE = 2**21


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
    check_same_space(queries, gallery)
    check_k(k, len(gallery), "gallery's size")
    queries, gallery = F.normalize(queries, dim=1), F.normalize(gallery, dim=1)
    group = _group_size(queries)
    # Groups pay off where few of them can hold an answer.
    if len(gallery) < 4 * k * group:
        best = [(block @ gallery.T).topk(k, dim=1) for block in queries.split(QUERIES)]
    else:
        best = [_best_of_groups(block, gallery, k, group) for block in queries.split(QUERIES)]
    return torch.cat([values for values, _ in best]), torch.cat([rows for _, rows in best])


@torch.no_grad()
def nearest_others(
    x: Float[Tensor, "rows dim"], k: int = 10
) -> tuple[Float[Tensor, "rows k"], Int64[Tensor, "rows k"]]:
    """The k most similar other rows of each row: cosine similarities and row numbers.

    As ``search`` among the rows themselves, a row never being its own neighbour, not even where
    others coincide with it.

    Raises:
        ValueError: for no rows, NaN, or a k outside 1 … rows - 1.
    """
    check_cloud(x)
    check_k(k, len(x) - 1, "other rows")
    values, rows = search(x, x, k + 1)
    own = rows == torch.arange(len(x), device=x.device)[:, None]
    # Among many duplicates a row need not be in its own list: then the last one is too many.
    own[:, -1] |= ~own.any(dim=1)
    return values[~own].view(-1, k), rows[~own].view(-1, k)


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
