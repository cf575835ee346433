"""Exercise `additive_weights`: how much each modality counts, by a small network's scores."""

from __future__ import annotations

import math

import numpy as np
import torch

from xmodal_lab.workbook.exercises.ch05.late_mean import some
from xmodal_lab.workbook.exercises.ch05.precision import FAR, FLOAT64, in_float32
from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception


def additive_weights(states, present, W, b, v):
    """States (batch, modalities, dim), present (batch, modalities) → weights, shape of present."""
    scores = torch.tanh(states @ W.T + b) @ v
    return scores.masked_fill(~present, -torch.inf).softmax(dim=1)


def oracle(states, present, weight, b, v):
    """Row by row, modality by modality, unit by unit; what is absent is never looked at."""
    weights = np.zeros(present.shape)
    for row, there in enumerate(present):
        scores = {}
        for place in np.flatnonzero(there):
            units = [math.tanh(w @ states[row, place] + c) for w, c in zip(weight, b, strict=True)]
            scores[place] = sum(a * c for a, c in zip(v, units, strict=True))
        highest = max(scores.values())
        total = sum(math.exp(score - highest) for score in scores.values())
        for place, score in scores.items():
            weights[row, place] = math.exp(score - highest) / total
    return weights


def cases():
    random = torch.Generator().manual_seed(52)
    for batch, modalities, dim, units, fill, what in (
        (4, 3, 5, 5, 0, "4 rows, 3 modalities, as many units as numbers"),
        (3, 3, 4, 2, 5, "3 rows, 3 modalities"),
        (2, 4, 3, 7, 5, "2 rows, 4 modalities"),
        (1, 4, 3, 5, 5, "1 row, 4 modalities"),
        (5, 1, 2, 3, 0, "5 rows, 1 modality"),
        (17, 6, 8, 9, 5, "17 rows, 6 modalities"),
        (3, 4, 2, 5, torch.nan, "3 rows, NaN where one is absent"),
    ):
        present = some(modalities, batch, random).T
        states, *rest = drawn(batch, modalities, dim, units, random)
        states = torch.where(present[:, :, None], states, states + fill)
        yield Case((states, present, *rest), what, "" if np.isfinite(fill) else ANYTHING)
    # The highest score of each row is absent, and far above the others.
    states, W, b, v = drawn(4, 3, 5, 6, random)
    scores = torch.tanh(states @ W.T + b) @ (100 * v)
    present = torch.arange(3) != scores.argmax(1)[:, None]
    yield Case((states, present, W, b, 100 * v), "scores of some hundreds", LARGE)
    low = torch.cat([100 * v, torch.tensor([-3e4])])
    W, b = torch.cat([W, torch.zeros(1, 5)]), torch.cat([b, torch.full((1,), 9.0)])
    yield Case((states, present, W, b, low), "scores around −30,000", LOW)
    states, W, b, v = (x.double() for x in drawn(3, 4, 2, 3, random))
    present = some(4, 3, random).T
    yield Case((states, present, W, b, v), "3 rows, 4 modalities, in float64", FLOAT64)
    W, b = torch.cat([W, W.new_zeros(1, 2)]), torch.cat([b, b.new_full((1,), 99)])
    v = torch.cat([v, v.new_full((1,), FAR)])
    yield Case((states, present, W, b, v), "scores around 10⁹, in float64", FLOAT64)


def drawn(batch: int, modalities: int, dim: int, units: int, random: torch.Generator) -> tuple:
    """States, W, b, v."""
    shapes = ((batch, modalities, dim), (units, dim), (units,), (units,))
    return tuple(torch.randn(shape, generator=random) for shape in shapes)


def units(x, W, b, v):
    return torch.tanh(x @ W.T + b) @ v


def scored(score):
    """An answer with other scores, masked and softmaxed as they should be."""
    return lambda x, there, *rest: score(x, *rest).masked_fill(~there, -torch.inf).softmax(1)


def masked(weigh):
    """An answer with the right scores, and another way to weights: weigh(scores, present)."""
    return lambda x, there, *rest: weigh(units(x, *rest), there)


def by_hand(scores, there):
    terms = scores.exp() * there
    return terms / terms.sum(1, keepdim=True)


def renormalised(scores, there):
    weights = scores.softmax(1).masked_fill(~there, 0)
    return weights / weights.sum(1, keepdim=True)


ANYTHING = "Did NaN get through? NaN · 0 is NaN: masked_fill or where takes it out."
LARGE = (
    "Is there a number too large or too small for exp? Set absent scores to -torch.inf, and leave "
    "the rest to torch.softmax."
)
LOW = "Is an absent score set to a number that is not low enough? −∞ always is: -torch.inf."
AFTER = "Did you mask after the softmax? Then absent modalities have taken their share already."
TANH = "Where does the tanh stand? v · tanh(W s + b): before v, after W and b."

MISCONCEPTIONS = (
    Misconception("Did you use `present`?", masked(lambda s, there: s.softmax(1))),
    Misconception(
        "Is the softmax over the batch? The weights of one row add up to 1: dim=1.",
        masked(lambda s, there: s.masked_fill(~there, -torch.inf).softmax(0).nan_to_num()),
    ),
    Misconception(
        "Is the softmax over everything? The weights of one row add up to 1: dim=1.",
        masked(
            lambda s, there: s.masked_fill(~there, -torch.inf).flatten().softmax(0).view(s.shape)
        ),
    ),
    Misconception(
        "Did you use `present` the wrong way round? True is there.",
        masked(lambda s, there: s.masked_fill(there, -torch.inf).softmax(1).nan_to_num()),
    ),
    Misconception(AFTER, masked(lambda s, there: s.softmax(1).masked_fill(~there, 0))),
    Misconception(AFTER, masked(lambda s, there: s.softmax(1) * there)),
    Misconception(LARGE, masked(renormalised)),
    Misconception(LARGE, masked(by_hand)),
    Misconception(
        "Is the mask added as 1 and 0? exp(1) is no more than 2.7 times exp(0): use −∞.",
        masked(lambda s, there: (s + there).softmax(1)),
    ),
    Misconception(
        "Is an absent score 0? exp(0) is 1, so it still counts: use −∞.",
        masked(lambda s, there: (s * there).softmax(1)),
    ),
    *(
        Misconception(LOW, masked(lambda s, there, low=low: s.masked_fill(~there, low).softmax(1)))
        for low in (-10.0, -100.0, -1e3, -1e4)
    ),
    Misconception("Are those the scores? Their softmax is asked for.", masked(lambda s, there: s)),
    Misconception(
        "Is that a gate for each modality? Weights of one row add up to 1: softmax.",
        masked(lambda s, there: s.sigmoid() * there),
    ),
    Misconception("Did you forget the tanh?", scored(lambda x, W, b, v: (x @ W.T + b) @ v)),
    Misconception(TANH, scored(lambda x, W, b, v: torch.tanh((x @ W.T + b) @ v))),
    Misconception(TANH, scored(lambda x, W, b, v: (torch.tanh(x) @ W.T + b) @ v)),
    Misconception(
        "Is that a ReLU or a sigmoid? tanh is asked for.",
        scored(lambda x, W, b, v: (x @ W.T + b).relu() @ v),
    ),
    Misconception(
        "Is that a ReLU or a sigmoid? tanh is asked for.",
        scored(lambda x, W, b, v: (x @ W.T + b).sigmoid() @ v),
    ),
    Misconception(
        "Did you forget b, or add it behind the tanh? There it falls out of the softmax again.",
        scored(lambda x, W, b, v: torch.tanh(x @ W.T) @ v),
    ),
    Misconception(
        "Is W turned round? W is (units, dim): W s is states @ W.T.",
        scored(lambda x, W, b, v: torch.tanh(x @ W + b) @ v),
    ),
    Misconception(
        "Did you use v? It adds up the units.", scored(lambda x, W, b, v: units(x, W, b, v * 0 + 1))
    ),
    Misconception(
        "Did you divide the scores by a root? That belongs to dot products.",
        scored(lambda x, W, b, v: units(x, W, b, v) / len(v) ** 0.5),
    ),
    Misconception(
        "Did you divide the scores by a root? That belongs to dot products.",
        scored(lambda x, W, b, v: units(x, W, b, v) / x.shape[-1] ** 0.5),
    ),
    Misconception(
        "Does the first row say who is present everywhere? Each row has its own.",
        lambda x, there, *rest: additive_weights(x, there[:1].expand_as(there), *rest),
    ),
    in_float32(additive_weights),
)

EXERCISE = Exercise(
    reference=additive_weights,
    oracle=oracle,
    cases=cases,
    result=Entries(if_shape="One weight for each row and modality: (batch, modalities)."),
    misconceptions=MISCONCEPTIONS,
    advice="Scores v · tanh(W s + b), −∞ where one is absent, then softmax over the modalities.",
    praise="equal to an explicit loop on 11 batches, gradients included",
    gradient=("states", "W", "b", "v"),
    at_size=AtSize(
        lambda: (
            torch.randn(256, 3, 64),
            torch.ones(256, 3, dtype=torch.bool),
            torch.randn(32, 64),
            torch.randn(32),
            torch.randn(32),
        ),
        "256 rows, 3 modalities",
        calls=200,
    ),
)
