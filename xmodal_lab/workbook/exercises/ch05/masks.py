"""Wrong ways to leave something out of a softmax over the last axis, and what each is asked."""

from __future__ import annotations

from collections.abc import Callable

import torch

from xmodal_lab.workbook.exercises.form import Misconception

LARGE = (
    "Is there a number too large or too small for exp? Set scores to -torch.inf before the "
    "softmax, and leave the rest to torch.softmax."
)
LOW = "Is a score set to a number that is not low enough? −∞ always is: -torch.inf."


def softmaxed(scores, mask, low=-torch.inf):
    """Weights that add up to 1 where the mask is True; NaN where it is False throughout."""
    return scores.masked_fill(~mask, low).softmax(-1)


def by_hand(scores, mask):
    terms = scores.exp() * mask
    return terms / terms.sum(-1, keepdim=True)


def renormalised(scores, mask):
    weights = scores.softmax(-1) * mask
    return weights / weights.sum(-1, keepdim=True)


def wrong_masks(answer: Callable, name: str, left_out: str) -> tuple[Misconception, ...]:
    """Misconceptions of an exercise.

    Args:
        answer: makes an answer of ``weigh(scores, mask)``.
        name: the mask's own, in the exercise.
        left_out: what is called so where the mask is False ("absent").
    """

    def low(number):
        return answer(lambda scores, mask: softmaxed(scores, mask, number))

    return (
        Misconception(f"Did you use `{name}`?", answer(lambda s, mask: s.softmax(-1))),
        Misconception(
            f"Did you use `{name}` the wrong way round? What is {left_out} is False there.",
            answer(lambda s, mask: softmaxed(s, ~mask).nan_to_num()),
        ),
        Misconception(
            f"Did you mask after the softmax? What is {left_out} has taken its share already.",
            answer(lambda s, mask: s.softmax(-1).masked_fill(~mask, 0)),
        ),
        Misconception(LARGE, answer(renormalised)),
        Misconception(LARGE, answer(by_hand)),
        Misconception(
            "Is the mask added as 1 and 0? exp(1) is no more than 2.7 times exp(0): use −∞.",
            answer(lambda s, mask: (s + mask).softmax(-1)),
        ),
        Misconception(
            f"Is the score of what is {left_out} 0? exp(0) is 1, so it still counts: use −∞.",
            answer(lambda s, mask: (s * mask).softmax(-1)),
        ),
        *(Misconception(LOW, low(number)) for number in (-10.0, -100.0, -1e3, -1e4)),
    )
