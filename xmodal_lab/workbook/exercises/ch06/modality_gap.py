"""Exercise `modality_gap`: how far apart the centres of two clouds lie."""

from __future__ import annotations

import torch
from torch.nn.functional import cosine_similarity, normalize

from xmodal_lab.alignment import diagnostics
from xmodal_lab.workbook.exercises.form import AtSize, Case, Exercise, Misconception, Number
from xmodal_lab.workbook.exercises.shared import not_normalised, unit


def oracle(a, b):
    """Axis by axis: the difference of two means, squared and added up."""
    return sum((x.mean() - y.mean()) ** 2 for x, y in zip(unit(a).T, unit(b).T, strict=True)) ** 0.5


def cases():
    random = torch.Generator().manual_seed(3)
    for n, m, dim in ((3, 3, 2), (6, 6, 4), (5, 9, 8)):
        a = torch.randn(n, dim, generator=random) * 2 + 1
        b = torch.randn(m, dim, generator=random) * 3 - 0.5
        yield Case((a, b), f"the gap between {n} and {m} embeddings")
    near = a + 0.01 * torch.randn(a.shape, generator=random)
    yield Case((a, near), "the gap between two clouds that almost coincide", ADDED)


ADDED = "Is a number added under the root? Clouds with one centre have the gap 0."


def of_rows(distance, how=normalize):
    """An answer: a distance of two sets of unit rows."""
    return lambda a, b: distance(how(a), how(b))


def of_centres(distance):
    return of_rows(lambda a, b: distance(a.mean(0), b.mean(0)))


PAIRS = "Is that the mean distance over pairs? Average first, then take one distance."
CENTROID = "Average over the rows (dim=0): the centroid is a vector of dim numbers."

MISCONCEPTIONS = (
    *not_normalised(lambda how: of_rows(lambda a, b: a.mean(0).dist(b.mean(0)), how)),
    Misconception(CENTROID, of_rows(lambda a, b: a.mean(1).dist(b.mean(1)))),
    Misconception(CENTROID, of_rows(lambda a, b: (a.mean() - b.mean()).abs())),
    Misconception(
        "Is that the squared distance? Take the root.",
        of_centres(lambda x, y: x.dist(y).square()),
    ),
    Misconception(PAIRS, of_rows(lambda a, b: torch.cdist(a, b).mean())),
    Misconception(PAIRS, of_rows(lambda a, b: (a - b).norm(dim=1).mean())),
    Misconception(
        "Did you normalise the centroids instead of the rows? Rows first.",
        lambda a, b: normalize(a.mean(0), dim=0).dist(normalize(b.mean(0), dim=0)),
    ),
    Misconception(
        "Did you normalise the centroids too? Only the rows are.",
        of_centres(lambda x, y: normalize(x, dim=0).dist(normalize(y, dim=0))),
    ),
    Misconception(
        "Is that a sum of absolute differences? Euclidean distance squares them.",
        of_centres(lambda x, y: x.dist(y, p=1)),
    ),
    Misconception(
        "Is that a cosine? A distance is asked for.",
        of_centres(lambda x, y: 1 - cosine_similarity(x, y, dim=0)),
    ),
    Misconception(
        "Is that a cosine? A distance is asked for.",
        of_centres(lambda x, y: cosine_similarity(x, y, dim=0)),
    ),
)

EXERCISE = Exercise(
    reference=diagnostics.modality_gap,
    oracle=oracle,
    cases=cases,
    result=Number("the gap", if_many="Did you forget the norm?"),
    misconceptions=MISCONCEPTIONS,
    advice="Normalise the rows, average over the rows (dim=0), subtract, take the norm.",
    praise="equal to an explicit loop on 4 pairs of sets",
    at_size=AtSize(
        lambda: (torch.randn(500, 128), torch.randn(500, 128)), "500 pairs of points", calls=2
    ),
)
