"""What Word2Vec looks at: which words are kept, which are neighbours, which serve as noise."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class Examples(NamedTuple):
    """What asks, and for which word.

    Attributes:
        inputs: (examples, width) ids of the words that ask together.
        weights: (examples, width) how much each of them counts; 0 where there is none.
        targets: (examples,) ids of the words that are right.
    """

    inputs: Int[Tensor, "examples width"]
    weights: Float[Tensor, "examples width"]
    targets: Int[Tensor, " examples"]


def keep_probability(
    counts: Float[Tensor, " words"], threshold: float, program: bool = False
) -> Float[Tensor, " words"]:
    """Subsampling: the chance of each word to be kept; frequent words say little about others.

        P(w) = min(1, √(t / f(w))),   f(w) = counts(w) / Σ counts
        P(w) = min(1, √(t / f(w)) + t / f(w))   in the authors' program, and in gensim

    Args:
        counts: how often each word occurs, ≥ 0.
        threshold: t > 0; words of a lower frequency are all kept.
        program: True for the second formula, which keeps more.

    Returns:
        Probabilities; 1 for a word that never occurs.

    Raises:
        ValueError: for counts that are negative, no numbers or all zero, or a threshold that is
            not above 0.

    Source: Mikolov et al. 2013b; the program is word2vec.c.
    """
    _check_counts(counts)
    if not (threshold > 0 and math.isfinite(threshold)):
        raise ValueError(f"the threshold of subsampling must lie above 0, got {threshold}")
    excess = threshold * counts.sum() / counts
    return (excess.sqrt() + excess if program else excess.sqrt()).clamp(max=1)


def noise_distribution(
    counts: Float[Tensor, " words"], power: float = 0.75
) -> Float[Tensor, " words"]:
    """How often each word is drawn as noise: between its own frequency and all words alike.

        P_n(w) = counts(w)^power / Σ_v counts(v)^power

    Args:
        counts: how often each word occurs, ≥ 0.
        power: 1 for the words' own frequencies, 0 for all words that occur alike.

    Raises:
        ValueError: for counts that are negative, no numbers or all zero, or an infinite power.

    Source: Mikolov et al. 2013b, who found 3/4 best.
    """
    _check_counts(counts)
    if not math.isfinite(power):
        raise ValueError(f"the power of the noise distribution must be finite, got {power}")
    # A negative power, or 0, must not bring words to life that never occur.
    weights = torch.where(counts > 0, counts**power, torch.zeros_like(counts))
    return weights / weights.sum()


def neighbours(
    document: Int[Tensor, " tokens"], window: int, generator: torch.Generator
) -> tuple[Int[Tensor, "tokens width"], Bool[Tensor, "tokens width"]]:
    """Where each token's neighbours stand, all tokens at once.

    Every token draws how far it looks, 1 … window words to either side: a word at distance d is
    seen with probability (window - d + 1) / window, so near words count for more.

    Args:
        document: the number of each token's document, not falling; no window leaves it.
        window: the farthest that any token looks.
        generator: draws the reach of each token.

    Returns:
        positions: the places from ``-window`` to ``window`` around each token, itself left out
            (width = 2 · window); where nothing is seen, the token's own place.
        seen: which of them are neighbours.

    Source: Mikolov et al. 2013a.
    """
    reach = torch.randint(1, window + 1, (len(document), 1), generator=generator)
    shifts = torch.tensor([shift for shift in range(-window, window + 1) if shift])
    own = torch.arange(len(document))[:, None]
    positions = own + shifts
    inside = (positions >= 0) & (positions < len(document))
    positions = torch.where(inside, positions, own)
    seen = inside & (shifts.abs() <= reach) & (document[positions] == document[:, None])
    return torch.where(seen, positions, own), seen


def skip_gram_examples(
    words: Int[Tensor, " tokens"],
    positions: Int[Tensor, "tokens width"],
    seen: Bool[Tensor, "tokens width"],
) -> Examples:
    """Each word in the middle asks for each of its neighbours: one example a pair."""
    token, place = seen.nonzero(as_tuple=True)
    weights = torch.ones(len(token), 1)
    return Examples(words[token][:, None], weights, words[positions[token, place]])


def cbow_examples(
    words: Int[Tensor, " tokens"],
    positions: Int[Tensor, "tokens width"],
    seen: Bool[Tensor, "tokens width"],
) -> Examples:
    """The mean of its neighbours asks for each word in the middle: one example a token."""
    token = seen.any(1).nonzero()[:, 0]
    weights = seen[token] / seen[token].sum(1, keepdim=True)
    return Examples(words[positions[token]], weights, words[token])


def _check_counts(counts: Tensor) -> None:
    if not (counts.isfinite().all() and (counts >= 0).all() and counts.sum() > 0):
        raise ValueError(
            "counts must be finite, not negative, and not all zero: "
            f"got {counts.min().item():g} … {counts.max().item():g} for {len(counts)} words"
        )
