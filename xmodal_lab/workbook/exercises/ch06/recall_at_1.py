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


def _case(similarity, target, who: str) -> Case:
    return Case((similarity, target), f"recall@1 of {who}")


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
WHOLE = "Is that the maximum of the whole matrix? Each row has its own: max(dim=1)."
COLUMNS = "Did you take out whole columns? `others[rows, target]` is one entry of each row."
ALL = "Did you compare a column with a row, each query with all? Give both the shape (queries,)."
TIES = "Do ties count as hits? A collapsed model, all similarities equal, should score 0."
DIAGONAL = "Is the right item always on the diagonal? `target` says where it is."
COUNT = "Is that a count? A share lies between 0 and 1."

MISCONCEPTIONS = (
    Misconception(ITSELF, share(lambda s, t, right: right > s.amax(1))),
    Misconception(ZERO, share(lambda s, t, right: right > others_of(s, t, 0).amax(1))),
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
    praise="equal to an explicit loop on 9 similarity matrices, ties included",
    at_size=AtSize(lambda: (torch.rand(500, 500), torch.arange(500)), "500 questions", calls=2),
    on_device=False,  # the chapter scores on the CPU
)
