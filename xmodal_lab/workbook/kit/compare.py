"""How a checker looks at a learner's result: calls it safely, and says exactly what differs."""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import linecache
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch


class Mistake(Exception):
    """What is wrong with an answer, in a sentence, with the likely misconception as a question."""


class Attempt:
    """A learner's function. Calling it copies the inputs, and turns anything odd into a Mistake."""

    def __init__(self, function: Callable, reference: Callable) -> None:
        self.function = function
        self.name = reference.__name__
        self.parameters = list(inspect.signature(reference).parameters)
        self._require_signature()

    def _require_signature(self) -> None:
        try:
            own = inspect.signature(self.function)
        except (TypeError, ValueError):  # some built-in functions have none
            return
        try:
            own.bind(*self.parameters)
            own.bind(**dict.fromkeys(self.parameters))
        except TypeError:
            wanted = f"{self.name}({', '.join(self.parameters)})"
            raise Mistake(f"expected the signature {wanted}, yours is {self.name}{own}.") from None

    def __call__(self, *inputs):
        given = copy.deepcopy(inputs)
        result = self.run(*given)
        for name, before, after in zip(self.parameters, inputs, given, strict=True):
            if not _unchanged(before, after):
                raise Mistake(
                    f"your version changes its input `{name}`. Did you write into it in place? "
                    "Make a new array instead."
                )
        if result is None:
            raise Mistake("your version returns None. Did you forget `return`?")
        if result is Ellipsis or inspect.isgenerator(result):
            raise Mistake(
                f"your version returns {_kind(result)}. Did you return the result itself?"
            )
        return result

    def run(self, *inputs):
        """The function's own result for the inputs themselves; what it raises becomes a Mistake."""
        try:
            with quiet():
                return self.function(*inputs)
        except RecursionError:
            raise Mistake("your version calls itself without end. Where does it stop?") from None
        except KeyboardInterrupt:
            raise Mistake("your version was interrupted. Does a loop never end?") from None
        except (Exception, SystemExit) as error:
            raise Mistake(_stopped(error, self.function)) from None


@contextlib.contextmanager
def quiet():
    """Without printed lines, without warnings, and without a trace in torch's random numbers."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
        torch.random.fork_rng(devices=[]),
    ):
        warnings.simplefilter("ignore")
        yield


def _stopped(error: BaseException, function: Callable) -> str:
    said = " ".join(str(error).split()) or "no message"
    said = said if len(said) <= 160 else said[:159] + "…"
    code = getattr(function, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if code is not None and frame.filename == code.co_filename]
    if not own:
        return f"your version stopped with {type(error).__name__}: {said}."
    line = own[-1].lineno
    source = linecache.getline(code.co_filename, line).strip()
    place = f"line {line}: `{source}`" if source else f"line {line}"
    return f"your version stopped with {type(error).__name__}: {said} ({place})."


def _unchanged(before, after) -> bool:
    if isinstance(before, torch.Tensor):
        return before.shape == after.shape and torch.equal(before, after)
    if isinstance(before, np.ndarray):
        return before.shape == after.shape and np.array_equal(before, after)
    return bool(before == after)


def _kind(value) -> str:
    names = {type(Ellipsis): "`...`", torch.Tensor: "a tensor", np.ndarray: "an array"}
    kind = type(value).__name__
    return names.get(type(value), f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}")


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
        raise Mistake(f"{what} should be a single number, yours is {_kind(value)}.") from None


def array(value, shape: Sequence[int], wanted: type = torch.Tensor, shape_hint: str = ""):
    """The result as a numpy array of this shape; another type or shape is a Mistake."""
    if not isinstance(value, wanted):
        noun = "a tensor" if wanted is torch.Tensor else "an array"
        raise Mistake(f"the result should be {noun}, yours is {_kind(value)}.")
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
    tolerance: float = 1e-3,
) -> None:
    """Raise a Mistake unless two numbers agree, with the question of the suspect that fits."""
    if _close(got, wanted, tolerance):
        return
    question = next((q for q, value in suspects if _close(got, value, tolerance)), otherwise)
    mine, yours = _pair(wanted, got)
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
    tolerance: float = 1e-3,
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
        if failed is None and not _close(results[place], case.wanted, tolerance):
            failed = place
    if failed is not None:
        question = _best_question(results, cases, failed, tolerance) or otherwise
        require_number(results[failed], cases[failed].wanted, (), cases[failed].what, question)


def _best_question(results, cases: Sequence[Case], failed: int, tolerance: float) -> str:
    """Of the suspects that fit the failed case, the one refuted least often by the others."""
    best, fewest = "", len(cases) + 1
    for place, (question, value) in enumerate(cases[failed].suspects):
        if value is None or not _close(results[failed], value, tolerance):
            continue
        values = [case.suspects[place][1] for case in cases]
        refuted = sum(
            got is not None and value is not None and not _close(got, value, tolerance)
            for got, value in zip(results, values, strict=True)
        )
        if refuted < fewest:
            best, fewest = question, refuted
    return best


def require_entries(
    got: np.ndarray,
    wanted: np.ndarray,
    suspects: Sequence[Suspect] = (),
    otherwise: str = "",
    tolerance: float = 1e-3,
    context: Callable[[tuple[int, ...]], str] | None = None,
) -> None:
    """Raise a Mistake that names the first entry in which two arrays of one shape differ.

    ``context`` says something about that entry's surroundings; it is added in brackets.
    """
    same = np.isclose(got, wanted, rtol=tolerance, atol=tolerance)
    if same.all():
        return
    place = tuple(int(i) for i in np.argwhere(~same)[0])
    question = next((q for q, value in suspects if _all_close(got, value, tolerance)), otherwise)
    mine, yours = _pair(wanted[place], got[place])
    around = f" ({context(place)})" if context else ""
    message = f"entry {list(place)} should be {mine}, yours is {yours}{around}. {question}"
    raise Mistake(message.strip())


def _close(a: float, b, tolerance: float) -> bool:
    return bool(np.isclose(a, float(b), rtol=tolerance, atol=tolerance, equal_nan=True))


def _all_close(got: np.ndarray, value, tolerance: float) -> bool:
    value = np.asarray(value)
    return got.shape == value.shape and np.allclose(got, value, rtol=tolerance, atol=tolerance)


def _pair(wanted, got) -> tuple[str, str]:
    """Two numbers with two decimals, or with as many as are needed to tell them apart."""
    if all(isinstance(n, (int, np.integer, np.bool_)) for n in (wanted, got)):
        return str(int(wanted)), str(int(got))
    for decimals in (2, 3, 4, 6):
        texts = f"{float(wanted):.{decimals}f}", f"{float(got):.{decimals}f}"
        if texts[0] != texts[1]:
            break
    return texts
