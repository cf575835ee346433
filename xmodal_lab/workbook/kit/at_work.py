"""What a right answer does in its chapter: on the device the chapter runs on, and at its size."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.utils._pytree import tree_leaves

from xmodal_lab.workbook.kit.attempt import Attempt, Mistake
from xmodal_lab.workbook.kit.elsewhere import Elsewhere, WrongDeviceError, send
from xmodal_lab.workbook.kit.limits import TimeUp, within

# A chapter promises to run in under two minutes. An answer that adds more than this breaks that.
TOO_MUCH = 60.0
# Seconds that one call at the chapter's size may take while it is measured.
LIMIT = 5.0


def warning_for_gpus(attempt: Attempt) -> str:
    """Where an answer that is right on the CPU would stop on a GPU, or nothing.

    The stand-in is no judge: what it cannot do, beside refusing, is no reproach.
    """
    inputs = _moved(attempt.calls[0][0], send)
    try:
        with Elsewhere():
            attempt.function(*inputs)
    except WrongDeviceError as error:
        advice = attempt.advice_about_devices(error)
        return f"On a GPU it would stop{attempt.place_of(error)}. {advice}"
    except Exception:
        return ""
    return ""


def require_on_device(attempt: Attempt, device: torch.device) -> None:
    """Raise a Mistake unless an answer that is right on the CPU says the same on a device."""
    for inputs, wanted in attempt.calls:
        try:
            got = attempt.function(*_moved(inputs, lambda tensor: tensor.to(device)))
        except Exception as error:
            raise Mistake(f"right on the CPU, but on {device} {attempt.story_of(error)}") from None
        if not _same(got, wanted):
            raise Mistake(f"right on the CPU, but on {device} your version gives other numbers.")


def _moved(inputs: tuple, move: Callable) -> tuple:
    return tuple(
        move(x.clone()) if isinstance(x, torch.Tensor) else copy.deepcopy(x) for x in inputs
    )


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
    if exercise.at_size is None:
        return ""
    fast = _seconds(exercise, exercise.reference, device)
    slow, at_least = LIMIT, "more than "
    try:
        slow, at_least = within(LIMIT, _seconds, exercise, function, device), ""
        if exercise.at_size.calls * (slow - fast) > TOO_MUCH:  # a hiccup shall not decide
            slow = min(slow, within(LIMIT, _seconds, exercise, function, device))
    except TimeUp:
        pass
    extra = exercise.at_size.calls * (slow - fast)
    if extra <= TOO_MUCH and not at_least:
        return ""
    return (
        f"But at the chapter's size, {exercise.at_size.what}, it takes {at_least}"
        f"{_in_words(slow)} a call, and a fast one {_in_words(fast)}: with "
        f"{exercise.at_size.calls:,} calls, {at_least}{_in_words(extra)} of waiting"
    )


def _seconds(exercise, function: Callable, device: torch.device) -> float:
    """How long one call takes, the way back included where gradients are promised."""
    attempt = Attempt(function, exercise.reference)
    inputs = _moved(exercise.at_size.inputs(), lambda tensor: tensor.to(device))
    for name, value in zip(attempt.parameters, inputs, strict=True):
        if name in exercise.gradient and isinstance(value, torch.Tensor):
            value.requires_grad_()
    begin = time.perf_counter()
    result = attempt.run(*inputs)
    if exercise.gradient:
        result.backward()
    _values(result)  # waits for the device
    return time.perf_counter() - begin


def _in_words(seconds: float) -> str:
    if seconds >= 90:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds:.0f} seconds" if seconds >= 1 else f"{1000 * seconds:.2g} ms"
