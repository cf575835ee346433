"""Typical wrong answers to the maps and scores of chapter 04, and what each must be told."""

from __future__ import annotations

import torch
from torch.nn import functional

from xmodal_lab.workbook.exercises.record import Mutant


def _rotation(x, y):
    left, _, right = torch.linalg.svd(x.T @ y)
    return left @ right


def _v_not_transposed(x, y):
    left, _, right = torch.linalg.svd(x.T @ y)
    return left @ right.T


def _without_reflection(x, y):
    left, _, right = torch.linalg.svd(x.T @ y)
    flip = torch.ones(len(left))
    flip[-1] = torch.det(left @ right).sign()
    return left * flip @ right


def _with_values(x, y):
    left, values, right = torch.linalg.svd(x.T @ y)
    return left * values.sqrt() @ right


PROCRUSTES_MAP = (
    Mutant(lambda x, y: _rotation(x, y).T, "turns y onto x"),
    Mutant(lambda x, y: _rotation(y, x), "turns y onto x"),
    Mutant(lambda x, y: torch.linalg.lstsq(x, y).solution, "Is that least squares?"),
    Mutant(lambda x, y: x.T @ y, "Is that XᵀY itself?"),
    Mutant(lambda x, y: x.T @ y / (x.T @ y).norm(), "XᵀY, scaled?"),
    Mutant(lambda x, y: _rotation(x - x.mean(0), y - y.mean(0)), "subtract the means"),
    Mutant(_v_not_transposed, "returns Vᵀ already"),
    Mutant(_without_reflection, "forbid reflections"),
    Mutant(_with_values, "not orthogonal: RᵀR should be the identity"),
    Mutant(lambda x, y: x @ _rotation(x, y), "the shape should be [2, 2], yours is [6, 2]"),
    Mutant(lambda x, y: _rotation(x, y).numpy(), "the result should be a tensor"),
)


def _squared(x):
    return torch.pdist(functional.normalize(x, dim=1)).square()


def _uniformity(squared):
    return (-2 * squared).exp().mean().log()


def _with_itself(x):
    x = functional.normalize(x, dim=1)
    return _uniformity(torch.cdist(x, x).square())


UNIFORMITY = (
    Mutant(lambda x: _uniformity(torch.pdist(x).square()), "normalise the rows?"),
    Mutant(
        lambda x: _uniformity(torch.pdist(functional.normalize(x, dim=0)).square()),
        "normalise the columns?",
    ),
    Mutant(lambda x: _uniformity(torch.pdist(x / x.norm()).square()), "the whole matrix"),
    Mutant(_with_itself, "Only pairs i ≠ j count"),
    Mutant(lambda x: _uniformity(_squared(x).sqrt()), "forget to square the distance"),
    Mutant(lambda x: _uniformity(_squared(x) / 2), "forget the factor 2"),
    Mutant(lambda x: (-2 * _squared(x)).mean(), "mean of the logarithms"),
    Mutant(lambda x: (-2 * _squared(x)).exp().mean(), "forget the logarithm"),
    Mutant(lambda x: _uniformity(-_squared(x)), "lose the minus sign"),
    Mutant(lambda x: -_uniformity(_squared(x)), "lose the minus sign"),
    Mutant(lambda x: (-2 * _squared(x)).exp().sum().log(), "Is that a sum?"),
    Mutant(lambda x: (-2 * _squared(x)).exp().mean().log2(), "Is that in bits?"),
    Mutant(lambda x: (-2 * _squared(x)).exp().log(), "should be a single number"),
)


def _crowd(similarity, k, dim):
    return similarity.topk(k, dim=dim).values.mean(dim=dim, keepdim=True)


def _csls(similarity, k, twice=2, row=1, column=1):
    crowds = row * _crowd(similarity, k, 1) + column * _crowd(similarity, k, 0)
    return twice * similarity - crowds


def _crossed(similarity, k):
    return 2 * similarity - _crowd(similarity, k, 1).reshape(1, -1) - _crowd(similarity, k, 0).T


def _mean_of_all(similarity, k):
    return 2 * similarity - similarity.mean(1, keepdim=True) - similarity.mean(0, keepdim=True)


def _smallest(similarity, k):
    of_row = similarity.topk(k, dim=1, largest=False).values.mean(1, keepdim=True)
    return 2 * similarity - of_row - similarity.topk(k, 0, False).values.mean(0, keepdim=True)


def _sum_of_k(similarity, k):
    return _csls(similarity, k, row=k, column=k)


def _in_place(similarity, k):
    similarity *= 2
    return similarity


CSLS = (
    Mutant(lambda similarity, k: _csls(similarity, k, twice=1), "forget the 2"),
    Mutant(lambda similarity, k: _csls(similarity, k, column=0), "Hubs are columns"),
    Mutant(lambda similarity, k: _csls(similarity, k, row=0), "Where is the rows' crowd?"),
    Mutant(_mean_of_all, "Only the k largest count"),
    Mutant(lambda similarity, k: _csls(similarity, 1), "the maximum instead of the mean"),
    Mutant(_smallest, "k smallest"),
    Mutant(_sum_of_k, "Is that the sum of the k largest?"),
    Mutant(lambda similarity, k: _csls(similarity, k, row=-1, column=-1), "add the crowds"),
    Mutant(lambda similarity, k: similarity.clone(), "Nothing changed"),
    Mutant(lambda similarity, k: 2 * similarity, "Where are the two crowds?"),
    Mutant(_crossed, "mix up rows and columns"),
    Mutant(
        lambda similarity, k: similarity.topk(k).values,
        "the shape should be [6, 6], yours is [6, 2]. One corrected similarity for each cell",
    ),
    Mutant(_in_place, "changes its input `similarity`"),
)


def _rounds(scores, rounds, order=(1, 0)):
    for _ in range(rounds):
        for dim in order:
            scores = scores - scores.logsumexp(dim=dim, keepdim=True)
    return scores


def _naive_sinkhorn(scores, rounds):
    plan = scores.exp()
    for _ in range(rounds):
        plan = plan / plan.sum(1, keepdim=True)
        plan = plan / plan.sum(0, keepdim=True)
    return plan


def _without_exp(scores, rounds):
    for _ in range(rounds):
        scores = scores / scores.sum(1, keepdim=True)
        scores = scores / scores.sum(0, keepdim=True)
    return scores


def _ends_with_rows(scores, rounds):
    scores = _rounds(scores, rounds - 1)
    return (scores - scores.logsumexp(dim=1, keepdim=True)).exp()


SINKHORN = (
    Mutant(_rounds, "forget exp at the end"),
    Mutant(lambda scores, rounds: _rounds(scores, 1).exp(), "Is that one round?"),
    Mutant(lambda scores, rounds: scores.softmax(1), "softmax of the rows alone"),
    Mutant(lambda scores, rounds: scores.softmax(0), "softmax of the columns alone"),
    Mutant(lambda scores, rounds: _rounds(scores, rounds, (0, 1)).exp(), "begin with the columns"),
    Mutant(lambda scores, rounds: _rounds(scores, rounds + 1).exp(), "one round too many"),
    Mutant(lambda scores, rounds: _rounds(scores, rounds - 1).exp(), "Is that one round?"),
    Mutant(_ends_with_rows, "stop before the last columns"),
    Mutant(_without_exp, "divide the scores themselves"),
    Mutant(_naive_sinkhorn, "Did exp() overflow?"),
    Mutant(lambda scores, rounds: _rounds(scores, rounds).exp().T, "Is that transposed?"),
    Mutant(
        lambda scores, rounds: _rounds(scores, rounds).exp().sum(0), "the shape should be [3, 3]"
    ),
)
