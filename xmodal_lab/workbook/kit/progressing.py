"""One line that says how far a loop has come; text bars of other libraries break recordings."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from xmodal_lab.workbook.kit.mode import in_notebook, is_static
from xmodal_lab.workbook.kit.stopping import Loop, StopButton

T = TypeVar("T")
SECONDS_BETWEEN_REDRAWS = 0.25


def progress(
    iterable: Iterable[T], total: int | None = None, label: str = "training", unit: str = "step"
) -> Iterator[T]:
    """Go through an iterable and tell in one line: which step, of how many, time left.

    ``for step in progress(fit(space, over_pairs, inputs, steps=480), 480): ...``. Stop, or Ctrl-C,
    ends the loop after the step it is in; the cell goes on with what there is, and ``expect`` and
    ``show`` say so until the same ``label`` has run to its end. A second Stop raises as ever.
    A recording is silent and listens to no Stop.

    Args:
        iterable: anything to loop over; a step's own ``number`` counts, where it has one.
        total: how many there are; may be left out where ``iterable`` has a length.
        label: what is being done; each training of a notebook has its own.
        unit: what is counted.

    Raises:
        TypeError: where ``total`` is no whole number.
    """
    if total is None and hasattr(iterable, "__len__"):
        total = len(iterable)
    if not (total is None or isinstance(total, int)):
        raise TypeError(f"progress(steps, total): total counts the steps, got {total!r}")
    # Not a generator itself, so that a wrong argument is told at the call.
    return iter(iterable) if is_static() else _watched(iterable, Loop(label, unit, total), Line())


def _watched(iterable: Iterable[T], loop: Loop, line: Line) -> Iterator[T]:
    begin, done, stopped = time.monotonic(), 0, "stopped at "
    loop.begin()
    # Before any picture of the body: so the line stays above it.
    line.tell(f"{loop.label}: {loop.place}")
    with StopButton() as stop:
        try:
            for item in iterable:
                # A numbered step is done when it comes; any other item when its body has run.
                loop.number = getattr(item, "number", loop.number)
                yield item
                done += 1
                loop.number += not hasattr(item, "number")
                if stop.pressed and loop.number != loop.total:
                    break
                line.tell(_so_far(loop, done, time.monotonic() - begin))
            else:
                stopped = ""
                loop.finish()
        except KeyboardInterrupt:  # while the next step was made
            pass
        finally:  # also where the loop was left early
            seconds = time.monotonic() - begin
            line.end(f"{loop.label}: {stopped}{loop.place} · {spell(seconds)}")


def _so_far(loop: Loop, done: int, seconds: float) -> str:
    left = spell(seconds)
    if loop.total is not None:
        left = f"about {spell(seconds / done * max(0, loop.total - loop.number))} left"
    return f"{loop.label}: {loop.place} · {left}"


def spell(seconds: float) -> str:
    """A duration such as '58 s' or '4 min'."""
    return f"{seconds:.0f} s" if seconds < 99.5 else f"{seconds / 60:.0f} min"


class Line:
    """A line that is written over and over: a display in a notebook, else on stdout.

    Not stdout in a notebook: a picture drawn meanwhile would cut it in two.
    """

    def __init__(self) -> None:
        self._next, self._width, self._handle = 0.0, 0, None

    def tell(self, text: str) -> None:
        """Write it, where the last time is long enough ago."""
        if time.monotonic() >= self._next:
            self._write(text)
            self._next = time.monotonic() + SECONDS_BETWEEN_REDRAWS

    def end(self, text: str) -> None:
        """Write the last line."""
        self._write(text)
        if not in_notebook():
            print()

    def _write(self, text: str) -> None:
        if not in_notebook():
            # Blanks wipe what a longer line before left behind.
            sys.stdout.write("\r" + text.ljust(self._width))
            sys.stdout.flush()
            self._width = len(text)
            return
        from IPython.display import display

        if self._handle is None:
            self._handle = display({"text/plain": text}, raw=True, display_id=True)
        else:
            self._handle.update({"text/plain": text}, raw=True)
