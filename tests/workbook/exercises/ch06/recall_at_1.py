"""Answers to `recall_at_1` as people write them, and what they are told."""

import numpy as np
import torch


def by_numpy(similarity, target):
    s, t = similarity.numpy(), target.numpy()
    rivals = np.where(np.arange(s.shape[1]) == t[:, None], -np.inf, s)
    return np.mean(s[np.arange(len(t)), t] > rivals.max(1))


def by_topk(similarity, target):
    first, second = similarity.topk(2, dim=1).values.T
    return ((similarity.argmax(1) == target) & (first > second)).double().mean()


def as_the_chapter_does(similarity, target):
    rows = torch.arange(len(target))
    others = similarity.clone()
    others[rows, target] = -torch.inf
    return (similarity[rows, target] > others.max(dim=1).values).float().mean()


def by_sorting(similarity, target):
    padded = torch.nn.functional.pad(similarity, (0, 1), value=-torch.inf)
    first, second = padded.sort(dim=1, descending=True).values[:, :2].T
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


def nobody_as_good(similarity, target):
    right = similarity.gather(1, target[:, None])
    rivals = similarity.scatter(1, target[:, None], -torch.inf)
    return 1 - (rivals >= right).any(1).double().mean()


def filled_with(number):
    def answer(similarity, target):
        right = similarity.gather(1, target[:, None])[:, 0]
        return (right > similarity.scatter(1, target[:, None], number).amax(1)).float().mean()

    return answer


def apart(similarity, target):
    s, t = similarity.numpy(), target.numpy()
    rivals = np.where(np.arange(s.shape[1]) == t[:, None], -np.inf, s).max(1)
    right = s[np.arange(len(t)), t]
    return ((right > rivals) & ~np.isclose(right, rivals)).mean()


def coarser(change):
    return lambda similarity, target: by_numpy(change(similarity), target)


def with_tolerance(similarity, target):
    others = similarity.scatter(1, target[:, None], -torch.inf).amax(1)
    return (similarity.gather(1, target[:, None])[:, 0] > others - 1e-3).float().mean()


def hits_by_floor_division(similarity, target):
    return int(len(target) * as_the_chapter_does(similarity, target) + 0.5) // len(target)


RIGHT = as_the_chapter_does, by_numpy, by_sorting, by_loops
WRONG = (
    (argmax_by_numpy, "Do ties count as hits? A collapsed model"),
    (with_itself_in_a_loop, "The right item competes with itself"),
    (diagonal_in_a_loop, "always on the diagonal?"),
    (zero_by_one_hot, "Did you put 0 in the place of the right entry? Cosines can be negative"),
    (in_place, "changes its input `similarity`"),
    (lambda similarity, target: 100 * by_numpy(similarity, target), "a percentage?"),
    (nobody_as_good, "Did a row of NaN count as a hit?"),
    (filled_with(-1), "Did you put −1, or so, in the place of the right entry?"),
    (filled_with(-10), "Did you put −1, or so, in the place of the right entry?"),
    (filled_with(-100), "Did you put −1, or so, in the place of the right entry?"),
    (coarser(lambda s: s.round(decimals=3)), "Is something rounded"),
    (coarser(lambda s: s.half()), "Is something rounded"),
    (coarser(lambda s: s.bfloat16().float()), "Is something rounded"),
    (with_tolerance, "a tolerance allowed?"),
    (apart, "a tolerance allowed?"),
    (hits_by_floor_division, "Did you divide with //?"),
    (by_topk, "selected index k out of range"),
    (by_topk, "Without rivals the right item is the first."),
    (lambda similarity, target: 1 - by_numpy(similarity, target), "share of misses"),
    (lambda similarity, target: by_numpy(similarity, target) / 2, "Count the rows whose right"),
)
