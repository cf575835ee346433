"""Typical wrong answers to the exercises of chapter 06, and what each must be told."""

from __future__ import annotations

import torch
from torch.nn import functional

from xmodal_lab.workbook.exercises.record import Mutant


def _unit(x):
    return functional.normalize(x, dim=-1)


def _logits(a, b, temperature):
    return _unit(a) @ _unit(b).T / temperature


def _symmetric(logits, reduction="mean"):
    labels = torch.arange(len(logits))
    return (
        functional.cross_entropy(logits, labels, reduction=reduction)
        + functional.cross_entropy(logits.T, labels, reduction=reduction)
    ) / 2


def _labels_zero(a, b, temperature):
    logits = _logits(a, b, temperature)
    zeros = torch.zeros(len(a), dtype=torch.long)
    both = functional.cross_entropy(logits, zeros) + functional.cross_entropy(logits.T, zeros)
    return both / 2


def _naive_exp(a, b, temperature):
    powers = _logits(a, b, temperature).exp()
    right = powers.diag()
    return -((right / powers.sum(0)).log() + (right / powers.sum(1)).log()).mean() / 2


def _one_softmax(a, b, temperature):
    logits = _logits(a, b, temperature)
    return -logits.flatten().log_softmax(0).view_as(logits).diag().mean()


def _without_positive(a, b, temperature):
    logits = _logits(a, b, temperature)
    others = logits.masked_fill(torch.eye(len(a), dtype=torch.bool), float("-inf"))
    rows, columns = others.logsumexp(1), others.logsumexp(0)
    return ((rows + columns) / 2 - logits.diag()).mean()


def _in_place(a, b, temperature):
    a /= a.norm(dim=1, keepdim=True)
    b /= b.norm(dim=1, keepdim=True)
    return _symmetric(a @ b.T / temperature)


def _rows_only(a, b, temperature):
    return functional.cross_entropy(_logits(a, b, temperature), torch.arange(len(a)))


INFO_NCE = (
    Mutant(lambda a, b, temperature: _symmetric(a @ b.T / temperature), "normalise the rows?"),
    Mutant(_rows_only, "from b to a"),
    Mutant(lambda a, b, temperature: _rows_only(b, a, temperature), "from a to b"),
    Mutant(lambda a, b, temperature: _symmetric(_unit(a) @ _unit(b).T * temperature), "dividing?"),
    Mutant(lambda a, b, temperature: _symmetric(_unit(a) @ _unit(b).T), "leave out the temper"),
    Mutant(lambda a, b, temperature: _symmetric(_logits(a, b, temperature), "sum"), "sum over"),
    Mutant(lambda a, b, temperature: 2 * _symmetric(_logits(a, b, temperature)), "add the two"),
    Mutant(lambda a, b, temperature: -_symmetric(_logits(a, b, temperature)), "minus sign"),
    Mutant(_labels_zero, "labels 0"),
    Mutant(_one_softmax, "softmax over the whole matrix"),
    Mutant(_without_positive, "out of the denominator"),
    Mutant(_naive_exp, "exp() overflow"),
    Mutant(_in_place, "changes its input `a`"),
    Mutant(lambda a, b, temperature: _symmetric(_logits(a, b, temperature)).item(), "no gradient"),
    Mutant(
        lambda a, b, temperature: _symmetric(_logits(a, b.detach(), temperature)),
        "detach one of the two sides",
    ),
    Mutant(
        lambda a, b, temperature: _symmetric(_logits(a, b, temperature), "none"),
        "should be a single number, yours has shape",
    ),
    Mutant(lambda a, b: a, "expected the signature info_nce(a, b, temperature)"),
)

RECALL_AT_1 = (
    Mutant(
        lambda similarity, target: (similarity.argmax(1) == target).float().mean(),
        "ties count as hits",
    ),
    Mutant(
        lambda similarity, target: (
            (similarity.max(1).values == similarity.gather(1, target[:, None])[:, 0]).float().mean()
        ),
        "ties count as hits",
    ),
    Mutant(
        lambda similarity, target: 100 * ((similarity.T.argmax(0) == target).float().mean()),
        "percentage",
    ),
    Mutant(
        lambda similarity, target: (similarity.argmax(0) == target).float().mean(), "wrong axis"
    ),
    Mutant(
        lambda similarity, target: (
            (similarity.argmax(1) == torch.arange(len(similarity))).float().mean()
        ),
        "diagonal",
    ),
    Mutant(lambda similarity, target: (similarity.argmax(1) == target).sum(), "count?"),
    Mutant(lambda similarity, target: similarity.argmax(1) == target, "forget a mean"),
)


def _zero_shot(images, prompts):
    return (_unit(images) @ _unit(_unit(prompts).mean(1)).T).argmax(1)


ZERO_SHOT = (
    Mutant(lambda images, prompts: (images @ prompts.mean(1).T).argmax(1), "normalise the prompts"),
    Mutant(
        lambda images, prompts: (_unit(images) @ _unit(prompts).mean(1).T).argmax(1),
        "normalise again",
    ),
    Mutant(
        lambda images, prompts: (_unit(images) @ _unit(prompts.mean(1)).T).argmax(1),
        "before averaging",
    ),
    Mutant(
        lambda images, prompts: (
            torch.einsum("nd,cvd->ncv", _unit(images), _unit(prompts)).amax(2).argmax(1)
        ),
        "best single variant",
    ),
    Mutant(
        lambda images, prompts: (_unit(images) @ _unit(_unit(prompts).mean(1)).T).argmin(1),
        "least similar class",
    ),
    Mutant(
        lambda images, prompts: (_unit(images) @ _unit(_unit(prompts).mean(1)).T).argmax(0),
        "argmax over the classes",
    ),
    Mutant(
        lambda images, prompts: (_unit(images) @ _unit(_unit(prompts).mean(1)).T).amax(1),
        "whole numbers",
    ),
    Mutant(lambda images, prompts: _zero_shot(images, prompts).tolist(), "yours is a list"),
    Mutant(lambda images, prompts: _zero_shot(images, prompts[:, :1]), "first variant only"),
)

MODALITY_GAP = (
    Mutant(lambda a, b: (a.mean(0) - b.mean(0)).norm(), "normalise the rows?"),
    Mutant(lambda a, b: torch.cdist(_unit(a), _unit(b)).mean(), "mean distance over pairs"),
    Mutant(lambda a, b: (_unit(a) - _unit(b)).norm(dim=1).mean(), "mean distance over pairs"),
    Mutant(lambda a, b: (_unit(a).mean(0) - _unit(b).mean(0)).square().sum(), "squared"),
    Mutant(
        lambda a, b: (_unit(_unit(a).mean(0)) - _unit(_unit(b).mean(0))).norm(), "centroids too"
    ),
    Mutant(lambda a, b: (_unit(a).mean(0) - _unit(b).mean(0)).abs().sum(), "absolute"),
    Mutant(
        lambda a, b: 1 - functional.cosine_similarity(_unit(a).mean(0), _unit(b).mean(0), dim=0),
        "cosine",
    ),
    Mutant(lambda a, b: _unit(a).mean(0) - _unit(b).mean(0), "single number, yours has shape"),
)
