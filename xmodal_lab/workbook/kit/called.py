"""Did PyTorch do the exercise? Which of its functions an answer calls."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

from torch.overrides import TorchFunctionMode

from xmodal_lab.workbook.kit.attempt import Attempt, Mistake


class Called(TorchFunctionMode):
    """Notes the names of PyTorch's functions that are called in its context.

    A layer, a method of a tensor and a function of ``torch.nn.functional`` have one name, so it
    does not matter by which door somebody came. Of the operations below them too little is to be
    seen: ``scaled_dot_product_attention`` often ends at plain products and a softmax.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.names.add(getattr(func, "__name__", ""))
        return func(*args, **(kwargs or {}))


def require_without(words: Sequence[str], attempt: Attempt, inputs: Iterable[tuple]) -> None:
    """Raise a Mistake where an answer that is right calls a function named after a word."""
    with Called() as called:
        for case in inputs:
            attempt.run(*copy.deepcopy(case))
    used = next((word for word in words if any(word in name for name in called.names)), None)
    if used:
        raise Mistake(
            f"the result is right, but PyTorch's own {used} made it. Here you are to write it "
            "yourself."
        )
