"""One line that says how far a loop has come; text bars of other libraries break recordings."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from xmodal_lab.workbook.kit.mode import is_static

T = TypeVar("T")
SECONDS_BETWEEN_REDRAWS = 0.2


def progress(iterable: Iterable[T], label: str = "working", every: int = 1) -> Iterator[T]:
    """Go through an iterable and keep one line of text up to date; silent while recording.

    Args:
        iterable: anything to loop over; with a length, the remaining seconds are told.
        label: what is being done.
        every: redraw after so many items, and at most five times a second.

    Raises:
        ValueError: where ``every`` is below 1.
    """
    if every < 1:
        raise ValueError(f"every must be at least 1, got {every}")
    # Not a generator itself, so that a wrong argument is told at the call.
    return iter(iterable) if is_static() else _live(iterable, label, every)


def _live(iterable: Iterable[T], label: str, every: int) -> Iterator[T]:
    total = len(iterable) if hasattr(iterable, "__len__") else None
    start, drawn, done, width = time.monotonic(), float("-inf"), 0, 0
    try:
        for item in iterable:
            yield item
            done += 1
            now = time.monotonic()
            if done % every == 0 and now - drawn >= SECONDS_BETWEEN_REDRAWS:
                width, drawn = _draw(_line(label, done, total, now - start), width), now
    finally:  # also where the loop is left early
        _draw(_line(label, done, total, time.monotonic() - start), width)
        sys.stdout.write("\n")
        sys.stdout.flush()


def _line(label: str, done: int, total: int | None, seconds: float) -> str:
    if total is None:
        return f"{label}: {done} · {seconds:.0f} s"
    if 0 < done < total:
        return f"{label}: {done}/{total} · about {seconds / done * (total - done):.0f} s left"
    return f"{label}: {done}/{total} · {seconds:.0f} s"


def _draw(text: str, width: int) -> int:
    # Blanks wipe what a longer line before left behind.
    sys.stdout.write("\r" + text.ljust(width))
    sys.stdout.flush()
    return len(text)
