"""What the checkers of the word chapter share: named results, no NaN, gradients that agree."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import numpy as np
import torch

from xmodal_lab.workbook.kit.attempt import Mistake
from xmodal_lab.workbook.kit.compare import number, require_number

STEP = 1e-5  # of the central differences, in float64


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


def require_gradients(
    attempt, oracle: Callable[..., float], inputs: Sequence, names: Sequence[str]
) -> None:
    """Compare the slopes along a random direction of each named input (the first ones)."""
    leaves = [x.clone().requires_grad_() for x in inputs[: len(names)]]
    loss = attempt.run(*leaves, *inputs[len(names) :])
    if not (isinstance(loss, torch.Tensor) and loss.requires_grad):
        raise Mistake(
            "the value is right, but no gradient flows back, so nothing could be trained with it. "
            "Did you use .item(), .detach() or numpy?"
        )
    loss.backward()
    for place, (name, leaf) in enumerate(zip(names, leaves, strict=True)):
        random = torch.Generator().manual_seed(place)
        direction = torch.randn(leaf.shape, generator=random)
        slope = 0.0 if leaf.grad is None else float((leaf.grad * direction).sum())
        wanted = _slope(oracle, inputs, place, direction)
        if not abs(slope - wanted) <= 1e-2 * max(1.0, abs(wanted)):
            raise Mistake(
                f"the value is right, but the gradient of `{name}` is not. Did you detach it, or "
                "take a number out of it?"
            )


def _slope(oracle, inputs: Sequence, place: int, direction) -> float:
    """How fast the oracle changes when one input moves along a direction."""
    ends = []
    for sign in (1, -1):
        moved = [x.double() if isinstance(x, torch.Tensor) else x for x in inputs]
        moved[place] = moved[place] + sign * STEP * direction.double()
        ends.append(oracle(*moved))
    return (ends[0] - ends[1]) / (2 * STEP)


def require_extreme(attempt, oracle: Callable[..., float], inputs: Sequence, what: str) -> None:
    """The loss where some dot products are hundreds: neither inf nor nan nor a clipped value."""
    wanted, got = oracle(*inputs), number(attempt(*inputs), "the loss")
    question = "Did a sigmoid become 0 before its logarithm? logsigmoid takes the logit itself."
    require_number(got, wanted, what=what, otherwise=question)
