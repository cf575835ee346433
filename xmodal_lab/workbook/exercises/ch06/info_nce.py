"""Exercise `info_nce`: the symmetric contrastive loss, without loops."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.special import logsumexp
from torch.nn.functional import cross_entropy, normalize

from xmodal_lab.alignment import losses
from xmodal_lab.workbook.exercises.form import AtSize, Case, Exercise, Misconception, Number
from xmodal_lab.workbook.exercises.shared import not_normalised, unit


def oracle(a, b, temperature):
    """Quiz by quiz: row i must find column i, column i row i."""
    logits = unit(a) @ unit(b).T / temperature
    quizzes = [(quiz, i) for matrix in (logits, logits.T) for i, quiz in enumerate(matrix)]
    return np.mean([logsumexp(quiz) - quiz[i] for quiz, i in quizzes])


def cases():
    random = torch.Generator().manual_seed(0)
    for batch, dim, temperature in ((3, 2, 0.5), (4, 4, 0.2), (6, 3, 1.5), (5, 8, 0.07)):
        a, b = (torch.randn(batch, dim, generator=random) * 2 for _ in "ab")
        yield Case((a, b, temperature), f"the loss of {batch} pairs at temperature {temperature}")
    yield Case((a, b, 0.005), "the loss at temperature 0.005", CLAMPED)
    yield Case((a / 100, b / 100, 0.1), "the loss of short embeddings at temperature 0.1", SHORT)


CLAMPED = "Is something clamped? Logits reach 1/τ, however small the temperature τ is."
SHORT = "Is the norm clamped, or something added to it? A short row has a direction too."
OVERFLOW = "Did exp() overflow? cross_entropy and logsumexp take the logits themselves."


def labels(logits):
    return torch.arange(len(logits), device=logits.device)


def rows(logits):
    return cross_entropy(logits, labels(logits))


def both(logits):
    return (rows(logits) + rows(logits.T)) / 2


def answer(loss, logits=lambda s, temperature: s / temperature, how=normalize):
    """An answer: a loss of the logits, which are made of the cosines s."""
    return lambda a, b, temperature: loss(logits(how(a) @ how(b).T, temperature))


def longer_than_one(x):
    return x / x.norm(dim=1, keepdim=True).clamp(min=1)


def powers(logits):
    exp = logits.exp()
    return -((exp.diag() / exp.sum(0)).log() + (exp.diag() / exp.sum(1)).log()).mean() / 2


def without_the_pair(logits):
    others = logits.masked_fill(torch.eye(len(logits), dtype=torch.bool), -torch.inf)
    return ((others.logsumexp(1) + others.logsumexp(0)) / 2 - logits.diag()).mean()


def first_column(logits):
    return cross_entropy(logits, torch.zeros_like(labels(logits)))


ONE = "Did you normalise only one of `a` and `b`?"
COLUMNS = "That is one direction only: did you forget from b to a (the columns)?"
ROWS = "That is one direction only: did you forget from a to b (the rows)?"
ADDED = "Did you add the two directions instead of taking their mean?"
SUM = "Did you sum over the batch instead of taking the mean?"
MINUS = "Did you lose the minus sign? A loss is small when the pairs fit."
LABELS = "Are all labels 0? The right partner of row i is column i."
PAIR = "Did you leave the right pair out of the denominator?"
MATRIX = "Did you take one softmax over the whole matrix? Each row has its own."
TWICE = "Did you take the softmax yourself? cross_entropy does it."
NO_LOG = "Did you leave out the logarithm of the softmax?"
NATS = "The loss is in nats: did you take {} instead of the natural logarithm?"
TIMES = "Did you multiply by the temperature instead of dividing?"
EXP = "Did you multiply by exp(τ)? Divide by the temperature τ itself."

MISCONCEPTIONS = (
    *not_normalised(lambda how: answer(both, how=how)),
    Misconception(ONE, lambda a, b, t: both(normalize(a) @ b.T / t)),
    Misconception(ONE, lambda a, b, t: both(a @ normalize(b).T / t)),
    Misconception(SHORT, answer(both, how=longer_than_one)),
    Misconception(COLUMNS, answer(rows)),
    Misconception(ROWS, answer(lambda s: rows(s.T))),
    Misconception(ADDED, answer(lambda s: 2 * both(s))),
    Misconception(SUM, answer(lambda s: len(s) * both(s))),
    Misconception(SUM, answer(lambda s: 2 * len(s) * both(s))),
    Misconception(MINUS, answer(lambda s: -both(s))),
    Misconception(LABELS, answer(lambda s: (first_column(s) + first_column(s.T)) / 2)),
    Misconception(LABELS, answer(first_column)),
    Misconception(PAIR, answer(without_the_pair)),
    Misconception(MATRIX, answer(lambda s: s.flatten().logsumexp(0) - s.diag().mean())),
    Misconception(TWICE, answer(lambda s: (rows(s.softmax(1)) + rows(s.T.softmax(1))) / 2)),
    Misconception(TWICE, answer(lambda s: both(s.softmax(1)))),
    Misconception(TWICE, answer(lambda s: rows(s.softmax(1)))),
    Misconception(TWICE, answer(lambda s: both(s.log_softmax(1)))),
    Misconception(NO_LOG, answer(lambda s: -(s.softmax(1) + s.softmax(0)).diag().mean() / 2)),
    Misconception(NATS.format("log2"), answer(lambda s: both(s) / math.log(2))),
    Misconception(NATS.format("log10"), answer(lambda s: both(s) / math.log(10))),
    Misconception(OVERFLOW, answer(powers)),
    Misconception(TIMES, answer(both, lambda s, t: s * t)),
    Misconception(EXP, answer(both, lambda s, t: s * math.exp(t))),
    Misconception("Did you leave out the temperature?", answer(both, lambda s, t: s)),
    Misconception("Did you divide by the temperature twice?", answer(both, lambda s, t: s / t**2)),
)

EXERCISE = Exercise(
    reference=losses.info_nce,
    oracle=oracle,
    cases=cases,
    result=Number("the loss", if_not_finite=OVERFLOW),
    misconceptions=MISCONCEPTIONS,
    advice="Normalise the rows, divide all cosines by the temperature, and average the "
    "cross-entropies of the rows and of the columns.",
    praise="equal to an explicit loop on 6 batches, gradient included",
    gradient=("a", "b", "temperature"),
    at_size=AtSize(
        # 480 steps, three pairs of modalities in each.
        lambda: (torch.randn(128, 128), torch.randn(128, 128), torch.tensor(0.07)),
        "batches of 128 pairs",
        calls=3 * 480,
    ),
)
