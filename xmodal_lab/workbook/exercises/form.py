"""The form of an exercise, and how an answer to it is judged.

An exercise says what is right (``oracle``), on what (``cases``), and which wrong functions people
write (``misconceptions``). An answer that fails is compared with what each of these gives for the
same inputs: the one whose results it reproduces is asked about.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch.utils._pytree import tree_map

from xmodal_lab.workbook.kit.attempt import Attempt, Mistake, kind
from xmodal_lab.workbook.kit.called import require_without
from xmodal_lab.workbook.kit.compare import TOLERANCE, likeliest, pair_in_words, same
from xmodal_lab.workbook.kit.gradients import require_gradients


class Misconception(NamedTuple):
    """A wrong answer, called as the right one is, and the question it deserves."""

    question: str
    wrong: Callable


class Case(NamedTuple):
    """Inputs; what they are about, in words; advice for who fails here in a way of their own.

    Parameters with a default may be left out: then the answer's own default is looked at.
    """

    inputs: tuple
    what: str = "the result"
    advice: str = ""


class AtSize(NamedTuple):
    """Inputs as large as the chapter's, in words too, and how often the chapter calls with them."""

    inputs: Callable[[], tuple]
    what: str
    calls: int


@dataclass(frozen=True)
class Number:
    """The result is one number: a float, or a tensor or an array without axes.

    Attributes:
        if_many: asked where it has axes.
        if_not_finite: asked where it is infinite or NaN.
        if_fraction: asked where a whole number is wanted and something else is there.
        if_tensor: asked where Python's own number is promised and a tensor or an array is there.
    """

    what: str
    if_many: str = "Did you forget a mean?"
    if_not_finite: str = ""
    if_fraction: str = ""
    if_tensor: str = ""

    def joined(self, value):
        """The result itself: no parts are to be joined."""
        return value

    def read(self, value) -> np.ndarray:
        if not isinstance(value, (torch.Tensor, np.ndarray, np.generic, float, int)):
            raise Mistake(f"{self.what} should be a single number, yours is {kind(value)}.")
        number = _plain(value)
        if self.if_fraction and number.shape == () and number.dtype.kind not in "iu":
            raise Mistake(
                f"{self.what} should be a whole number, yours is {number}. {self.if_fraction}"
            )
        if self.if_tensor and number.shape == () and isinstance(value, torch.Tensor | np.ndarray):
            raise Mistake(
                f"{self.what} should be a plain number, yours is {kind(value)}. {self.if_tensor}"
            )
        return number

    def difference(self, what: str, wanted: np.ndarray, got: np.ndarray) -> tuple[str, str]:
        if got.shape != ():
            shape = list(got.shape)
            return f"{self.what} should be a single number, yours has shape {shape}.", self.if_many
        right, yours = pair_in_words(wanted, got)
        question = "" if np.isfinite(got) else self.if_not_finite
        return f"{what} should be {right}, yours is {yours}.", question


@dataclass(frozen=True)
class Entries:
    """The result is a tensor (or an ``array``, where that is the type).

    Attributes:
        if_shape: asked where the shape is another one.
        if_fraction: asked where whole numbers are wanted and something else is there.
    """

    type: type = torch.Tensor
    if_shape: str = ""
    if_fraction: str = ""

    def joined(self, value):
        """One tensor of a result that has several, in the oracle's order."""
        return value

    def read(self, value) -> np.ndarray:
        if not isinstance(value, self.type):
            noun = "a tensor" if self.type is torch.Tensor else "an array"
            raise Mistake(f"the result should be {noun}, yours is {kind(value)}.")
        values = _plain(value)
        if self.if_fraction and values.dtype.kind not in "iu":
            raise Mistake(
                f"the result should hold whole numbers, yours is {values.dtype}. {self.if_fraction}"
            )
        return values

    def difference(self, what: str, wanted: np.ndarray, got: np.ndarray) -> tuple[str, str]:
        if got.shape != wanted.shape:
            right, yours = list(wanted.shape), list(got.shape)
            return f"the shape should be {right}, yours is {yours}.", self.if_shape
        place = tuple(int(i) for i in np.argwhere(~same(got, wanted))[0])
        right, yours = pair_in_words(wanted[place], got[place])
        return f"{what}: entry {list(place)} should be {right}, yours is {yours}.", ""


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One exercise, mostly data.

    Attributes:
        reference: a right answer, with the exercise's name, parameters and defaults; the package's
            own function where there is one, whose keyword-only parameters are not asked for.
        oracle: the same once more, sharing no code with it: a loop, numpy, float64. It is given
            numpy arrays in float64 in place of tensors, also of those in a list or a dict.
        cases: makes the inputs. The first one wrong is reported; all together decide which
            misconception is asked about.
        result: how a result is read, and what is said where it differs.
        misconceptions: wrong functions; of several that fit equally well the first is asked about.
        advice: said where no misconception fits.
        praise: what a right answer was compared with.
        gradient: parameters whose gradient is promised; plain numbers among them become tensors.
        gradient_cases: in how many of the first cases it is looked at.
        forbidden: functions of PyTorch that would do the exercise, by a part of their name; where
            one is called, a right result is refused.
        at_size: what the chapter asks of it; None where any answer is fast enough.
        on_device: False where the chapter calls it with tensors on the CPU only.
        tolerance: how far a result may be off, as a share of it or at 0.
    """

    reference: Callable
    oracle: Callable
    cases: Callable[[], Iterable[Case]]
    result: Number | Entries
    misconceptions: Sequence[Misconception]
    advice: str
    praise: str
    gradient: tuple[str, ...] = ()
    gradient_cases: int = 1
    forbidden: tuple[str, ...] = ()
    at_size: AtSize | None = None
    on_device: bool = True
    tolerance: float = TOLERANCE

    @property
    def name(self) -> str:
        """That of its reference; a learner's function is found by it."""
        return self.reference.__name__

    def checker(self, attempt: Attempt) -> None:
        """Raise a Mistake about the first wrong case, what is forbidden, or the gradient."""
        cases = list(self.cases())
        wanted = [self._oracle(*case.inputs) for case in cases]
        got: list[np.ndarray | None] = []
        failed = None
        for place, case in enumerate(cases):
            try:
                got.append(self.result.read(attempt(*case.inputs)))
            except Mistake as mistake:
                if failed is None:
                    raise Mistake(f"{mistake} {case.advice}".strip()) from None
                got.append(None)  # the first wrong case is reported, not a later stop
                continue
            if failed is None and not np.all(same(got[place], wanted[place], self.tolerance)):
                failed = place
        if failed is not None:
            self._tell(cases, wanted, got, failed)
        if self.forbidden:
            require_without(self.forbidden, attempt, [case.inputs for case in cases])
        for case in cases[: self.gradient_cases if self.gradient else 0]:
            try:
                require_gradients(
                    attempt, self._oracle, case.inputs, self.gradient, self.result.joined
                )
            except Mistake as mistake:
                where = f"{case.what}: " if self.gradient_cases > 1 else ""
                raise Mistake(f"{where}{mistake}") from None

    def _tell(self, cases, wanted, got, failed: int) -> None:
        suspects = [
            (question, [self._result_of(wrong, case.inputs) for case in cases])
            for question, wrong in self.misconceptions
        ]
        case = cases[failed]
        sentence, question = self.result.difference(case.what, wanted[failed], got[failed])
        question = likeliest(got, suspects, failed) or question or case.advice or self.advice
        raise Mistake(f"{sentence} {question}")

    def _result_of(self, wrong: Callable, inputs: tuple) -> np.ndarray | None:
        """What a misconception makes of inputs; None where it stops: then it says nothing."""
        try:
            return self.result.read(wrong(*copy.deepcopy(inputs)))
        except Exception:
            return None

    def _oracle(self, *inputs) -> np.ndarray:
        exact = tree_map(
            lambda x: _plain(x, np.float64) if isinstance(x, torch.Tensor) else x, inputs
        )
        return np.asarray(self.oracle(*exact))


def _plain(value, floats: type | None = None) -> np.ndarray:
    """Any number, tensor or array as a numpy array; with ``floats``, fractions in that type."""
    values = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    return values.astype(floats) if floats and values.dtype.kind == "f" else values
