"""What a right answer does in its chapter: on the device the chapter runs on, and at its size."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np
import torch
from torch.utils._pytree import tree_leaves, tree_map

from xmodal_lab.workbook.kit import elsewhere
from xmodal_lab.workbook.kit.attempt import Attempt, Mistake
from xmodal_lab.workbook.kit.limits import TimeUp, within

# A chapter promises to run in under two minutes. An answer that adds more than this breaks that.
TOO_MUCH = 60.0
# Seconds that one call at the chapter's size may take, however seldom it is called.
LIMIT = 5.0


class Place(NamedTuple):
    """A device: how tensors get there, and the context in which it exists."""

    send: Callable[[torch.Tensor], torch.Tensor]
    context: Callable[[], AbstractContextManager]

    def take(self, inputs: tuple) -> tuple:
        """Copies of inputs, tensors on the device."""
        return tree_map(
            lambda x: self.send(x) if isinstance(x, torch.Tensor) else x, copy.deepcopy(inputs)
        )


STAND_IN = Place(elsewhere.send, elsewhere.Elsewhere)


def place_of(device: torch.device) -> Place:
    return Place(lambda tensor: tensor.to(device), nullcontext)


def warning_for_gpus(attempt: Attempt) -> str:
    """Where an answer that is right on the CPU would stop on a GPU, or nothing.

    The stand-in is no judge: what it cannot do, beside refusing, is no reproach.
    """
    inputs = STAND_IN.take(attempt.calls[0][0])
    try:
        with STAND_IN.context():
            attempt.function(*inputs)
    except elsewhere.WrongDeviceError as error:
        advice = attempt.advice_about_devices(error, inputs)
        return f"On a GPU it would stop{attempt.place_of(error)}. {advice}"
    except Exception:
        return ""
    return ""


def require_on_device(attempt: Attempt, device: torch.device) -> None:
    """Raise a Mistake unless an answer that is right on the CPU says the same on a device."""
    place = place_of(device)
    for inputs, wanted in attempt.calls:
        there = place.take(inputs)
        try:
            with place.context():
                got = attempt.function(*there)
        except Exception as error:
            raise Mistake(
                f"right on the CPU, but on {device} {attempt.story_of(error, there)}"
            ) from None
        if not _same(got, wanted):
            raise Mistake(f"right on the CPU, but on {device} your version gives other numbers.")


def _same(got, wanted) -> bool:
    pairs = [[_values(x) for x in tree_leaves(result)] for result in (got, wanted)]
    return len(pairs[0]) == len(pairs[1]) and all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-2, atol=1e-2, equal_nan=True)
        for a, b in zip(*pairs, strict=True)
    )


def _values(x) -> np.ndarray:
    return x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)


def cost(exercise, function: Callable, device: torch.device) -> str:
    """What a right answer would cost its chapter beside the reference; nothing if that is little.

    Both are measured here, on this machine, at the size the exercise declares.

    Raises:
        Mistake: where it stops at that size.
    """
    size = exercise.at_size
    if size is None:
        return ""
    fast, slow, at_least = torch.inf, torch.inf, ""
    try:
        # A verdict of “too slow” is asked for again: the first call of all is slow, and so is
        # any on a busy machine.
        for _ in range(5):
            fast = min(fast, _seconds(exercise, exercise.reference, device))
            slow = min(slow, within(LIMIT, _seconds, exercise, function, device))
            if size.calls * (slow - fast) <= TOO_MUCH or slow > 1:
                break
    except TimeUp:
        slow, at_least = min(slow, LIMIT), "more than "
    except Mistake as mistake:
        raise Mistake(f"right on small inputs, but with {size.what} {mistake}") from None
    extra = size.calls * (slow - fast)
    if extra <= TOO_MUCH and not at_least:
        return ""
    calls = f"{size.calls:,} calls" if size.calls > 1 else "1 call"
    return (
        f"with {size.what} it takes {at_least}{_in_words(slow)} where a fast one takes "
        f"{_in_words(fast)}, which makes {at_least}{_in_words(extra)} of waiting in {calls}"
    )


def _seconds(exercise, function: Callable, device: torch.device) -> float:
    """How long one call takes, the way back included where gradients are promised."""
    attempt, place = Attempt(function, exercise.reference), place_of(device)
    inputs = place.take(exercise.at_size.inputs())
    for name, value in attempt.named(inputs):
        for leaf in tree_leaves(value) if name in exercise.gradient else ():
            if isinstance(leaf, torch.Tensor):
                leaf.requires_grad_()
    begin = time.perf_counter()
    with place.context():
        result = attempt.run(*inputs)
        results = tree_leaves(result)
        if exercise.gradient:
            sum(part.sum() for part in results).backward()
        for part in results:
            _values(part)  # waits for the device
    return time.perf_counter() - begin


def _in_words(seconds: float) -> str:
    if seconds >= 90:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds:.0f} seconds" if seconds >= 1 else f"{max(1, 1000 * seconds):.0f} ms"
