"""Right and wrong noise distributions and subsampling, by loops over plain float64 numbers."""

from __future__ import annotations

import math

import numpy as np

from xmodal_lab.workbook.kit.compare import Suspect


def _shares(numbers: list[float]) -> np.ndarray:
    total = sum(numbers)
    return np.array([n / total for n in numbers])


def noise_distribution(counts, power: float) -> np.ndarray:
    """Count to the power, divided by the sum over all words."""
    return _shares([n**power for n in counts.double().tolist()])


def noise_suspects(counts, power: float) -> list[Suspect]:
    """What typical mistakes would make of the same counts."""
    numbers = counts.double().tolist()
    raised = np.array([n**power for n in numbers])
    shares = _shares(numbers)
    softmax = np.exp(np.array(numbers) - max(numbers))
    lifted = np.exp(raised - raised.max())
    softmaxed = "Did you take a softmax? The counts are divided by their sum."
    suspects = [
        ("Did you leave out the power?", shares),
        ("Did you forget to divide by the sum?", raised),
        (
            "Did you divide by the sum of the plain counts? The probabilities must sum to 1.",
            raised / sum(numbers),
        ),
        (
            "Did you take the power after dividing? Then the sum is not 1: divide again.",
            shares**power,
        ),
        ("Did you divide by the largest? Divide by the sum.", raised / raised.max()),
        ("Did you multiply by the power?", power * shares),
        (softmaxed, softmax / softmax.sum()),
        (softmaxed, lifted / lifted.sum()),
        ("Are all words equally likely? Frequent words are drawn more often.", 1 / len(numbers)),
    ]
    if min(numbers) > 0:
        suspects += [
            ("Did you divide by the power of the count? Rare words win then.", _shares(1 / raised)),
            ("Did you take logarithms?", _shares(np.log(np.array(numbers) + 1))),
        ]
        if power:
            inverse = [n ** (1 / power) for n in numbers]
            suspects.append(("Did you take the root instead of the power?", _shares(inverse)))
    return [(question, np.broadcast_to(value, shares.shape)) for question, value in suspects]


def keep_probability(counts, threshold: float) -> np.ndarray:
    """min(1, √(threshold / f)) with f the word's share; 1 for a word that never occurs."""
    numbers = counts.double().tolist()
    total = sum(numbers)
    return np.array([min(1.0, math.sqrt(threshold * total / n)) if n else 1.0 for n in numbers])


def keep_suspects(counts, threshold: float) -> list[Suspect]:
    """What typical mistakes would make of the same counts."""
    numbers = counts.double().numpy()
    with np.errstate(all="ignore"):
        return _keep_suspects(numbers, numbers / numbers.sum(), threshold)


def _keep_suspects(numbers: np.ndarray, share: np.ndarray, threshold: float) -> list[Suspect]:
    ratio = threshold / share
    root = np.sqrt(ratio)
    keep = np.minimum(1, root)
    code = (np.sqrt(share / threshold) + 1) * ratio
    discard = "Is that the probability to *discard* a word? Keeping is 1 minus that."
    source = (
        "Is that the formula of word2vec.c, (√(f/t) + 1)·t/f? The paper's is asked for: √(t/f)."
    )
    counted = "Is f a count? It is the word's share of all words: divide by the sum."
    return [
        (discard, 1 - keep),
        (discard, 1 - root),
        ("Did you forget that a probability is at most 1?", root),
        ("Did you forget the square root?", np.minimum(1, ratio)),
        ("Did you forget the square root?", ratio),
        ("Is the fraction upside down? Frequent words are kept less.", np.sqrt(share / threshold)),
        (
            "Is the fraction upside down? Frequent words are kept less.",
            np.minimum(1, np.sqrt(share / threshold)),
        ),
        (source, np.minimum(1, code)),
        (source, code),
        (counted, np.minimum(1, np.sqrt(threshold / numbers))),
        (counted, np.sqrt(threshold / numbers)),
        (
            "Did you divide by the largest count? f is the share of all words.",
            np.minimum(1, np.sqrt(threshold * numbers.max() / numbers)),
        ),
        ("Is 1 the least instead of the most? clamp(max=1).", np.maximum(1, root)),
    ]
