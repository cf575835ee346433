"""Exercise `recall_at_1`: how often the right answer comes first, ties counted as misses."""

from __future__ import annotations

import torch

from xmodal_lab.workbook.exercises.form import AtSize, Case, Exercise, Misconception, Number


def recall_at_1(similarity, target):
    """Share of queries whose target (queries,) strictly beats the rest of (queries, gallery)."""
    right = similarity.gather(1, target[:, None])
    # The target itself is one of those that are not below it.
    as_good = (similarity >= right).sum(dim=1)
    return (as_good == 1).float().mean()


def oracle(similarity, target):
    """Query by query, rival by rival."""
    hits = 0
    for row, right in zip(similarity, target, strict=True):
        hits += all(row[right] > other for i, other in enumerate(row) if i != right)
    return hits / len(target)


def cases():
    random = torch.Generator().manual_seed(1)
    for queries, gallery in ((24, 24), (8, 8), (8, 5), (7, 12)):
        similarity = torch.rand(queries, gallery, generator=random)
        target = torch.randint(gallery, (queries,), generator=random)
        # About half of the queries are answered rightly: neither 0 nor 1 says much.
        similarity[torch.arange(queries), target] += 0.4
        yield _case(similarity, target, f"{queries} queries against {gallery} items")
    aligned = torch.eye(4) + torch.rand(4, 4, generator=random) / 2
    yield _case(aligned, torch.arange(4), "a model that is always right")
    yield _case(torch.ones(5, 5), torch.arange(5), "a collapsed model (all equal)")
    tied = torch.tensor([[0.9, 0.9, 0.1], [0.2, 0.7, 0.7], [0.1, 0.2, 0.8]])
    yield _case(tied, torch.arange(3), "a model with two ties in three queries")
    for low, high, who in ((-0.9, -0.3, "all below 0"), (-0.9, 0.3, "above and below 0")):
        similarity = low + (high - low) * torch.rand(12, 4, generator=random)
        target = torch.randint(4, (12,), generator=random)
        similarity[torch.arange(12), target] += 0.2
        yield _case(similarity, target, f"12 queries whose similarities are {who}")
    close = 0.5 + 0.3 * torch.rand(8, 1, generator=random).repeat(1, 3)
    close[:5, 1] += NEAR
    close[5:, 1] -= NEAR
    yield _case(close, torch.ones(8).long(), f"8 queries, their items {NEAR:f} apart", CLOSE)
    logits = torch.randn(12, 4, generator=random) - 200
    logits[torch.arange(12), target] += 1
    yield _case(logits, target, "12 queries with logits around −200")
    broken = torch.eye(4)
    broken[:2] = torch.nan
    yield _case(broken, torch.arange(4), "4 queries, two of them with NaN everywhere", NAN)
    single = torch.rand(3, 1, generator=random)
    yield _case(single, torch.zeros(3).long(), "3 queries against a single item", SINGLE)


# Float32 can tell two numbers below 1 apart that differ by this; isclose calls them equal.
NEAR = 2e-6
CLOSE = "Is something rounded, or a tolerance allowed? Compare the numbers as they are."
NAN = "Did a row of NaN count as a hit? NaN is neither above nor below anything: compare with >."
SINGLE = "Without rivals the right item is the first."


def _case(similarity, target, who: str, advice: str = "") -> Case:
    return Case((similarity, target), f"recall@1 of {who}", advice)


def right_of(similarity, target):
    return similarity[torch.arange(len(target)), target]


def others_of(similarity, target, instead=-torch.inf):
    others = similarity.clone()
    others[torch.arange(len(target)), target] = instead
    return others


def without_columns(similarity, target):
    others = similarity.clone()
    others[:, target] = -torch.inf
    return others


def share(hits):
    """An answer: the mean of what ``hits`` says, given (similarity, target, right entries)."""
    return lambda s, t: hits(s, t, right_of(s, t)).float().mean()


ITSELF = "The right item competes with itself: take it out first."
ZERO = "Did you put 0 in the place of the right entry? Cosines can be negative: use −∞."
FINITE = "Did you put −1, or so, in the place of the right entry? Logits can be lower: use −∞."
WHOLE = "Is that the maximum of the whole matrix? Each row has its own: max(dim=1)."
COLUMNS = "Did you take out whole columns? `others[rows, target]` is one entry of each row."
ALL = "Did you compare a column with a row, each query with all? Give both the shape (queries,)."
TIES = "Do ties count as hits? A collapsed model, all similarities equal, should score 0."
DIAGONAL = "Is the right item always on the diagonal? `target` says where it is."
COUNT = "Is that a count? A share lies between 0 and 1."
WHOLE_NUMBERS = "Did you divide with //? It drops the fraction: use /."

MISCONCEPTIONS = (
    Misconception(ITSELF, share(lambda s, t, right: right > s.amax(1))),
    Misconception(ZERO, share(lambda s, t, right: right > others_of(s, t, 0).amax(1))),
    Misconception(FINITE, share(lambda s, t, right: right > others_of(s, t, -1).amax(1))),
    Misconception(WHOLE, share(lambda s, t, right: right > others_of(s, t).max())),
    Misconception(WHOLE, share(lambda s, t, right: right >= s.max())),
    Misconception(COLUMNS, share(lambda s, t, right: right > without_columns(s, t).amax(1))),
    Misconception(ALL, share(lambda s, t, right: right[:, None] > others_of(s, t).amax(1))),
    Misconception(TIES, share(lambda s, t, right: right >= s.amax(1))),
    Misconception(TIES, share(lambda s, t, right: s.argmax(1) == t)),
    Misconception(
        "Is that a percentage? A share lies between 0 and 1.", lambda s, t: 100 * recall_at_1(s, t)
    ),
    Misconception(COUNT, lambda s, t: len(t) * recall_at_1(s, t)),
    Misconception(WHOLE_NUMBERS, lambda s, t: recall_at_1(s, t).floor()),
    Misconception(NAN, share(lambda s, t, right: ~(others_of(s, t) >= right[:, None]).any(1))),
    Misconception(CLOSE, share(lambda s, t, right: right > others_of(s, t).amax(1) + 1e-3)),
    Misconception(CLOSE, share(lambda s, t, right: right > others_of(s, t).amax(1) - 1e-3)),
    Misconception("Is that the share of misses?", lambda s, t: 1 - recall_at_1(s, t)),
    Misconception(DIAGONAL, share(lambda s, t, right: s.argmax(1) == torch.arange(len(s)))),
    Misconception(
        "Did you compare along the wrong axis? Each row is a query.",
        share(lambda s, t, right: s.argmax(0) == t),
    ),
)

EXERCISE = Exercise(
    reference=recall_at_1,
    oracle=oracle,
    cases=cases,
    result=Number("recall@1"),
    misconceptions=MISCONCEPTIONS,
    advice="Count the rows whose right entry is strictly above every other entry of the row.",
    praise="equal to an explicit loop on 13 similarity matrices, ties included",
    at_size=AtSize(lambda: (torch.rand(500, 500), torch.arange(500)), "500 questions", calls=2),
    on_device=False,  # the chapter scores on the CPU
)
