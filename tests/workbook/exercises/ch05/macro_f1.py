"""Answers to `macro_f1` as people write them, and what they are told."""

import torch
from sklearn import metrics


def by_sklearn(found, truth, classes):
    return metrics.f1_score(truth, found, average="macro")


def by_loop(found, truth, classes):
    scores = []
    for c in range(classes):
        hit = int(((found == c) & (truth == c)).sum())
        false_alarm = int(((found == c) & (truth != c)).sum())
        missed = int(((found != c) & (truth == c)).sum())
        if hit + false_alarm + missed:
            scores.append(2 * hit / (2 * hit + false_alarm + missed))
    return sum(scores) / len(scores)


def by_bincount(found, truth, classes):
    said, asked = (torch.bincount(x, minlength=classes) for x in (found, truth))
    hits = torch.bincount(truth[found == truth], minlength=classes)
    return (2 * hits / (said + asked)).nanmean()


def by_table(found, truth, classes):
    confusion = torch.zeros(classes, classes)
    for t, f in zip(truth.tolist(), found.tolist(), strict=True):
        confusion[t, f] += 1
    total = confusion.sum(0) + confusion.sum(1)
    return (2 * confusion.diag()[total > 0] / total[total > 0]).mean().item()


def accuracy(found, truth, classes):
    return (found == truth).float().mean()


def micro(found, truth, classes):
    return metrics.f1_score(truth, found, average="micro")


def weighted(found, truth, classes):
    return metrics.f1_score(truth, found, average="weighted")


def of_all_labels(found, truth, classes):
    return metrics.f1_score(
        truth, found, average="macro", labels=list(range(classes)), zero_division=0
    )


def absent_is_1(found, truth, classes):
    return metrics.f1_score(
        truth, found, average="macro", labels=list(range(classes)), zero_division=1
    )


def of_true_labels(found, truth, classes):
    return metrics.f1_score(truth, found, average="macro", labels=truth.unique())


def of_found_labels(found, truth, classes):
    return metrics.f1_score(truth, found, average="macro", labels=found.unique())


def of_hit_labels(found, truth, classes):
    return metrics.f1_score(truth, found, average="macro", labels=truth[found == truth].unique())


def precision(found, truth, classes):
    return metrics.precision_score(truth, found, average="macro", zero_division=0)


def recall(found, truth, classes):
    return metrics.recall_score(truth, found, average="macro", zero_division=0)


def of_averages(found, truth, classes):
    p, r = precision(found, truth, classes), recall(found, truth, classes)
    return 2 * p * r / (p + r)


def plain_mean(found, truth, classes):
    return (precision(found, truth, classes) + recall(found, truth, classes)) / 2


def jaccard(found, truth, classes):
    return metrics.jaccard_score(truth, found, average="macro")


def class_1(found, truth, classes):
    return metrics.f1_score(truth == 1, found == 1)


def divides_by_0(found, truth, classes):
    scores = []
    for c in range(classes):
        hit = ((found == c) & (truth == c)).sum()
        p, r = hit / (found == c).sum(), hit / (truth == c).sum()
        scores.append(2 * p * r / (p + r))
    return torch.stack(scores).mean()


def of_each_class(found, truth, classes):
    return metrics.f1_score(truth, found, average=None)


def three_classes(found, truth, classes):
    return by_loop(found, truth, 3)


def in_hundredths(found, truth, classes):
    return 100 * by_loop(found, truth, classes)


def rounded(found, truth, classes):
    return round(by_loop(found, truth, classes), 1)


def to_three_places(found, truth, classes):
    return round(by_loop(found, truth, classes), 3)


def against_0(found, truth, classes):
    scores = []
    for c in range(classes):
        hit = ((found == c) & (truth == c)).sum()
        both = (found == c).sum() + (truth == c).sum()
        if both:
            scores.append(2 * hit / (both + 1e-3))
    return torch.stack(scores).mean()


RIGHT = by_sklearn, by_loop, by_bincount, by_table
WRONG = (
    (accuracy, "Is that the share of right rows (micro F1)?"),
    (micro, "Is that the share of right rows (micro F1)?"),
    (weighted, "Does a frequent class count more?"),
    (of_all_labels, "A class that is neither found nor true in any row is left out."),
    (absent_is_1, "A class that is neither found nor true in any row is left out."),
    (of_true_labels, "Did you leave out what is never true?"),
    (of_found_labels, "Did you leave out what is never found?"),
    (of_hit_labels, "A class that occurs and is never hit has an F1 of 0"),
    (precision, "Is that precision alone?"),
    (recall, "Is that recall alone?"),
    (of_averages, "Did you average precision and recall first?"),
    (plain_mean, "Is that the plain mean of precision and recall?"),
    (jaccard, "Is that the intersection over the union?"),
    (class_1, "Is that the F1 of class 1 alone?"),
    (divides_by_0, "yours is nan. Is a class divided by 0?"),
    (of_each_class, "should be a single number, yours has shape [3]."),
    (three_classes, "[1, 2, 3, 1] against [1, 2, 1, 1], 4 classes, should be 0.60"),
    (in_hundredths, "macro F1 of [0, 0, 1, 1, 1, 2] against [0, 1, 1, 1, 2, 2], 3 classes, should"),
    (rounded, "should be 0.6"),
    (to_three_places, "or the result rounded?"),
    (against_0, "Is a small number added below the line"),
    (lambda truth, found: 0.0, "expected the signature macro_f1(found, truth, classes)"),
)
