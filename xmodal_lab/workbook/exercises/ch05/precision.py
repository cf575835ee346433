"""What several exercises share: numbers that float32 is too coarse for, and who computes in it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.utils._pytree import tree_map

from xmodal_lab.workbook.exercises.form import Misconception

FLOAT64 = (
    "These numbers are float64, and float32 is too coarse for them: give new tensors the type of "
    "the inputs (dtype=x.dtype, x.new_zeros)."
)
# Added where it should cancel out again; float32 keeps steps of 64 there.
FAR = 1e9


def in_float32(answer: Callable) -> Misconception:
    """An answer that is right but for its precision."""

    def single(x):
        return x.float() if isinstance(x, torch.Tensor) and x.is_floating_point() else x

    return Misconception(FLOAT64, lambda *inputs: answer(*tree_map(single, inputs)))
