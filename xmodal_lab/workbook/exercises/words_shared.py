"""What the checkers of the word chapter share: named results, no NaN, gradients that agree."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import numpy as np

from xmodal_lab.workbook.kit.attempt import Mistake
from xmodal_lab.workbook.kit.compare import number, require_number


@contextlib.contextmanager
def about(what: str):
    """Put a name in front of whatever is said about one of several results."""
    try:
        yield
    except Mistake as mistake:
        raise Mistake(f"{what}: {mistake}") from None


def require_no_nan(got: np.ndarray, wanted: np.ndarray, why: str) -> None:
    """Raise a Mistake that names the first entry that is not a number."""
    places = np.argwhere(np.isnan(got))
    if len(places):
        place = tuple(int(i) for i in places[0])
        raise Mistake(f"entry {list(place)} should be {wanted[place]:.2f}, yours is nan. {why}")


def require_whole_numbers(got: np.ndarray, what: str) -> None:
    if got.dtype.kind not in "iu":
        raise Mistake(f"the result should hold whole numbers ({what}), yours is {got.dtype}.")


def require_extreme(attempt, oracle: Callable[..., float], inputs: Sequence, what: str) -> None:
    """The loss where some dot products are hundreds: neither inf nor nan nor a clipped value."""
    wanted, got = oracle(*inputs), number(attempt(*inputs), "the loss")
    question = "Did a sigmoid become 0 before its logarithm? logsigmoid takes the logit itself."
    require_number(got, wanted, what=what, otherwise=question)
