"""What several exercises share: unit rows for oracles, and wrong ways to normalise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch.nn import functional

from xmodal_lab.workbook.exercises.form import Misconception


def unit(x: np.ndarray) -> np.ndarray:
    """Vectors along the last axis, divided by their lengths."""
    return x / np.sqrt((x**2).sum(axis=-1, keepdims=True))


def not_normalised(answer: Callable) -> tuple[Misconception, ...]:
    """Wrong ways to normalise the rows of an answer, given as ``answer(normalise)(*inputs)``."""
    columns, whole = "(dim=1)", "Did you divide by the norm of the whole matrix?"
    return (
        Misconception("Did you normalise the rows?", answer(lambda x: x)),
        Misconception(
            f"Did you normalise the columns? Each row is one embedding {columns}.",
            answer(lambda x: functional.normalize(x, dim=0)),
        ),
        Misconception(f"{whole} Each row has its own {columns}.", answer(lambda x: x / x.norm())),
    )
