"""Answers to `recall_at_1` as people write them, and what they are told."""

import numpy as np
import torch


def by_numpy(similarity, target):
    s, t = similarity.numpy(), target.numpy()
    rivals = np.where(np.arange(s.shape[1]) == t[:, None], -np.inf, s)
    return np.mean(s[np.arange(len(t)), t] > rivals.max(1))


def by_sorting(similarity, target):
    first, second = similarity.topk(2, dim=1).values.T
    return ((similarity.argmax(1) == target) & (first > second)).double().mean()


def by_loops(similarity, target):
    hits = [
        sum(x >= row[goal] for x in row) == 1
        for row, goal in zip(similarity.tolist(), target.tolist(), strict=True)
    ]
    return sum(hits) / len(hits)


def argmax_by_numpy(similarity, target):
    return (similarity.numpy().argmax(-1) == target.numpy()).mean()


def with_itself_in_a_loop(similarity, target):
    hits = [all(s[t] > x for x in s) for s, t in zip(similarity, target, strict=True)]
    return sum(hits) / len(hits)


def diagonal_in_a_loop(similarity, target):
    rows = similarity.tolist()
    return sum(row.index(max(row)) == i for i, row in enumerate(rows)) / len(rows)


def zero_by_one_hot(similarity, target):
    one_hot = torch.nn.functional.one_hot(target, similarity.shape[1])
    right = (similarity * one_hot).sum(1)
    return (right > (similarity * (1 - one_hot)).amax(1)).float().mean()


def in_place(similarity, target):
    right = similarity.gather(1, target[:, None])[:, 0].clone()
    similarity.scatter_(1, target[:, None], -9.0)
    return (right > similarity.amax(1)).float().mean()


RIGHT = by_numpy, by_sorting, by_loops
WRONG = (
    (argmax_by_numpy, "Do ties count as hits? A collapsed model"),
    (with_itself_in_a_loop, "The right item competes with itself"),
    (diagonal_in_a_loop, "always on the diagonal?"),
    (zero_by_one_hot, "Did you put 0 in the place of the right entry? Cosines can be negative"),
    (in_place, "changes its input `similarity`"),
    (lambda similarity, target: 100 * by_numpy(similarity, target), "a percentage?"),
    (lambda similarity, target: 1 - by_numpy(similarity, target), "share of misses"),
    (lambda similarity, target: by_numpy(similarity, target) / 2, "Count the rows whose right"),
)
