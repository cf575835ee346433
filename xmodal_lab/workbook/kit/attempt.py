"""A learner's function, called safely: whatever happens becomes one sentence about it."""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import linecache
import traceback
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch.utils._pytree import tree_leaves


class Mistake(Exception):
    """What is wrong with an answer, in a sentence, with the likely misconception as a question."""


class Attempt:
    """A learner's function. Calling it copies the inputs, and turns anything odd into a Mistake.

    Attributes:
        calls: the inputs of each call that went well, and its result.
    """

    def __init__(self, function: Callable, reference: Callable) -> None:
        self.function = function
        self.name = reference.__name__
        asked = asked_for(reference)
        self.parameters = [parameter.name for parameter in asked]
        self.calls: list[tuple[tuple, object]] = []
        self._require_signature(asked)

    def _require_signature(self, asked: list[inspect.Parameter]) -> None:
        try:
            own = inspect.signature(self.function)
        except (TypeError, ValueError):  # some built-in functions have none
            return
        try:
            own.bind(*self.parameters)
            own.bind(**dict.fromkeys(self.parameters))
            own.bind(*(p.name for p in asked if p.default is p.empty))
        except TypeError:
            wanted = ", ".join(str(p.replace(annotation=p.empty)) for p in asked)
            raise Mistake(
                f"expected the signature {self.name}({wanted}), yours is {self.name}{own}."
            ) from None

    def named(self, inputs: tuple) -> Iterator[tuple[str, object]]:
        """Each input beside its parameter; those with a default may be left out."""
        return zip(self.parameters[: len(inputs)], inputs, strict=True)

    def __call__(self, *inputs):
        given = copy.deepcopy(inputs)
        result = self.run(*given)
        for (name, before), after in zip(self.named(inputs), given, strict=True):
            if not _unchanged(before, after):
                raise Mistake(
                    f"your version changes its input `{name}`. Did you write into it in place? "
                    "Make a new one instead."
                )
            if trace := _gradient_left(before, after):
                raise Mistake(f"your input `{name}` {trace} afterwards. Take a copy: .clone().")
        if result is None:
            raise Mistake("your version returns None. Did you forget `return`?")
        if result is Ellipsis or inspect.isgenerator(result):
            raise Mistake(f"your version returns {kind(result)}. Did you return the result itself?")
        self.calls.append((inputs, result))
        return result

    def run(self, *inputs):
        """The function's own result for the inputs themselves; what it raises becomes a Mistake."""
        try:
            return self.function(*inputs)
        except RecursionError:
            raise Mistake("your version calls itself without end. Where does it stop?") from None
        except KeyboardInterrupt:
            raise Mistake(INTERRUPTED) from None
        except (Exception, SystemExit) as error:
            raise Mistake(self.story_of(error, inputs)) from None

    def story_of(self, error: BaseException, inputs: tuple) -> str:
        """What stopped the function, where, and what to do about it where that is known."""
        said = " ".join(str(error).split()) or "no message"
        said = said if len(said) <= 160 else said[:159] + "…"
        advice = self.advice_about_devices(error, inputs) or _advice_about_steps(error)
        return (
            f"your version stopped with {type(error).__name__}: {said}{self.place_of(error)}. "
            f"{advice}".strip()
        )

    def place_of(self, error: BaseException) -> str:
        """The last of the learner's own lines that an error went through, in brackets."""
        code = getattr(self.function, "__code__", None)
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if code is not None and frame.filename == code.co_filename]
        if not own:
            return ""
        source = linecache.getline(code.co_filename, own[-1].lineno).strip()
        return f" (line {own[-1].lineno}: `{source}`)" if source else f" (line {own[-1].lineno})"

    def advice_about_devices(self, error: BaseException, inputs: tuple) -> str:
        """How to end an error about devices; nothing for another error."""
        said = str(error).lower()
        if "device" not in said and "cuda" not in said and "mps" not in said:
            return ""
        if "to numpy" in said:
            return "NumPy works on the CPU only: stay in torch, or take .cpu() first."
        # A function or a number has no `.device`: the first input that is a tensor is named.
        tensors = (name for name, x in self.named(inputs) if isinstance(x, torch.Tensor))
        place = next(tensors, self.parameters[0])
        return f"Put new tensors where `{place}` is: device={place}.device."


def _advice_about_steps(error: BaseException) -> str:
    known = "step must be greater than zero" in str(error)
    return "torch cannot step backwards: use numpy, or torch.flip." if known else ""


INTERRUPTED = "your version was interrupted. Does a loop never end?"


def asked_for(reference: Callable) -> list[inspect.Parameter]:
    """Those an exercise asks for; what goes by keyword only is the package's own affair."""
    parameters = inspect.signature(reference).parameters.values()
    return [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]


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


def kind(value) -> str:
    """A result's type in words."""
    names = {type(Ellipsis): "`...`", torch.Tensor: "a tensor", np.ndarray: "an array"}
    name = type(value).__name__
    return names.get(type(value), f"{'an' if name[0] in 'aeiou' else 'a'} {name}")


def _gradient_left(before, after) -> str:
    """What autograd has left on tensors that were handed over, in words; nothing else."""
    for one, other in zip(tree_leaves(before), tree_leaves(after), strict=True):
        if not isinstance(one, torch.Tensor) or not other.is_leaf:
            continue
        if (one.grad is None) != (other.grad is None):
            return "has a gradient"
        if one.requires_grad != other.requires_grad:
            return "asks for gradients"
    return ""


def _unchanged(before, after) -> bool:
    if isinstance(before, torch.Generator):  # to draw from it is what it is there for
        return True
    if isinstance(before, dict):
        return list(before) == list(after) and all(_unchanged(before[k], after[k]) for k in before)
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(_unchanged, before, after))
    if isinstance(before, torch.Tensor):
        before, after = before.detach().cpu().numpy(), after.detach().cpu().numpy()
    if isinstance(before, np.ndarray):  # a NaN that stayed one has not changed
        return np.array_equal(before, after, equal_nan=before.dtype.kind == "f")
    return bool(before == after)
