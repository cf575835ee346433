"""Typical wrong answers to the word chapter's counting, and what each must be told."""

from __future__ import annotations

import math

import torch

from xmodal_lab.workbook.exercises.record import Mutant


def _tally(document, vocabulary, pairs):
    counts = torch.zeros(vocabulary, vocabulary)
    for i, j in pairs:
        counts[document[i], document[j]] += 1
    return counts


def _counting(near, keep=lambda i, j: i != j, fits=lambda a, b: True):
    """A solution that takes the places `near(i, window, length)` for neighbours of place i."""

    def count_neighbours(document, vocabulary, window):
        length = len(document)
        pairs = [
            (i, j)
            for i in range(length)
            for j in near(i, window, length)
            if keep(i, j) and fits(document[i], document[j])
        ]
        return _tally(document, vocabulary, pairs)

    return count_neighbours


def _around(i, window, length):
    return range(max(0, i - window), min(length, i + window + 1))


_right = _counting(_around)


def _lost(document, vocabulary, window):
    counts = torch.zeros(vocabulary, vocabulary)
    for d in range(1, window + 1):
        counts[document[:-d], document[d:]] += 1
        counts[document[d:], document[:-d]] += 1
    return counts


def _lost_around(document, vocabulary, window):
    counts = torch.zeros(vocabulary, vocabulary)
    for i, word in enumerate(document):
        near = [j for j in _around(i, window, len(document)) if j != i]
        counts[word, document[near]] += 1
    return counts


def _rolled(document, vocabulary, window):
    counts = torch.zeros(vocabulary, vocabulary)
    for d in range(1, window + 1):
        for other in (document.roll(d), document.roll(-d)):
            counts.index_put_((document, other), torch.tensor(1.0), accumulate=True)
    return counts


def _harmonic(document, vocabulary, window):
    counts = torch.zeros(vocabulary, vocabulary)
    for i in range(len(document)):
        for j in _around(i, window, len(document)):
            if i != j:
                counts[document[i], document[j]] += 1 / abs(i - j)
    return counts


def _diagonal_once(document, vocabulary, window):
    counts = torch.zeros(vocabulary, vocabulary)
    for i, a in enumerate(document):
        for b in document[i + 1 : i + window + 1]:
            counts[a, b] += 1
            if a != b:
                counts[b, a] += 1
    return counts


def _sliced(i, window, length):
    return list(range(length))[i - window : i + window + 1]


COUNT_NEIGHBOURS = (
    Mutant(_counting(_around, keep=lambda i, j: True), "count each word as its own neighbour?"),
    Mutant(_counting(_around, keep=lambda i, j: j > i), "look to the right only?"),
    Mutant(_counting(_around, keep=lambda i, j: j < i), "look to the left only?"),
    Mutant(lambda d, v, w: _right(d, v, w), "expected the signature count_neighbours(document"),
    Mutant(
        lambda document, vocabulary, window: 2 * _right(document, vocabulary, window),
        "count every pair twice",
    ),
    Mutant(
        lambda document, vocabulary, window: _right(document, vocabulary, window - 1),
        "one too narrow?",
    ),
    Mutant(_counting(lambda i, w, n: range(max(0, i - w), min(n, i + w))), "one too narrow?"),
    Mutant(
        lambda document, vocabulary, window: _right(document, vocabulary, window + 1),
        "one too wide?",
    ),
    Mutant(
        lambda document, vocabulary, window: _right(document, vocabulary, window // 2),
        "divide the window between the two sides?",
    ),
    Mutant(
        _counting(lambda i, w, n: [j for j in (i - w, i + w) if 0 <= j < n]), "one distance only"
    ),
    Mutant(_counting(lambda i, w, n: _around(i, 1, n)), "direct neighbours only"),
    Mutant(_counting(_around, fits=lambda a, b: a != b), "leave out pairs of the same word?"),
    Mutant(_diagonal_once, "the diagonal gets 2"),
    Mutant(_rolled, "close to a circle (roll)?"),
    Mutant(_counting(lambda i, w, n: range(i - w, min(n, i + w + 1))), "with a negative place?"),
    Mutant(_counting(_sliced), "slice begin at a negative place?"),
    Mutant(_lost, "Did repeated pairs get lost?"),
    Mutant(_lost_around, "Did repeated pairs get lost?"),
    Mutant(
        lambda document, vocabulary, window: _right(document, vocabulary, window).clamp(max=1),
        "which pairs occur?",
    ),
    Mutant(_harmonic, "divide by the distance?"),
    Mutant(
        lambda document, vocabulary, window: _right(document, int(document.max()) + 1, window),
        "every word of the vocabulary, seen or not",
    ),
    Mutant(
        lambda document, vocabulary, window: _right(document, vocabulary, window).sum(),
        "the shape should be [6, 6], yours is []",
    ),
    Mutant(_counting(lambda i, w, n: range(max(0, i - w), i + w + 1)), "stopped with IndexError"),
)


def _shares(counts):
    joint = counts / counts.sum()
    return joint, joint.sum(1, keepdim=True), joint.sum(0, keepdim=True)


def _information(counts):
    joint, words, contexts = _shares(counts)
    return torch.log(joint / (words * contexts))


def _cut(counts, information):
    return torch.where(counts > 0, information, 0.0).clamp(min=0)


def _in_bits(counts):
    return _cut(counts, _information(counts) / math.log(2))


def _one_denominator(counts):
    joint, words, _ = _shares(counts)
    return _cut(counts, torch.log(joint / words))


def _twice(dim):
    def ppmi(counts):
        joint = counts / counts.sum()
        share = joint.sum(dim, keepdim=True)
        return _cut(counts, torch.log(joint / share**2))

    return ppmi


def _smoothed(counts):
    joint, words, _ = _shares(counts)
    contexts = counts.sum(0) ** 0.75
    return _cut(counts, torch.log(joint / (words * contexts / contexts.sum())))


def _added(counts):
    return _information(counts + 1).clamp(min=0)


def _cut_in_place(counts):
    _, words, contexts = _shares(counts)
    counts /= words * contexts
    return _cut(counts, counts.log())


def _without_keepdim(counts):
    chance = counts.sum(1) * counts.sum(0) / counts.sum()
    return _cut(counts, torch.log(counts / chance))


PPMI = (
    Mutant(_information, "cut off below 0"),
    Mutant(lambda counts: torch.where(counts > 0, _information(counts), 0.0), "cut off below 0"),
    Mutant(lambda counts: _information(counts).clamp(min=0), "yours is nan. A word that never"),
    Mutant(
        lambda counts: torch.where(counts > 0, _information(counts), 0.0).clamp(max=0),
        "Cut off *below* 0",
    ),
    Mutant(_in_bits, "did you take log2?"),
    Mutant(lambda counts: _cut(counts, _information(counts) / math.log(10)), "did you take log10?"),
    Mutant(lambda counts: _cut(counts, _information(counts).exp()), "forget the logarithm?"),
    Mutant(lambda counts: _cut(counts, _information(counts).exp().log1p()), "log(1 + ratio)?"),
    Mutant(_one_denominator, "by both P(w) and P(c)"),
    Mutant(
        lambda counts: _cut(counts, torch.log(counts / (counts.sum(1, True) * counts.sum(0)))),
        "all three as shares of the total?",
    ),
    Mutant(_without_keepdim, "the wrong axis? keepdim=True"),
    Mutant(_twice(1), "words' sums twice?"),
    Mutant(_twice(0), "contexts' sums twice?"),
    Mutant(
        lambda counts: _cut(counts, counts / counts.sum() * _information(counts)),
        "a term of the mutual information",
    ),
    Mutant(_smoothed, "Did you smooth the contexts"),
    Mutant(_added, "Did you add 1 to the counts?"),
    Mutant(_cut_in_place, "changes its input `counts`"),
    Mutant(lambda counts: _cut(counts, _information(counts)).T, "Is your result transposed?"),
    Mutant(lambda counts: _cut(counts, _information(counts)).numpy(), "should be a tensor"),
)


def _raise_in_place(counts, power):
    counts **= power
    return counts / counts.sum()


def _through_logarithms(counts, power):
    logs = power * (counts / counts.sum()).log()
    return (logs - logs.min()).softmax(0)


NOISE_DISTRIBUTION = (
    Mutant(lambda counts, power: counts / counts.sum(), "leave out the power?"),
    Mutant(lambda counts, power: counts**power, "forget to divide by the sum?"),
    Mutant(lambda counts, power: counts**power / counts.sum(), "the sum of the plain counts?"),
    Mutant(lambda counts, power: (counts / counts.sum()) ** power, "the power after dividing?"),
    Mutant(lambda counts, power: counts**power / (counts**power).max(), "divide by the largest?"),
    Mutant(lambda counts, power: power * counts / counts.sum(), "multiply by the power?"),
    Mutant(lambda counts, power: counts.float().softmax(0), "take a softmax?"),
    Mutant(lambda counts, power: (counts**power).softmax(0), "take a softmax?"),
    Mutant(lambda counts, power: torch.ones(len(counts)) / len(counts), "equally likely?"),
    Mutant(lambda counts, power: counts**-power / (counts**-power).sum(), "Rare words win then."),
    Mutant(
        lambda counts, power: counts ** (1 / power) / (counts ** (1 / power)).sum(),
        "the root instead of the power?",
    ),
    Mutant(lambda counts, power: (counts + 1).log() / (counts + 1).log().sum(), "take logarithms?"),
    Mutant(_through_logarithms, "A count of 0 has the probability 0: did you take a logarithm?"),
    Mutant(_raise_in_place, "changes its input `counts`"),
    Mutant(lambda counts, power: (counts**power).sum(), "the shape should be [4], yours is []"),
)


def _share(counts):
    return counts / counts.sum()


def _keep(counts, threshold):
    return (threshold / _share(counts)).sqrt().clamp(max=1)


def _word2vec_c(counts, threshold):
    ratio = _share(counts) / threshold
    return (ratio.sqrt() + 1) / ratio


KEEP_PROBABILITY = (
    Mutant(lambda counts, threshold: 1 - _keep(counts, threshold), "probability to *discard*"),
    Mutant(
        lambda counts, threshold: 1 - (threshold / _share(counts)).sqrt(),
        "probability to *discard*",
    ),
    Mutant(lambda counts, threshold: (threshold / _share(counts)).sqrt(), "at most 1?"),
    Mutant(lambda counts, threshold: (threshold / _share(counts)).clamp(max=1), "square root?"),
    Mutant(
        lambda counts, threshold: (_share(counts) / threshold).sqrt().clamp(max=1), "upside down?"
    ),
    Mutant(_word2vec_c, "formula of word2vec.c"),
    Mutant(lambda counts, threshold: _word2vec_c(counts, threshold).clamp(max=1), "word2vec.c"),
    Mutant(lambda counts, threshold: (threshold / counts).sqrt().clamp(max=1), "Is f a count?"),
    Mutant(
        lambda counts, threshold: (threshold * counts.max() / counts).sqrt().clamp(max=1),
        "divide by the largest count?",
    ),
    Mutant(
        lambda counts, threshold: (threshold / _share(counts)).sqrt().clamp(min=1), "clamp(max=1)"
    ),
    Mutant(
        lambda counts, threshold: torch.bernoulli(_keep(counts, threshold)), "the square root of"
    ),
    Mutant(
        lambda counts, threshold: torch.nan_to_num(_keep(counts, threshold)) * (counts / counts),
        "A word that never occurs has f = 0",
    ),
)
