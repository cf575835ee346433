"""Connectionist temporal classification: words in order, without saying when each was spoken.

A network that reads sound gives, for every frame, a probability of each symbol and of 'blank',
nothing new. Many paths of symbols mean the same transcript; the loss adds up all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import torch
from jaxtyping import Float
from torch import Tensor

from xmodal_lab.batch import Padded


def collapse(path: Sequence[int], blank: int = 0) -> list[int]:
    """What a path says: repeats become one, then blanks go. [0, 3, 3, 0, 3, 5] → [3, 3, 5]."""
    return [symbol for symbol, _ in groupby(path) if symbol != blank]


def greedy(log_probabilities: Padded, blank: int = 0) -> list[list[int]]:
    """The transcript of the most probable symbol of every real frame, for each row.

    Args:
        log_probabilities: (batch, frames, symbols).
        blank: number of the blank.
    """
    best = log_probabilities.values.argmax(dim=2).tolist()
    lengths = log_probabilities.lengths.tolist()
    return [collapse(row[:length], blank) for row, length in zip(best, lengths, strict=True)]


def ctc_loss(
    log_probabilities: Float[Tensor, "frames symbols"], transcript: Sequence[int], blank: int = 0
) -> Float[Tensor, ""]:
    """How improbable a transcript is: -ln of the sum over all paths that collapse to it, in nats.

        α_0(s) = ln p_0(l_s) for s < 2, else -∞
        α_t(s) = ln p_t(l_s) + ln Σ_{s' ∈ {s, s-1, s-2}} exp α_{t-1}(s')
        L = -ln (exp α_T(last) + exp α_T(last - 1))

    l is the transcript with a blank before, between and behind its symbols. s - 2 counts only where
    l_s is no blank and differs from l_{s-2}. One utterance; ``torch.nn.functional.ctc_loss`` gives
    the same for a batch.

    Returns:
        ∞ where the frames are too few for the transcript.

    Raises:
        ValueError: where the transcript holds the blank, or a symbol that is not there.

    Source: Graves et al. 2006, equations 5 to 8.
    """
    symbols = log_probabilities.shape[1]
    if wrong := [s for s in transcript if not 0 <= s < symbols or s == blank]:
        raise ValueError(f"a transcript of symbols 0 … {symbols - 1} without {blank}, got {wrong}")
    spread = [blank]
    for symbol in transcript:
        spread += [symbol, blank]
    never = log_probabilities.new_tensor(-torch.inf)
    score = log_probabilities[:, spread]
    alpha = [score[0, s] if s < 2 else never for s in range(len(spread))]
    for row in score[1:]:
        before, alpha = alpha, []
        for s, symbol in enumerate(spread):
            arrivals = before[max(0, s - 1) : s + 1]
            if s >= 2 and symbol != blank and symbol != spread[s - 2]:
                arrivals = before[s - 2 : s + 1]
            alpha.append(row[s] + _log_sum(arrivals))
    return -_log_sum(alpha[-2:])


def _log_sum(terms: list[Tensor]) -> Tensor:
    """ln Σ exp; where every term is -∞, -∞ with no gradient rather than NaN."""
    stacked = torch.stack(terms)
    possible = stacked[stacked > -torch.inf]
    return possible.logsumexp(0) if len(possible) else stacked[0].detach()
