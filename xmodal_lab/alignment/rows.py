"""Rows of embeddings: what is asked of them, in one place and in the same words."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

# Similarities held at a time: 2²⁴ of them take 64 MiB.
BLOCK = 2**24


def check_paired(x: Tensor, y: Tensor, least: int = 2) -> None:
    """Two matrices with one row a pair, of any widths, all numbers finite.

    Raises:
        ValueError: where they are not, or there are fewer than ``least`` pairs.
    """
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or len(x) < least:
        raise ValueError(
            f"expected paired rows (rows, x_dim) and (rows, y_dim), at least {in_words(least)}, "
            f"got {tuple(x.shape)} and {tuple(y.shape)}"
        )
    check_finite(x, y)


def check_same_space(a: Tensor, b: Tensor, least: int = 1) -> None:
    """Two clouds of one space: any numbers of rows, the same dimensions, all numbers finite.

    Raises:
        ValueError: where they are not, or one has fewer than ``least`` rows.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < least:
        raise ValueError(
            f"expected two clouds (rows, dim) of one dim, at least {in_words(least)} in each, "
            f"got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    check_finite(a, b)


def check_cloud(x: Tensor, least: int = 1) -> None:
    """One matrix of rows, all numbers finite.

    Raises:
        ValueError: where it is not, or there are fewer than ``least`` rows.
    """
    if x.ndim != 2 or len(x) < least or not x.shape[1]:
        raise ValueError(
            f"expected rows (rows, dim), at least {in_words(least)}, got {tuple(x.shape)}"
        )
    check_finite(x)


def check_finite(*tensors: Tensor) -> None:
    """No NaN, no infinity.

    Raises:
        ValueError: where there is one.
    """
    if not all(bool(values.isfinite().all()) for values in tensors):
        raise ValueError("the rows hold NaN or infinity: find out where they come from first")


def in_words(count: int) -> str:
    return {1: "one", 2: "two", 3: "three", 4: "four"}.get(count, str(count))


def blocks(x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Row numbers and rows, so many at a time that their similarities to all rows fit memory."""
    numbers, size = torch.arange(len(x), device=x.device), max(1, BLOCK // len(x))
    return zip(numbers.split(size), x.split(size), strict=True)
