"""Typical wrong answers to `info_nce` and `recall_at_1`, and what each must be told."""

from __future__ import annotations

import math

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


def _rows_only_of(logits):
    return functional.cross_entropy(logits, torch.arange(len(logits)))


def _rows_only(a, b, temperature):
    return _rows_only_of(_logits(a, b, temperature))


def _softmax_twice(a, b, temperature):
    logits, labels = _logits(a, b, temperature), torch.arange(len(a))
    rows = functional.cross_entropy(logits.softmax(1), labels)
    return (rows + functional.cross_entropy(logits.T.softmax(1), labels)) / 2


def _no_logarithm(a, b, temperature):
    logits = _logits(a, b, temperature)
    return -(logits.softmax(1).diag() + logits.softmax(0).diag()).mean() / 2


def _in_bits(a, b, temperature):
    logits = _logits(a, b, temperature)
    return -(logits.softmax(1).diag().log2() + logits.softmax(0).diag().log2()).mean() / 2


def _along_columns(a, b, temperature):
    return _symmetric(
        functional.normalize(a, dim=0) @ functional.normalize(b, dim=0).T / temperature
    )


INFO_NCE = (
    Mutant(lambda a, b, temperature: _symmetric(a @ b.T / temperature), "normalise the rows?"),
    Mutant(_along_columns, "normalise the columns? Each row is one embedding"),
    Mutant(
        lambda a, b, temperature: _symmetric((a / a.norm()) @ (b / b.norm()).T / temperature),
        "norm of the whole matrix",
    ),
    Mutant(_softmax_twice, "take the softmax yourself? cross_entropy does it."),
    Mutant(
        lambda a, b, temperature: _symmetric(_logits(a, b, temperature).softmax(1)),
        "take the softmax yourself?",
    ),
    Mutant(
        lambda a, b, temperature: _rows_only_of(_logits(a, b, temperature).softmax(1)),
        "take the softmax yourself?",
    ),
    Mutant(
        lambda a, b, temperature: _symmetric(_logits(a, b, temperature).log_softmax(1)),
        "take the softmax yourself?",
    ),
    Mutant(_no_logarithm, "leave out the logarithm"),
    Mutant(_in_bits, "in nats: did you take log2"),
    Mutant(
        lambda a, b, temperature: _symmetric(_logits(a, b, temperature)) / math.log(10),
        "in nats: did you take log10",
    ),
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


def _share(hits):
    return hits.float().mean()


def _right(similarity, target):
    return similarity[torch.arange(len(target)), target]


def _others(similarity, target, value=-torch.inf):
    others = similarity.clone()
    others[torch.arange(len(target)), target] = value
    return others


def _zero_in_place(similarity, target):
    return _share(_right(similarity, target) > _others(similarity, target, 0).amax(1))


def _columns_out(similarity, target):
    others = similarity.clone()
    others[:, target] = -torch.inf
    return _share(_right(similarity, target) > others.amax(1))


def _broadcast(similarity, target):
    right = similarity.gather(1, target[:, None])
    return _share(right > _others(similarity, target).amax(1))


ITSELF = "The right item competes with itself: take it out first."

RECALL_AT_1 = (
    Mutant(_zero_in_place, "put 0 in the place of the right entry? Cosines can be negative"),
    Mutant(_zero_in_place, "recall@1 of 12 queries whose similarities are all below 0 should be"),
    Mutant(
        lambda similarity, target: _share(_right(similarity, target) > similarity.amax(1)), ITSELF
    ),
    Mutant(
        lambda similarity, target: _share(_right(similarity, target) > similarity.max()), ITSELF
    ),
    Mutant(
        lambda similarity, target: _share(
            (_right(similarity, target)[:, None] > similarity).all(1)
        ),
        ITSELF,
    ),
    Mutant(
        lambda similarity, target: _share(_right(similarity, target) >= similarity.max()),
        "maximum of the whole matrix",
    ),
    Mutant(
        lambda similarity, target: _share(
            _right(similarity, target) > _others(similarity, target).max()
        ),
        "maximum of the whole matrix",
    ),
    Mutant(_columns_out, "take out whole columns"),
    Mutant(_broadcast, "each query with all"),
    Mutant(
        lambda similarity, target: _share(
            _right(similarity, target) <= _others(similarity, target).amax(1)
        ),
        "share of misses",
    ),
    Mutant(lambda similarity, target: similarity.std(), "strictly above every other entry"),
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
