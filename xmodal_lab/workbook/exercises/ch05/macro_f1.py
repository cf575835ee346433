"""Exercise `macro_f1`: a score in which a rare class counts as much as a frequent one."""

from __future__ import annotations

import torch

from xmodal_lab.workbook.exercises.form import AtSize, Case, Exercise, Misconception, Number


def macro_f1(found, truth, classes):
    """Found and true labels (n,), 0 … classes − 1 → mean F1 of the classes that occur."""
    every = torch.arange(classes)[:, None]
    is_found, is_true = found == every, truth == every
    hits = (is_found & is_true).sum(dim=1)
    together = is_found.sum(dim=1) + is_true.sum(dim=1)
    occurs = together > 0
    return (2 * hits[occurs] / together[occurs]).mean()


def oracle(found, truth, classes):
    """Class by class, row by row, from precision and recall."""
    scores = []
    for label in range(classes):
        pairs = [(f == label, t == label) for f, t in zip(found, truth, strict=True)]
        hits = sum(f and t for f, t in pairs)
        said, asked = sum(f for f, _ in pairs), sum(t for _, t in pairs)
        if said or asked:
            precision, recall = hits / max(said, 1), hits / max(asked, 1)
            scores.append(2 * precision * recall / (precision + recall) if hits else 0)
    return sum(scores) / len(scores)


def cases():
    for found, truth, classes, *advice in (
        ([0, 0, 1, 1, 1, 2], [0, 1, 1, 1, 2, 2], 3),
        ([0, 0, 0, 0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0, 1, 0, 1], 2),
        ([0] * 9, [0] * 8 + [1], 2, NEVER),
        ([2, 0, 2, 0], [2, 0, 0, 0], 4, ABSENT),
        ([1, 2, 3, 1], [1, 2, 1, 1], 4, ABSENT),
        ([0, 1, 2, 1], [1, 1, 0, 2], 3),
        ([4, 4, 1], [4, 4, 1], 5, ABSENT),
        ([1, 1], [0, 0], 2, NEVER),
        ([3], [3], 6, ABSENT),
    ):
        what = f"macro F1 of {found} against {truth}, {classes} classes,"
        yield Case((torch.tensor(found), torch.tensor(truth), classes), what, *advice)
    random = torch.Generator().manual_seed(58)
    for rows, classes in ((40, 4), (200, 7), (500, 23)):
        # Unequal classes: each is rarer than the one before.
        truth = (classes * torch.rand(rows, generator=random) ** 2).long()
        right = torch.rand(rows, generator=random) < 0.6
        found = torch.where(right, truth, torch.randint(classes, (rows,), generator=random))
        yield Case((found, truth, classes), f"macro F1 of {rows} rows, {classes} classes,")


ABSENT = "A class that is neither found nor true in any row is left out."
NEVER = "A class that occurs and is never hit has an F1 of 0, and counts."


def table(found, truth, classes):
    """Hits, found and true rows of each class (classes,), as fractions."""
    every = torch.arange(classes)[:, None]
    hits = ((found == every) & (truth == every)).sum(1).double()
    return hits, (found == every).sum(1).double(), (truth == every).sum(1).double()


def score(of_class, counts=lambda said, asked: said + asked > 0, share=None):
    """An answer: a score of each class from (hits, found, true), over the classes that count."""

    def answer(found, truth, classes):
        hits, said, asked = table(found, truth, classes)
        those = counts(said, asked)
        scores = of_class(hits, said, asked).nan_to_num()[those]
        if share is None:
            return scores.mean()
        weights = share(said, asked)[those]
        return (weights * scores).sum() / weights.sum()

    return answer


def f1(hits, said, asked):
    return 2 * hits / (said + asked)


def precision(hits, said, asked):
    return hits / said


def recall(hits, said, asked):
    return hits / asked


def of_means(found, truth, classes):
    p, r = score(precision)(found, truth, classes), score(recall)(found, truth, classes)
    return 2 * p * r / (p + r)


def absent_is_right(found, truth, classes):
    hits, said, asked = table(found, truth, classes)
    return f1(hits, said, asked).nan_to_num(nan=1.0).mean()


MEAN = "Is that the {} mean of precision and recall? F1 is their harmonic mean, 2PR / (P + R)."

MISCONCEPTIONS = (
    Misconception(
        "Is that the share of right rows (micro F1)? Take F1 class by class, then the mean.",
        lambda found, truth, classes: (found == truth).double().mean(),
    ),
    Misconception(
        "Does a frequent class count more? Each class counts alike.",
        score(f1, share=lambda said, asked: asked),
    ),
    Misconception(ABSENT, score(f1, lambda said, asked: said >= 0)),
    Misconception(ABSENT, absent_is_right),
    Misconception(
        f"Did you leave out what is never true? {NEVER}", score(f1, lambda said, asked: asked > 0)
    ),
    Misconception(
        f"Did you leave out what is never found? {NEVER}", score(f1, lambda said, asked: said > 0)
    ),
    Misconception(
        f"Did you leave out what is not both found and true? {NEVER}",
        score(f1, lambda said, asked: (said > 0) & (asked > 0)),
    ),
    Misconception("Is that precision alone?", score(precision)),
    Misconception("Is that precision alone?", score(precision, lambda said, asked: said > 0)),
    Misconception("Is that recall alone?", score(recall)),
    Misconception("Is that recall alone?", score(recall, lambda said, asked: asked > 0)),
    Misconception(
        "Did you average precision and recall first? F1 of each class, then the mean.", of_means
    ),
    Misconception(MEAN.format("plain"), score(lambda h, s, a: ((h / s) + (h / a)) / 2)),
    Misconception(
        MEAN.format("plain"),
        score(lambda h, s, a: (h / s.clamp(min=1) + h / a.clamp(min=1)) / 2),
    ),
    Misconception(MEAN.format("geometric"), score(lambda h, s, a: (h / s * h / a).sqrt())),
    Misconception("Did you forget the 2 in 2PR / (P + R)?", score(lambda h, s, a: h / (s + a))),
    Misconception(
        "Is that the intersection over the union? F1 counts a hit twice.",
        score(lambda h, s, a: h / (s + a - h)),
    ),
    Misconception(
        "Is that the F1 of class 1 alone? The mean over all classes.",
        lambda found, truth, classes: f1(*table(found, truth, classes))[1],
    ),
    Misconception(
        "Is a small number added below the line, or the result rounded? Leave both out.",
        score(lambda h, s, a: 2 * h / (s + a + 1e-3)),
    ),
)

EXERCISE = Exercise(
    reference=macro_f1,
    oracle=oracle,
    cases=cases,
    result=Number(
        "macro F1",
        if_many="One number: the mean over the classes.",
        if_not_finite="Is a class divided by 0? Leave out those that are neither found nor true; "
        "where one is never hit, its F1 is 0.",
    ),
    misconceptions=MISCONCEPTIONS,
    tolerance=1e-5,  # a small number put below the line against 0 / 0 shows
    advice="F1 of a class is 2 · hits / (times found + times true); then the mean over the classes "
    "that occur.",
    praise="equal to an explicit loop on 12 lists of labels",
    at_size=AtSize(
        lambda: (*torch.randint(23, (2, 4500)), 23), "4,500 answers of 23 kinds", calls=30
    ),
    on_device=False,  # scores are taken on the CPU, and scikit-learn works nowhere else
)
