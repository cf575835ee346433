"""``check``: judges an exercise in one line, and lets the chapter go on whatever the answer is."""

from __future__ import annotations

import ast
import difflib
import dis
import inspect
import textwrap
from collections.abc import Callable
from typing import NamedTuple

import torch

from xmodal_lab.runtime import chosen_device
from xmodal_lab.workbook.exercises import EXERCISES, Exercise
from xmodal_lab.workbook.kit import at_work
from xmodal_lab.workbook.kit.attempt import INTERRUPTED, Attempt, Mistake, quiet
from xmodal_lab.workbook.kit.limits import TimeUp, within

# Seconds for judging an answer. The inputs are small: explicit loops in plain Python take well
# under a second on them, so this ends nothing that would have ended by itself in a chapter.
LIMIT = 10.0
GOES_ON = "ontinuing with the reference solution."


class Verdict(NamedTuple):
    """What is wrong with an answer; where nothing is, what it costs and where it would stop."""

    mistake: str = ""
    cost: str = ""
    warning: str = ""


def check(fn: Callable) -> Callable:
    """Judge a learner's function, found by its name, and print one line about it.

    Returns:
        The learner's function where it is right and fast enough for its chapter, else the
        reference, so that the notebook goes on.

    Raises:
        TypeError: where ``fn`` is no function (its result was passed, say).
        ValueError: for a name that is no exercise, with the names near it.
    """
    exercise = _find(fn)
    if fn is exercise.reference or is_stub(fn):
        print(f"○ {exercise.name}: not attempted yet, c{GOES_ON}")
        return exercise.reference
    verdict = judge(exercise, fn)
    if verdict.mistake:
        print(f"✗ {exercise.name}: {verdict.mistake} C{GOES_ON}")
        return exercise.reference
    if verdict.cost:
        print(
            f"✓ {exercise.name}: right, and too slow for this chapter: {verdict.cost}, so the "
            "chapter goes on with the reference solution."
        )
        return exercise.reference
    print(f"✓ {exercise.name}: {exercise.praise}; your version is used from here on.")
    if verdict.warning:
        print(f"  {verdict.warning}")
    return fn


def _find(fn: Callable) -> Exercise:
    name = getattr(fn, "__name__", None)
    if not callable(fn) or name is None:
        kind = type(fn).__name__
        raise TypeError(f"check() takes the function itself, as in `f = check(f)`; got a {kind}")
    if name not in EXERCISES:
        near = difflib.get_close_matches(name, EXERCISES, n=3, cutoff=0.6) or sorted(EXERCISES)
        raise ValueError(f"no exercise is called {name!r}: did you mean {' or '.join(near)}?")
    return EXERCISES[name]


def judge(exercise: Exercise, fn: Callable) -> Verdict:
    """What is to be said about an answer: all of it empty where it is right, anywhere and fast."""
    device = chosen_device() if exercise.on_device else torch.device("cpu")
    try:
        # Also the comparison runs quietly: a strange result may warn while it is looked at.
        with quiet():
            warning = within(LIMIT, _examine, exercise, fn, device)
            return Verdict(cost=at_work.cost(exercise, fn, device), warning=warning)
    except Mistake as mistake:
        return Verdict(mistake=str(mistake))
    except TimeUp as reason:
        [stopped] = reason.args
        end = "stopped" if stopped else "and it cannot be stopped: restart the kernel to end it"
        return Verdict(f"no answer after {LIMIT:g} seconds, {end}. Does a loop never end?")
    except KeyboardInterrupt:
        return Verdict(INTERRUPTED)
    except Exception as error:
        return Verdict(f"your result could not be compared ({type(error).__name__}: {error}).")


def _examine(exercise: Exercise, fn: Callable, device: torch.device) -> str:
    """Raise a Mistake where an answer is wrong, else return what is to be said about GPUs."""
    attempt = Attempt(fn, exercise.reference)
    exercise.checker(attempt)
    if device.type != "cpu":
        at_work.require_on_device(attempt, device)
    elif exercise.on_device:
        return at_work.warning_for_gpus(attempt)
    return ""


def is_stub(fn: Callable) -> bool:
    """True where a function's body is only ``...``, ``pass`` or ``raise NotImplementedError``.

    The compiled code decides. The source, where it is at hand, has a veto: ``return None``
    compiles to the same code as ``pass``, but somebody wrote it.
    """
    code = getattr(fn, "__code__", None)
    return code is not None and _is_stub_code(code) and _is_stub_source(fn) is not False


# What may surround the two instructions that matter, in any CPython from 3.10 on.
_FILLERS = {"RESUME", "NOP", "CACHE", "PUSH_NULL", "PRECALL", "EXTENDED_ARG", "NOT_TAKEN"}
_RAISING = {"LOAD_GLOBAL", "LOAD_CONST", "CALL", "CALL_FUNCTION", "RAISE_VARARGS"}


def _is_stub_code(code) -> bool:
    steps = [step for step in dis.get_instructions(code) if step.opname not in _FILLERS]
    names = [step.opname for step in steps]
    if code.co_names == ("NotImplementedError",):
        return names[-1] == "RAISE_VARARGS" and set(names) <= _RAISING
    returns_none = steps[-1].opname in ("RETURN_VALUE", "RETURN_CONST") and steps[0].argval is None
    return returns_none and names in (["LOAD_CONST", "RETURN_VALUE"], ["RETURN_CONST"])


def _is_stub_source(fn: Callable) -> bool | None:
    """The same question asked of the source text; None where there is none to read."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(fn)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    body = next((node.body for node in found if node.name == fn.__name__), None)
    if body is None:
        return None
    if isinstance(body[0], ast.Expr) and isinstance(getattr(body[0].value, "value", None), str):
        body = body[1:]
    return all(_says_nothing(statement) for statement in body)


def _says_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return statement.value.value is Ellipsis
    if isinstance(statement, ast.Raise):
        raised = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
        return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    return isinstance(statement, ast.Pass)
