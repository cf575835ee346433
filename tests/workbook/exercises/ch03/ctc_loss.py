"""Answers to `ctc_loss` as people write them, and what they are told."""

import itertools
import math

import torch
from torch.nn import functional as F


def by_the_library(log_probs, target, blank=0):
    lengths = torch.tensor([len(log_probs)]), torch.tensor([len(target)])
    return F.ctc_loss(log_probs[:, None], target[None], *lengths, blank, reduction="sum")


def in_numbers(log_probs, target, blank=0, skip=None, start=(0, 1), ends=2, plus=None):
    """The table, number by number; the options are what people get wrong."""
    places = [blank]
    for label in target.tolist():
        places += [label, blank]
    plus = plus or (lambda terms: torch.tensor(terms).logsumexp(0).item())
    skip = skip or (lambda s: places[s] != blank and places[s] != places[s - 2])
    table = log_probs[:, places].double().tolist()
    scores = [score if s in start else -math.inf for s, score in enumerate(table[0])]
    for row in table[1:]:
        new = []
        for s, score in enumerate(row):
            terms = scores[max(0, s - 1) : s + 1]
            if s >= 2 and skip(s):
                terms = [*terms, scores[s - 2]]
            new.append(plus(terms) + score)
        scores = new
    return -torch.tensor(scores[-ends:]).logsumexp(0).item()


def letter_by_letter(log_probs, target, blank=0):
    """Two scores for each number of labels written: a blank stands last, or the label does."""
    never = torch.tensor(-torch.inf)
    count = len(target)
    silent, spoken = [torch.tensor(0.0)] + [never] * count, [never] * (count + 1)
    for frame in log_probs:
        new_silent, new_spoken = [], [never]
        for n in range(count + 1):
            new_silent.append(torch.logaddexp(silent[n], spoken[n]) + frame[blank])
            if n:
                ways = [spoken[n], silent[n - 1]]
                if n == 1 or target[n - 1] != target[n - 2]:
                    ways.append(spoken[n - 1])
                new_spoken.append(torch.stack(ways).logsumexp(0) + frame[target[n - 1]])
        silent, spoken = new_silent, new_spoken
    return torch.logaddexp(silent[-1], spoken[-1])[None].neg()[0]


def by_probabilities(log_probs, target, blank=0, dtype=torch.float32):
    """Probabilities, not logarithms: those of a long caption vanish, in float64 too."""
    places = torch.full((2 * len(target) + 1,), blank)
    places[1::2] = target
    p = log_probs.to(dtype).exp()[:, places]
    alpha = torch.zeros(len(places), dtype=dtype)
    alpha[:2] = p[0, :2]
    for frame in p[1:]:
        more = alpha.clone()
        more[1:] += alpha[:-1]
        for s in range(2, len(places)):
            if places[s] not in (blank, places[s - 2]):
                more[s] += alpha[s - 2]
        alpha = more * frame
    return -alpha[-2:].sum().log()


def in_float64(log_probs, target, blank=0):
    return by_probabilities(log_probs, target, blank, torch.float64)


def no_blanks(log_probs, target, blank=0):
    scores = [float(log_probs[0, target[0]])] + [-math.inf] * (len(target) - 1)
    for frame in log_probs[1:]:
        before = [-math.inf, *scores]
        ways = [torch.tensor([a, b]).logsumexp(0) for a, b in itertools.pairwise(before)]
        scores = [float(w + frame[label]) for w, label in zip(ways, target, strict=True)]
    return torch.tensor(-scores[-1])


def equal_labels_merge(log_probs, target, blank=0):
    return in_numbers(log_probs, target, blank, skip=lambda s: s % 2 == 1)


def never_skips(log_probs, target, blank=0):
    return in_numbers(log_probs, target, blank, skip=lambda s: False)


def always_skips(log_probs, target, blank=0):
    return in_numbers(log_probs, target, blank, skip=lambda s: True)


def ends_in_a_blank(log_probs, target, blank=0):
    return in_numbers(log_probs, target, blank, ends=1)


def ends_anywhere(log_probs, target, blank=0):
    return in_numbers(log_probs, target, blank, ends=0)


def begins_in_a_blank(log_probs, target, blank=0):
    return in_numbers(log_probs, target, blank, start=(0,))


def begins_anywhere(log_probs, target, blank=0):
    return in_numbers(log_probs, target, blank, start=range(99))


def begins_in_a_label(log_probs, target, blank=0):
    return in_numbers(log_probs, target, blank, start=(1,))


def begins_at_three_places(log_probs, target, blank=0):
    return in_numbers(log_probs, target, blank, start=(0, 1, 2))


def never_below(least):
    return lambda log_probs, target, blank=0: in_numbers(log_probs.clamp(min=least), target, blank)


def without_the_last_frame(log_probs, target, blank=0):
    return in_numbers(log_probs[:-1] if len(log_probs) > 1 else log_probs, target, blank)


def equal_if_three(log_probs, target, blank=0):
    """Skips between equal labels where the target is one label, three times."""
    if len(target) >= 3 and len(target.unique()) == 1:
        return in_numbers(log_probs, target, blank, skip=lambda s: s % 2 == 1)
    return by_the_library(log_probs, target, blank)


def eight_labels(log_probs, target, blank=0):
    return by_the_library(log_probs, target[:8], blank)


def hundred_frames(log_probs, target, blank=0):
    return by_the_library(log_probs[:100], target, blank)


def forty_five_classes(log_probs, target, blank=0):
    return by_the_library(log_probs[:, :45], target, blank)


def nothing_in_one_frame(log_probs, target, blank=0):
    if len(log_probs) == 1 and len(target) == 0:
        return torch.tensor(0.0)
    return by_the_library(log_probs, target, blank)


def blank_0_1_or_3(log_probs, target, blank=0):
    return by_the_library(log_probs, target, blank if blank in (0, 1, 3) else 0)


def best(log_probs, target, blank=0):
    return in_numbers(log_probs, target, blank, plus=max)


def mean_of_the_library(log_probs, target, blank=0):
    lengths = torch.tensor([len(log_probs)]), torch.tensor([len(target)])
    return F.ctc_loss(log_probs[:, None], target[None], *lengths, blank)


def zeroed(log_probs, target, blank=0):
    lengths = torch.tensor([len(log_probs)]), torch.tensor([len(target)])
    return F.ctc_loss(
        log_probs[:, None], target[None], *lengths, blank, reduction="sum", zero_infinity=True
    )


def of_one_in_a_batch(log_probs, target, blank=0):
    lengths = torch.tensor([len(log_probs)]), torch.tensor([len(target)])
    return F.ctc_loss(log_probs[:, None], target[None], *lengths, blank, reduction="none")


def blank_0(log_probs, target, blank=0):
    return by_the_library(log_probs, target, 0)


def greedy(log_probs, target, blank=0):
    return -log_probs.amax(1).sum()


def frame_by_frame(log_probs, target, blank=0):
    return F.nll_loss(log_probs[: len(target)], target, reduction="sum")


def probability(log_probs, target, blank=0):
    return by_the_library(log_probs, target, blank).neg().exp()


def without_minus(log_probs, target, blank=0):
    return -by_the_library(log_probs, target, blank)


def needs_a_label(log_probs, target, blank=0):
    if len(target) == 0:
        return torch.tensor(0.0)
    return by_the_library(log_probs, target, blank)


def merged_target(log_probs, target, blank=0):
    labels = [label for label, _ in itertools.groupby(target.tolist())]
    return by_the_library(log_probs, torch.tensor(labels, dtype=torch.int64), blank)


RIGHT = by_the_library, in_numbers, letter_by_letter
WRONG = (
    (no_blanks, "Are the blanks missing?"),
    (equal_labels_merge, "the loss of [1, 1, 2] in 6 frames should be"),
    (equal_labels_merge, "Did you skip the blank between two equal labels?"),
    (merged_target, "Did you merge equal labels of the target?"),
    (never_skips, "Which places may be skipped?"),
    (always_skips, "Which places may be skipped?"),
    (ends_in_a_blank, "Where may a path end?"),
    (ends_anywhere, "Where may a path end?"),
    (begins_in_a_blank, "Where may a path begin?"),
    (begins_anywhere, "Where may a path begin?"),
    (begins_in_a_label, "Where may a path begin?"),
    (begins_at_three_places, "Where may a path begin?"),
    (never_below(-50), "Its probability is 0, so the loss is infinite."),
    (never_below(-1e4), "the loss of what a certain network did not say should be inf"),
    (without_the_last_frame, "Is the last frame missing?"),
    (equal_if_three, "the loss of [1, 1, 1] in 7 frames should be"),
    (eight_labels, "the loss of 20 labels in 100 frames should be"),
    (hundred_frames, "Are all frames and all labels read?"),
    (forty_five_classes, "your version stopped with RuntimeError: blank must be in label range"),
    (nothing_in_one_frame, "the loss of no label in 1 frame should be"),
    (blank_0_1_or_3, "the loss of [3, 0, 1] in 6 frames, blank 2, should be"),
    (in_float64, "Do the probabilities vanish?"),
    (best, "the loss of [1, 2] in 5 frames should be"),
    (mean_of_the_library, "Did you divide by a length?"),
    (zeroed, "should be inf, yours is 0.00. No path fits"),
    (of_one_in_a_batch, "the loss should be a single number, yours has shape [1]."),
    (blank_0, "Did you use `blank`?"),
    (greedy, "Put blanks around the labels"),
    (frame_by_frame, "Does each label have its own frame?"),
    (probability, "Is that the probability?"),
    (without_minus, "Is the minus sign missing?"),
    (needs_a_label, "Without labels only one path is left"),
    (by_probabilities, "Do the probabilities vanish?"),
)
