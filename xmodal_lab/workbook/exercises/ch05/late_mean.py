"""Exercise `late_mean`: the mean of those modalities that are there."""

from __future__ import annotations

import numpy as np
import torch

from xmodal_lab.workbook.exercises.ch05.precision import FAR, FLOAT64, in_float32
from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception


def late_mean(vectors, present):
    """Vectors (modalities, batch, dim), present (modalities, batch) → their mean (batch, dim)."""
    kept = vectors.masked_fill(~present[:, :, None], 0)
    return kept.sum(dim=0) / present.sum(dim=0)[:, None]


def oracle(vectors, present):
    """Row by row, number by number; what is missing is never looked at."""
    modalities, batch, dim = vectors.shape
    means = np.zeros((batch, dim))
    for row, place in np.ndindex(batch, dim):
        there = [vectors[m, row, place] for m in range(modalities) if present[m, row]]
        means[row, place] = sum(there) / len(there)
    return means


def cases():
    random = torch.Generator().manual_seed(51)
    for shape, fill, what in (
        ((4, 3, 3), 0, "4 modalities, 3 rows of 3 numbers, 0 where one is missing"),
        ((4, 5, 3), 50, "4 modalities, 5 rows, large numbers where one is missing"),
        ((2, 4, 5), 9, "2 modalities, 4 rows"),
        ((3, 3, 2), 9, "3 modalities, 3 rows"),
        ((5, 1, 4), -9, "5 modalities, 1 row"),
        ((1, 4, 3), 0, "1 modality, always there"),
        ((6, 17, 8), 9, "6 modalities, 17 rows"),
        ((3, 6, 2), torch.inf, "3 modalities, infinity where one is missing"),
        ((3, 5, 4), torch.nan, "3 modalities, NaN where one is missing"),
    ):
        present = some(*shape[:2], random)
        vectors = torch.randn(shape, generator=random)
        filler = fill * (1 + torch.rand(shape, generator=random))
        vectors = torch.where(present[:, :, None], vectors, filler)
        yield Case((vectors, present), what, "" if np.isfinite(fill) else ANYTHING)
    present = torch.ones(2, 3, dtype=torch.bool)
    near = torch.randn(2, 3, 4, generator=random, dtype=torch.float64)
    yield Case((near, present), "2 modalities, both always there, in float64", FLOAT64)
    around = near + torch.tensor([FAR, -FAR])[:, None, None]
    yield Case((around, present), "one modality around 10⁹, one around −10⁹", FLOAT64)


def some(modalities: int, batch: int, random: torch.Generator) -> torch.Tensor:
    """(modalities, batch): in each row at least one is present, in the first not all of them."""
    present = torch.rand(modalities, batch, generator=random) < 0.5
    present[torch.randint(modalities, (batch,), generator=random), torch.arange(batch)] = True
    if modalities > 1 and present[:, 0].all():
        present[0, 0] = False
    return present


def kept(vectors, present, fill=0.0):
    return vectors.masked_fill(~present[:, :, None], fill)


def first_there(vectors, present):
    return vectors[present.int().argmax(0), torch.arange(vectors.shape[1])]


ANYTHING = "Did you multiply by 0? NaN · 0 and ∞ · 0 are NaN: masked_fill or where puts a 0 there."
DIVIDE = "Did you divide by all modalities? Only by how many are present in this row."
MISSING = "Did you add up what is missing too? Set it to 0 first."

MISCONCEPTIONS = (
    Misconception(DIVIDE, lambda x, there: kept(x, there).mean(0)),
    Misconception("Did you use `present`?", lambda x, there: x.mean(0)),
    Misconception(MISSING, lambda x, there: x.sum(0) / there.sum(0)[:, None]),
    Misconception(ANYTHING, lambda x, there: (x * there[..., None]).sum(0) / there.sum(0)[:, None]),
    Misconception(
        "Is that a sum? Divide by how many are present.", lambda x, there: kept(x, there).sum(0)
    ),
    Misconception(
        "Did you divide by how many are present in all rows? Each row has its own number.",
        lambda x, there: kept(x, there).sum(0) / there.sum(),
    ),
    Misconception(
        "Does each row have its own number? present.sum(dim=0)[:, None] meets (batch, dim).",
        lambda x, there: kept(x, there).sum(0) / there.sum(0),
    ),
    Misconception(
        "Did you keep what is missing and drop the rest? `present` is True where one is there.",
        lambda x, there: kept(x, ~there).sum(0) / there.sum(0)[:, None],
    ),
    Misconception(
        "Did you add 1 to how many are present?",
        lambda x, there: kept(x, there).sum(0) / (there.sum(0)[:, None] + 1),
    ),
    Misconception("Is that the first that is there? The mean of all of them.", first_there),
    Misconception(
        "Is that the largest? The mean is asked for.",
        lambda x, there: kept(x, there, -torch.inf).amax(0),
    ),
    Misconception(
        "Is that over the rows of the batch? The modalities are the first axis, dim=0.",
        lambda x, there: kept(x, there).sum(1) / there.sum(1)[:, None],
    ),
    Misconception(
        "Does the first row say who is present everywhere? Each row has its own.",
        lambda x, there: x[there[:, 0]].mean(0),
    ),
    in_float32(late_mean),
)

EXERCISE = Exercise(
    reference=late_mean,
    oracle=oracle,
    cases=cases,
    result=Entries(if_shape="One vector for each row of the batch: the modalities are averaged."),
    misconceptions=MISCONCEPTIONS,
    advice="0 where one is missing, the sum over the modalities, divided by how many are present.",
    praise="equal to an explicit loop on 11 batches",
    gradient=("vectors",),
    at_size=AtSize(
        lambda: (torch.randn(3, 256, 64), torch.ones(3, 256, dtype=torch.bool)),
        "3 modalities, 256 rows",
        calls=200,
    ),
)
