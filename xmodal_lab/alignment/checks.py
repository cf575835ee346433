"""What every loss of pairs asks of its input, said in one place and in the same words."""

from __future__ import annotations

from torch import Tensor


def check_pair(a: Tensor, b: Tensor) -> None:
    """Two batches of one shape (batch, dim), with two rows or more.

    Raises:
        ValueError: where they are not.
    """
    if a.ndim != 2 or a.shape != b.shape:
        raise ValueError(
            f"expected two batches of one shape (batch, dim), got {tuple(a.shape)} "
            f"and {tuple(b.shape)}"
        )
    if len(a) < 2:
        raise ValueError(f"a contrast needs two rows or more, got {len(a)}")
