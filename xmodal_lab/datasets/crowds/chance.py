"""What guessing can reach: the best guesser of the text alone, and of the picture alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np

from xmodal_lab.datasets.crowds.language import KINDS
from xmodal_lab.datasets.crowds.law import law
from xmodal_lab.datasets.crowds.questions import Questions


def stated_chance(asked: Questions) -> dict[str, dict[str, float]]:
    """The accuracy that one modality alone can reach, per kind of question: 0 … 1.

        text only:     E_text max_a P(a | text)
        picture only:  E_crowd max_a P(a | crowd, kind)

    No model is trained. ``law`` tells how probable each question was in each crowd, so the picture's
    number is exact for these crowds. The text's probabilities are sums of the law over half of
    the crowds, and the guesses they lead to are scored by the law on the other half, both ways
    round: with 10,000 crowds that is within half a point of what 100,000 give.

    Args:
        asked: as ``questions`` gives them; thousands, or the text's number is too low.

    Returns:
        For each kind that was asked, 'text only' and 'picture only'.
    """
    found = {}
    for kind in (kind for kind in KINDS if kind in asked.kinds):
        crowds = [asked.crowds[row] for row in asked.rows[asked.kinds == kind].tolist()]
        laws = [law(crowd, kind) for crowd in crowds]
        best = [max(_by_answer(choices).values()) for choices in laws]
        halves = _by_text(laws[::2]), _by_text(laws[1::2])
        right = _scored(halves[0], halves[1]) + _scored(halves[1], halves[0])
        found[kind] = {"text only": right / len(laws), "picture only": float(np.mean(best))}
    return found


def _by_answer(choices) -> Counter:
    chances: Counter = Counter()
    for probability, choice in choices:
        chances[choice.answer] += probability
    return chances


def _by_text(laws: Iterable) -> dict[str, Counter]:
    table: dict[str, Counter] = defaultdict(Counter)
    for choices in laws:
        for probability, choice in choices:
            table[choice.asked.text][choice.answer] += probability
    return table


def _scored(learned: dict[str, Counter], table: dict[str, Counter]) -> float:
    """How many of the table's questions the learned one's most frequent answers get right."""
    guesses = {text: answers.most_common(1)[0][0] for text, answers in learned.items()}
    return sum(answers[guesses[text]] for text, answers in table.items() if text in guesses)
