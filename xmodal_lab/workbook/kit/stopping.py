"""Stop ends a loop, not the cell; what was cut short is remembered until it has run to its end."""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass

from xmodal_lab.workbook.kit.mode import in_notebook


@dataclass
class Loop:
    """How far a loop has come.

    Attributes:
        label, unit: what is done, in which steps.
        total: how many steps there are; None where nobody knows.
        number: of the last step done.
        cell: which execution of the notebook runs it.
    """

    label: str
    unit: str
    total: int | None
    number: int = 0
    cell: int = 0

    @property
    def place(self) -> str:
        """Such as 'step 96 of 480'."""
        return f"{self.unit} {self.number}" + ("" if self.total is None else f" of {self.total}")

    def begin(self) -> None:
        """Unfinished from now on; a run of the same label before is forgotten."""
        self.cell = _cell()
        _unfinished[self.label] = self

    def finish(self) -> None:
        """It ran to its end."""
        _unfinished.pop(self.label, None)


_unfinished: dict[str, Loop] = {}


def cut_short(before_this_cell: bool = False) -> str:
    """Such as '(training was stopped at step 96 of 480)'; empty where all loops ran to their end.

    Args:
        before_this_cell: leave out what this very cell has cut short, and told already.
    """
    cut = [loop for loop in _unfinished.values() if not before_this_cell or loop.cell != _cell()]
    told = "; ".join(f"{loop.label} was stopped at {loop.place}" for loop in cut)
    return f"({told})" if told else ""


def _cell() -> int:
    if not in_notebook():
        return 0
    from IPython import get_ipython

    return get_ipython().execution_count


class StopButton:
    """While entered, the first Stop (Ctrl-C) only sets ``pressed``; the next raises as ever.

    A loop inside a loop: both are told. Only the main thread hears Stop; elsewhere nothing changes.
    """

    pressed = False

    def __enter__(self) -> StopButton:
        self._heard = threading.current_thread() is threading.main_thread()
        if self._heard:
            self._before = signal.signal(signal.SIGINT, self)
        return self

    def __exit__(self, *_error) -> None:
        # A loop that somebody left may be cleared away late, when another one listens already.
        if self._heard and signal.getsignal(signal.SIGINT) is self:
            signal.signal(signal.SIGINT, self._before)

    def __call__(self, number, frame) -> None:
        """The signal's handler."""
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True
        if isinstance(self._before, StopButton):
            self._before(number, frame)
