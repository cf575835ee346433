"""Did PyTorch do the exercise? Which operations an answer calls, also inside of others."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from xmodal_lab.workbook.kit.attempt import Attempt, Mistake


class Called(TorchDispatchMode):
    """Notes the names of the operations that run in its context.

    A layer, a function of ``torch.nn.functional`` and one of ``torch`` end at the same few
    operations, so it does not matter by which door somebody came.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.name())
        return func(*args, **(kwargs or {}))


class Asked(TorchFunctionMode):
    """Notes the names of the functions that are asked for: some end at the same few operations.

    ``functional.scaled_dot_product_attention``, for one, is often matrix products and a softmax.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.names.add(getattr(func, "__name__", ""))
        return func(*args, **(kwargs or {}))


def require_without(words: Sequence[str], attempt: Attempt, inputs: Iterable[tuple]) -> None:
    """Raise a Mistake where an answer that is right calls an operation named after a word."""
    with Called() as called, Asked() as asked:
        for case in inputs:
            attempt.run(*copy.deepcopy(case))
    names = called.names | asked.names
    used = next((word for word in words if any(word in name for name in names)), None)
    if used:
        raise Mistake(
            f"the result is right, but PyTorch's own {used} made it. Here you are to write it "
            "yourself."
        )
