"""What is asked of embeddings before anything is computed, in one place and in the same words."""

from __future__ import annotations

import torch
from torch import Tensor


class NotFiniteError(ValueError):
    """Rows or a temperature hold NaN or infinity."""


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


def check_paired(x: Tensor, y: Tensor, least: int = 2) -> None:
    """Two matrices with one row a pair, of any widths, all numbers finite.

    Raises:
        ValueError: where they are not, or there are fewer than ``least`` pairs.
    """
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or len(x) < least:
        raise ValueError(
            f"expected paired rows (rows, x_dim) and (rows, y_dim), at least {least}, "
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
            f"expected two clouds (rows, dim) of one dim, at least {least} in each, "
            f"got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    check_finite(a, b)


def check_cloud(x: Tensor, least: int = 1) -> None:
    """One matrix of rows, all numbers finite.

    Raises:
        ValueError: where it is not, or there are fewer than ``least`` rows.
    """
    if x.ndim != 2 or len(x) < least or not x.shape[1]:
        raise ValueError(f"expected rows (rows, dim), at least {least}, got {tuple(x.shape)}")
    check_finite(x)


def check_table(table: Tensor, name: str = "similarity") -> None:
    """A matrix (queries, gallery) with a cell or more, all numbers finite.

    Raises:
        ValueError: where it is not.
    """
    if table.ndim != 2 or not table.numel():
        raise ValueError(f"expected {name} (queries, gallery), not empty, got {tuple(table.shape)}")
    check_finite(table)


def checked_mask(
    mask: Tensor | None, shape: tuple[int, ...], name: str, device: torch.device
) -> Tensor:
    """A mask of bool that leaves something in every row; all True where there is none.

    Raises:
        ValueError: for another type or shape, or a row of padding alone.
    """
    if mask is None:
        return torch.ones(shape, dtype=torch.bool, device=device)
    if mask.shape != torch.Size(shape) or mask.dtype != torch.bool:
        raise ValueError(
            f"expected {name} of bool and shape {tuple(shape)}, got {mask.dtype} and "
            f"{tuple(mask.shape)}"
        )
    if not bool(mask.any(-1).all()):
        raise ValueError(f"{name} leaves nothing but padding: each row needs one True")
    return mask


def check_k(k: int, most: int, what: str) -> None:
    """A number of neighbours from 1 to ``most``, which is the number of ``what``."""
    if not 1 <= k <= most:
        raise ValueError(f"k must lie in 1 … {most}, the {what}, got {k}")


def check_finite(*tensors: Tensor) -> None:
    """No NaN, no infinity.

    Raises:
        NotFiniteError: where there is one.
    """
    # A sum is finite only if every summand is, and it is the quicker question. That it is not may
    # also mean that large numbers were added up: then each is looked at.
    if not all(bool(x.sum().isfinite()) or bool(x.isfinite().all()) for x in tensors):
        raise NotFiniteError("the rows hold NaN or infinity: find out where they come from first")


def check_numbers(temperature: Tensor | float | None = None, **batches: Tensor | None) -> None:
    """Embeddings without NaN or infinity, and a temperature above 0.

    One question to the device, whose answer the CPU waits for, as the training loop does in every
    step anyway: 30 µs at batch 128, where an InfoNCE takes 700 and a training step 70,000.
    A compiled graph cannot stop to ask and goes without, as do fake tensors, which are all size
    and no number.

    Raises:
        NotFiniteError: naming the rows where numbers are missing.
        ValueError: for a temperature of 0 or less.
    """
    given = {name: batch.detach() for name, batch in batches.items() if batch is not None}
    if torch.compiler.is_compiling() or any(type(x) is not Tensor for x in given.values()):
        return
    # As in check_finite, but with one answer for all.
    fine = sum(batch.sum() for batch in given.values()).isfinite()
    if isinstance(temperature, Tensor):
        fine = fine & (temperature.detach() > 0) & temperature.detach().isfinite()
    elif temperature is not None:
        check_temperature(temperature)
    if not fine:
        for name, batch in given.items():
            _check_rows(name, batch)
        if temperature is not None:
            check_temperature(float(temperature))


def check_temperature(temperature: float) -> None:
    """A number above 0, and not infinite."""
    if not temperature > 0 or temperature == float("inf"):
        kind = ValueError if temperature <= 0 else NotFiniteError
        raise kind(f"the temperature must be a number above 0, got {temperature}")


def _check_rows(name: str, batch: Tensor) -> None:
    bad = ~batch.reshape(len(batch), -1).isfinite().all(dim=1)
    if bad.any():
        rows = bad.nonzero().flatten().tolist()
        more = " …" if len(rows) > 8 else ""
        raise NotFiniteError(
            f"{name} holds NaN or infinity in rows {rows[:8]}{more} of {len(batch)}: "
            "find out where they come from first"
        )
