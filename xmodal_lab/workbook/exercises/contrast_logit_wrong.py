"""Typical wrong answers to `sigmoid_loss` and `info_nce_with_foils`, and what each must be told."""

from __future__ import annotations

import torch
from torch.nn import functional

from xmodal_lab.workbook.exercises.record import Mutant


def _unit(x):
    return functional.normalize(x, dim=1)


def _cosines(a, b):
    return _unit(a) @ _unit(b).T


def _signs(logits):
    return 2 * torch.eye(len(logits)) - 1


def _judged(logits, labels=None):
    labels = _signs(logits) if labels is None else labels
    return -functional.logsigmoid(labels * logits).sum() / len(logits)


def _sigmoid(logits_of):
    """A solution whose logits are ``logits_of(cosines, temperature, bias)``."""
    return lambda a, b, temperature, bias: _judged(logits_of(_cosines(a, b), temperature, bias))


def _labelled(labels_of):
    """A solution whose labels are ``labels_of(logits)``."""

    def sigmoid_loss(a, b, temperature, bias):
        logits = _cosines(a, b) / temperature + bias
        return _judged(logits, labels_of(logits))

    return sigmoid_loss


_right_sigmoid = _labelled(_signs)


def _mean_of_cells(a, b, temperature, bias):
    logits = _cosines(a, b) / temperature + bias
    return functional.binary_cross_entropy_with_logits(logits, torch.eye(len(a)))


def _naive_sigmoid(a, b, temperature, bias):
    logits = _cosines(a, b) / temperature + bias
    return -(_signs(logits) * logits).sigmoid().log().sum() / len(a)


SIGMOID_LOSS = (
    Mutant(
        lambda a, b, temperature, bias: _judged(a @ b.T / temperature + bias), "normalise the rows?"
    ),
    Mutant(_labelled(lambda logits: torch.eye(len(logits))), "a 0 silences the cell"),
    Mutant(_labelled(lambda logits: -torch.ones_like(logits)), "Are all labels −1?"),
    Mutant(_labelled(lambda logits: torch.ones_like(logits)), "Are all labels 1?"),
    Mutant(_labelled(lambda logits: -_signs(logits)), "labels the wrong way round"),
    Mutant(_mean_of_cells, "Is that a mean over all B² cells?"),
    Mutant(
        lambda a, b, temperature, bias: len(a) * _right_sigmoid(a, b, temperature, bias),
        "forget to divide the sum by B",
    ),
    Mutant(
        lambda a, b, temperature, bias: functional.softplus(
            -_cosines(a, b).diagonal() / temperature - bias
        ).mean(),
        "Where are the wrong pairs?",
    ),
    Mutant(_sigmoid(lambda c, t, bias: c / t), "leave out the bias"),
    Mutant(_sigmoid(lambda c, t, bias: c / t - bias), "subtract the bias"),
    Mutant(_sigmoid(lambda c, t, bias: (c + bias) / t), "divide the bias"),
    Mutant(_sigmoid(lambda c, t, bias: c * t + bias), "multiply by the temperature"),
    Mutant(_sigmoid(lambda c, t, bias: c + bias), "leave out the temperature"),
    Mutant(lambda a, b, temperature, bias: -_right_sigmoid(a, b, temperature, bias), "minus sign"),
    Mutant(_naive_sigmoid, "log(0) appear"),
    Mutant(
        lambda a, b, temperature, bias: _right_sigmoid(a, b.detach(), temperature, bias),
        "the gradient of `b` is not",
    ),
    Mutant(
        lambda a, b, temperature, bias: _right_sigmoid(a, b, temperature, bias).item(),
        "no gradient flows",
    ),
)


def _rows(logits):
    return functional.cross_entropy(logits, torch.arange(len(logits)))


def _own(a, foils):
    return (a * foils).sum(dim=1, keepdim=True)


def _foiled(a, b, extra, temperature, columns=None):
    """A solution whose rows' quiz has further logits, and perhaps the columns' quiz too."""
    logits = _cosines(a, b) / temperature
    turned = logits.T if columns is None else torch.cat([logits.T, columns], dim=1)
    return (_rows(torch.cat([logits, extra], dim=1)) + _rows(turned)) / 2


def _right_foils(a, b, foils, temperature):
    return _foiled(a, b, _own(_unit(a), _unit(foils)) / temperature, temperature)


def _without(a, b, foils, temperature):
    logits = _cosines(a, b) / temperature
    return (_rows(logits) + _rows(logits.T)) / 2


def _foils_both_ways(a, b, foils, temperature):
    own = _own(_unit(a), _unit(foils)) / temperature
    return _foiled(a, b, own, temperature, columns=own)


def _not_normalised(a, b, foils, temperature):
    logits = a @ b.T / temperature
    own = _own(a, foils) / temperature
    return (_rows(torch.cat([logits, own], dim=1)) + _rows(logits.T)) / 2


def _foils_alone(a, b, foils, temperature):
    logits = _cosines(a, b) / temperature
    quiz = torch.cat([logits.diagonal()[:, None], _own(_unit(a), _unit(foils)) / temperature], 1)
    return (quiz.logsumexp(1) - quiz[:, 0]).mean() / 2 + _rows(logits.T) / 2


def _one_way(a, b, foils, temperature):
    own = _own(_unit(a), _unit(foils)) / temperature
    return _rows(torch.cat([_cosines(a, b) / temperature, own], dim=1))


def _naive_foils(a, b, foils, temperature):
    powers = (_cosines(a, b) / temperature).exp()
    own = (_own(_unit(a), _unit(foils))[:, 0] / temperature).exp()
    right = powers.diagonal()
    rows = (right / (powers.sum(1) + own)).log().mean()
    return -(rows + (right / powers.sum(0)).log().mean()) / 2


INFO_NCE_WITH_FOILS = (
    Mutant(_without, "leave the foils out"),
    Mutant(_not_normalised, "normalise the rows?"),
    Mutant(
        lambda a, b, foils, temperature: _foiled(
            a, b, _cosines(a, foils) / temperature, temperature
        ),
        "Row i gets foil i alone",
    ),
    Mutant(
        lambda a, b, foils, temperature: _foiled(
            a, b, _own(_unit(a), foils) / temperature, temperature
        ),
        "forget to normalise the foils",
    ),
    Mutant(
        lambda a, b, foils, temperature: _foiled(a, b, _own(_unit(a), _unit(foils)), temperature),
        "divide the foils' cosines",
    ),
    Mutant(
        lambda a, b, foils, temperature: _foiled(
            a, b, _own(_unit(b), _unit(foils)) / temperature, temperature
        ),
        "compare the foils with b",
    ),
    Mutant(_foils_both_ways, "wrong answers for the rows of a"),
    Mutant(_one_way, "one direction only"),
    Mutant(
        lambda a, b, foils, temperature: 2 * _right_foils(a, b, foils, temperature),
        "add the two directions",
    ),
    Mutant(_foils_alone, "they do not replace it"),
    Mutant(_naive_foils, "Did exp() overflow"),
    Mutant(
        lambda a, b, foils, temperature: _right_foils(a, b, foils.detach(), temperature),
        "the gradient of `foils` is not",
    ),
    Mutant(
        lambda a, b, foils, temperature: _right_foils(a, b, foils, temperature).item(),
        "no gradient flows",
    ),
)
