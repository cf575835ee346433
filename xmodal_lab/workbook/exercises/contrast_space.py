"""Chapter 04, its maps and scores: reference solutions and how an answer is judged."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from xmodal_lab.workbook.exercises import contrast_space_oracles as oracles
from xmodal_lab.workbook.kit.attempt import Mistake
from xmodal_lab.workbook.kit.compare import Case, array, require_entries, require_numbers


def procrustes_map(x, y):
    """The orthogonal map (dim, dim) that brings x (rows, dim) nearest to y; Schönemann 1966."""
    left, _, right = torch.linalg.svd(x.T @ y)
    return left @ right


def uniformity(x):
    """How evenly normalised rows (n, dim) fill the sphere; Wang and Isola 2020, t = 2."""
    x = functional.normalize(x, dim=1)
    squared = torch.pdist(x).square()  # every pair once: the other order gives the same
    return (-2 * squared).exp().mean().log()


def csls(similarity, k):
    """2 s_ij less the mean of the k largest of row i and of column j; Conneau et al. 2018."""
    of_row = similarity.topk(k, dim=1).values.mean(dim=1, keepdim=True)
    of_column = similarity.topk(k, dim=0).values.mean(dim=0, keepdim=True)
    return 2 * similarity - of_row - of_column


def sinkhorn(scores, rounds):
    """exp(scores) (n, n) with rows and columns brought to sum 1; Sinkhorn 1964, Cuturi 2013."""
    for _ in range(rounds):
        scores = scores - scores.logsumexp(dim=1, keepdim=True)
        scores = scores - scores.logsumexp(dim=0, keepdim=True)
    return scores.exp()


def check_procrustes_map(attempt) -> None:
    random = torch.Generator().manual_seed(20)
    for rows, dim, mirrored in ((6, 2, False), (12, 4, True), (9, 3, False)):
        x = torch.randn(rows, dim, generator=random) + 0.7
        turn = torch.linalg.qr(torch.randn(dim, dim, generator=random)).Q
        if (torch.det(turn) < 0) != mirrored:
            turn[:, 0] = -turn[:, 0]
        y = (x @ turn + 0.1 * torch.randn(rows, dim, generator=random)) * 1.5 - 0.2
        got = array(attempt(x, y), (dim, dim), torch.Tensor, MAP_SHAPE)
        _require_map(got, x, y, mirrored)


MAP_SHAPE = "The map is a square matrix R of (dim, dim), used as x @ R."


def _require_map(got: np.ndarray, x, y, mirrored: bool) -> None:
    wanted = oracles.procrustes_map(x, y)
    hint = (
        "Take U and Vᵀ of the singular value decomposition of XᵀY, multiply them, leave σ out. "
        "torch.linalg.svd returns Vᵀ already."
    )
    if not np.allclose(got.T @ got, np.eye(len(got)), atol=1e-3):
        hint = "Your map is not orthogonal: RᵀR should be the identity. " + hint
    elif mirrored and np.linalg.det(got) > 0:
        hint = "Did you forbid reflections? Here the best map is one (its determinant is −1)."
    require_entries(got, wanted, oracles.procrustes_suspects(x, y), hint)


def check_uniformity(attempt) -> None:
    random = torch.Generator().manual_seed(21)
    cases = []
    for count, dim in ((3, 2), (6, 4), (9, 3)):
        x = torch.randn(count, dim, generator=random) * 2 + 0.6
        wanted, suspects = oracles.uniformity(x), oracles.uniformity_suspects(x)
        cases.append(Case((x,), wanted, suspects, f"the uniformity of {count} embeddings"))
    hint = "ln of the mean of exp(−2 d²) over all pairs of different rows."
    require_numbers(attempt, cases, "the uniformity", hint)


def check_csls(attempt) -> None:
    random = torch.Generator().manual_seed(22)
    for queries, gallery, k in ((6, 6, 2), (5, 8, 3), (7, 4, 3), (4, 4, 1)):
        similarity = torch.rand(queries, gallery, generator=random) * 2 - 1
        got = array(attempt(similarity, k), (queries, gallery), torch.Tensor, CSLS_SHAPE)
        wanted = oracles.csls(similarity, k)
        require_entries(got, wanted, oracles.csls_suspects(similarity, k), CSLS_HINT)


CSLS_SHAPE = "One corrected similarity for each cell: did you keep the axis (keepdim=True)?"
CSLS_HINT = "2 s − (mean of the k largest of the row) − (mean of the k largest of the column)."


def check_sinkhorn(attempt) -> None:
    random = torch.Generator().manual_seed(23)
    for size, rounds, width in ((3, 2, 2.0), (5, 4, 3.0), (4, 1, 1.0)):
        scores = torch.randn(size, size, generator=random) * width
        got = array(attempt(scores, rounds), (size, size), torch.Tensor)
        suspects = oracles.sinkhorn_suspects(scores, rounds)
        require_entries(got, oracles.sinkhorn(scores, rounds), suspects, SINKHORN_HINT)
    scores = torch.randn(4, 4, generator=random) * 200
    got = array(attempt(scores, 3), (4, 4), torch.Tensor)
    if not np.isfinite(got).all():
        raise Mistake(
            "right for small scores, but scores of some hundreds give NaN or infinity. Did exp() "
            "overflow? Subtract logsumexp along an axis, and take exp once, at the end."
        )
    require_entries(got, oracles.sinkhorn(scores, 3), (), SINKHORN_HINT)


SINKHORN_HINT = "Each round: subtract the rows' logsumexp, then the columns'. exp at the end."
