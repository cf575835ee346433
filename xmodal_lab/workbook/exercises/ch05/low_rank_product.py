"""Exercise `low_rank_product`: multiply modalities without the tensor of all their products."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch.nn import functional

from xmodal_lab.workbook.exercises.ch05.precision import FAR, FLOAT64, in_float32
from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception


def low_rank_product(vectors, factors):
    """A list of (batch, d_m) and one of (rank, d_m + 1, out) → (batch, out)."""
    product = 1
    for x, factor in zip(vectors, factors, strict=True):
        product = product * (functional.pad(x, (0, 1), value=1) @ factor)  # (rank, batch, out)
    return product.sum(dim=0)


def oracle(vectors, factors):
    """By the full tensor: every product of one entry from each modality has its own weight."""
    batch, rank, out = len(vectors[0]), len(factors[0]), factors[0].shape[2]
    sizes = [x.shape[1] + 1 for x in vectors]
    fused = np.zeros((batch, out))
    for places in itertools.product(*map(range, sizes)):
        at = list(zip(vectors, factors, places, strict=True))
        for row, o in np.ndindex(batch, out):
            entry = math.prod(1 if p == x.shape[1] else x[row, p] for x, _, p in at)
            weight = sum(math.prod(f[r, p, o] for _, f, p in at) for r in range(rank))
            fused[row, o] += weight * entry
    return fused


def cases():
    random = torch.Generator().manual_seed(57)
    for sizes, batch, rank, out in (
        ((3, 3), 2, 2, 2),
        ((2, 4), 3, 4, 2),
        ((3, 1, 2), 2, 3, 4),
        ((4,), 3, 2, 2),
        ((2, 3), 1, 1, 3),
        ((2, 2, 1, 2), 5, 2, 1),
        ((9, 7), 3, 5, 2),
    ):
        vectors, factors = drawn(sizes, batch, rank, out, random)
        what = f"{len(sizes)} modalities of {', '.join(map(str, sizes))} numbers, rank {rank}"
        yield Case((vectors, factors), what.replace("1 modalities", "1 modality"))
    # More modalities, a higher rank and larger numbers than anybody would write by hand.
    for sizes, rank, size, advice in (((1, 2, 1, 1, 2), 2, 1, MANY), ((2, 3), 70, 100, HIGH)):
        vectors, factors = drawn(sizes, 2, rank, 2, random)
        what = f"{len(sizes)} modalities, rank {rank}, numbers of about {size}"
        yield Case(([size * x for x in vectors], factors), what, advice)
    vectors, factors = drawn((3, 2), 3, 2, 2, random)
    vectors, factors = ([x.double() for x in both] for both in (vectors, factors))
    yield Case((vectors, factors), "2 modalities, rank 2, in float64", FLOAT64)
    # Two terms of the sum are far from 0, one above and one below, and cancel out.
    factors[1][1] = factors[1][0]
    factors[0][:, -1] += torch.tensor([[FAR], [-FAR]])
    yield Case((vectors, factors), "terms of ±10⁹ that cancel out, in float64", FLOAT64)


def drawn(sizes: tuple[int, ...], batch: int, rank: int, out: int, random) -> tuple[list, list]:
    vectors = [torch.randn(batch, size, generator=random) for size in sizes]
    return vectors, [torch.randn(rank, size + 1, out, generator=random) for size in sizes]


def fused(one=lambda x: functional.pad(x, (0, 1), value=1), join=torch.prod, total=torch.sum):
    """An answer: what is put to each vector, how modalities meet, how the rank goes."""

    def answer(vectors, factors):
        terms = [one(x) @ f[:, : one(x).shape[1]] for x, f in zip(vectors, factors, strict=True)]
        return total(join(torch.stack(terms), 0), 0)

    return answer


def rank_first(vectors, factors):
    return low_rank_product(vectors, [factor.sum(0, keepdim=True) for factor in factors])


MANY = "Are all modalities in it? There may be any number of them."
HIGH = "Are all terms of the rank in it, and large results left as they are?"
ORDER = "Did you add up the rank before you multiplied? First the product of modalities, then Σ."
ONE = "Did you put a 1 to each vector? Without it nothing is left of one modality alone."
LAST = "Where does the 1 stand? Behind the numbers: the last row of a factor is its weight."

MISCONCEPTIONS = (
    Misconception(ORDER, rank_first),
    Misconception(
        "Are modalities added up? They are multiplied, and the rank is added up.",
        fused(join=torch.sum),
    ),
    Misconception("Is the rank multiplied, too? It is added up.", fused(total=torch.prod)),
    Misconception(
        "Are product and sum swapped? Multiply over modalities, add up over the rank.",
        fused(join=torch.sum, total=torch.prod),
    ),
    Misconception("Is that the mean over the rank? It is added up.", fused(total=torch.mean)),
    Misconception(ONE, fused(one=lambda x: x)),
    Misconception(LAST, fused(one=lambda x: functional.pad(x, (1, 0), value=1))),
    Misconception(
        "Did you multiply the first two modalities only? All of them.",
        lambda vectors, factors: low_rank_product(vectors[:2], factors[:2]),
    ),
    Misconception(
        "Did you leave modalities out? All of them are multiplied.",
        lambda vectors, factors: low_rank_product(vectors[:1], factors[:1]),
    ),
    Misconception(
        "Is that one term of the sum? Add up over the rank.",
        lambda vectors, factors: low_rank_product(vectors, [factor[:1] for factor in factors]),
    ),
    Misconception("Is the rank still there? Add it up.", fused(total=lambda terms, axis: terms)),
    Misconception(
        "Is there a ReLU or a tanh? The plain product is asked for.",
        lambda vectors, factors: low_rank_product(vectors, factors).tanh(),
    ),
    Misconception(
        "Is there a ReLU or a tanh? The plain product is asked for.",
        lambda vectors, factors: low_rank_product(vectors, factors).relu(),
    ),
    Misconception(
        "Did you add up the rows of the batch? The first axis of a factor is the rank.",
        lambda vectors, factors: (
            low_rank_product(vectors, factors).sum(0, keepdim=True).expand(len(vectors[0]), -1)
        ),
    ),
    in_float32(low_rank_product),
)

EXERCISE = Exercise(
    reference=low_rank_product,
    oracle=oracle,
    cases=cases,
    result=Entries(
        if_shape="One row for each row of the batch, as wide as the factors: (batch, out)."
    ),
    misconceptions=MISCONCEPTIONS,
    advice="Append 1, multiply by the factor (rank, d + 1, out), multiply over modalities, add up "
    "over the rank.",
    praise="equal to the full tensor on 11 sets of modalities, gradients included",
    gradient=("vectors", "factors"),
    at_size=AtSize(
        lambda: drawn((64, 64, 64), 256, 8, 64, torch.Generator().manual_seed(0)),
        "256 rows of 3 modalities, rank 8",
        calls=200,
    ),
)
