"""How results are compared, and which misconception explains a wrong one.

``number``, ``array`` and ``require_…`` serve the exercises of chapters 00, 01 and 04, which call
them one by one; ``workbook/exercises/form.py`` is the form for what comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from xmodal_lab.workbook.kit.attempt import Attempt, Mistake, kind

TOLERANCE = 1e-3


def same(a: np.ndarray, b: np.ndarray, tolerance: float = TOLERANCE) -> np.ndarray:
    """Where two results agree: exactly if both are whole numbers. Of two shapes, nowhere."""
    if np.shape(a) != np.shape(b):
        return np.array(False)
    if np.asarray(a).dtype.kind in "iub" and np.asarray(b).dtype.kind in "iub":
        return np.equal(a, b)
    return np.isclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)


def likeliest(got: Sequence, suspects: Sequence[tuple[str, Sequence]], failed: int) -> str:
    """The question of the suspect that explains the failed case and contradicts fewest others.

    Two misconceptions often give the same result once; seldom do they in every case. One that
    contradicts more than it explains fits by chance, and is not asked about.

    Args:
        got: a learner's result for each case; None where there is none.
        suspects: questions, and what each misconception gives for each case, None for nothing.
        failed: the case that is to be explained.
    """
    best, fewest = "", len(got) + 1
    for question, values in suspects:
        fits = [
            None if mine is None or theirs is None else bool(np.all(same(mine, theirs)))
            for mine, theirs in zip(got, values, strict=True)
        ]
        against = fits.count(False)
        if fits[failed] and against < fewest and against <= fits.count(True):
            best, fewest = question, against
    return best


def pair_in_words(wanted, got) -> tuple[str, str]:
    """Two numbers with two decimals, or with as many as are needed to tell them apart."""
    if all(np.asarray(n).dtype.kind in "iub" for n in (wanted, got)):
        return str(int(wanted)), str(int(got))
    for decimals in (2, 3, 4, 6):
        texts = f"{float(wanted):.{decimals}f}", f"{float(got):.{decimals}f}"
        if texts[0] != texts[1]:
            break
    return texts


def number(value, what: str = "the result", missing: str = "a mean") -> float:
    """A plain number, a tensor or an array of one number; anything else is a Mistake."""
    if isinstance(value, (torch.Tensor, np.ndarray)) and tuple(value.shape) != ():
        raise Mistake(
            f"{what} should be a single number, yours has shape {list(value.shape)}. "
            f"Did you forget {missing}?"
        )
    try:
        if isinstance(value, str):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise Mistake(f"{what} should be a single number, yours is {kind(value)}.") from None


def array(value, shape: Sequence[int], wanted: type = torch.Tensor, shape_hint: str = ""):
    """The result as a numpy array of this shape; another type or shape is a Mistake."""
    if not isinstance(value, wanted):
        noun = "a tensor" if wanted is torch.Tensor else "an array"
        raise Mistake(f"the result should be {noun}, yours is {kind(value)}.")
    if list(value.shape) != list(shape):
        raise Mistake(
            f"the shape should be {list(shape)}, yours is {list(value.shape)}. {shape_hint}".strip()
        )
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


# A suspect is a misconception asked as a question, and what it would make of the same inputs.
Suspect = tuple[str, object]


def require_number(
    got: float,
    wanted: float,
    suspects: Sequence[Suspect] = (),
    what: str = "the result",
    otherwise: str = "",
) -> None:
    """Raise a Mistake unless two numbers agree, with the question of the suspect that fits."""
    if same(got, wanted):
        return
    question = next((q for q, value in suspects if same(got, value)), otherwise)
    mine, yours = pair_in_words(wanted, got)
    raise Mistake(f"{what} should be {mine}, yours is {yours}. {question}".strip())


class Case(NamedTuple):
    """One set of inputs, the number they should give, and what typical mistakes would give.

    All cases of an exercise list the same suspects in the same order; None as a suspect's value
    says that it has none for these inputs.
    """

    inputs: tuple
    wanted: float
    suspects: Sequence[Suspect]
    what: str


def require_numbers(
    attempt: Attempt,
    cases: Sequence[Case],
    what: str,
    otherwise: str = "",
    missing: str = "a mean",
) -> None:
    """Raise a Mistake about the first case that is wrong, asking what fits all cases best.

    Two misconceptions often give the same number once; seldom do they in every case.
    """
    results: list[float | None] = []
    failed = None
    for place, case in enumerate(cases):
        try:
            results.append(number(attempt(*case.inputs), what, missing))
        except Mistake:
            if failed is None:
                raise
            results.append(None)
            continue
        if failed is None and not same(results[place], case.wanted):
            failed = place
    if failed is not None:
        names = [question for question, _ in cases[failed].suspects]
        values = [[case.suspects[place][1] for case in cases] for place in range(len(names))]
        question = likeliest(results, list(zip(names, values, strict=True)), failed) or otherwise
        require_number(results[failed], cases[failed].wanted, (), cases[failed].what, question)


def require_entries(
    got: np.ndarray,
    wanted: np.ndarray,
    suspects: Sequence[Suspect] = (),
    otherwise: str = "",
    context: Callable[[tuple[int, ...]], str] | None = None,
) -> None:
    """Raise a Mistake that names the first entry in which two arrays of one shape differ.

    ``context`` says something about that entry's surroundings; it is added in brackets.
    """
    agree = same(got, wanted)
    if agree.all():
        return
    place = tuple(int(i) for i in np.argwhere(~agree)[0])
    question = next((q for q, value in suspects if same(got, value).all()), otherwise)
    mine, yours = pair_in_words(wanted[place], got[place])
    around = f" ({context(place)})" if context else ""
    message = f"entry {list(place)} should be {mine}, yours is {yours}{around}. {question}"
    raise Mistake(message.strip())
