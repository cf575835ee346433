"""A time limit for code that somebody else wrote."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable


class TimeUp(BaseException):
    """Stops a thread, and says so to whoever waits: its argument is False where it could not.

    Not an Exception, so that ``except Exception`` cannot swallow it.
    """


def within(seconds: float, function: Callable, *inputs):
    """``function(*inputs)``, or TimeUp where it takes longer.

    It runs in a thread of its own: this one goes on when time is up, whatever the other does. That
    works on every platform and inside callbacks, where signals do not. A Python loop is stopped;
    an operation that never returns to Python (a gigantic product of matrices) is left behind.

    Raises:
        TimeUp: when time is up.
        KeyboardInterrupt: where the learner presses Stop; the function is stopped, too.
    """
    outcome, done = [], threading.Event()

    def work() -> None:
        try:
            outcome.append((function(*inputs), None))
        except BaseException as error:
            outcome.append((None, error))
        finally:
            done.set()

    worker = threading.Thread(target=work, name="check", daemon=True)
    worker.start()
    end = time.monotonic() + seconds
    try:
        # Not worker.join(): interrupted by a Stop, it takes the thread for ended (CPython 3.10-12).
        # In short waits: on Windows a Stop is only heard between them.
        while not done.wait(0.1) and time.monotonic() < end:
            pass
    finally:
        late = not done.is_set()
        stopped = late and _stop(worker, done)
    if late:
        raise TimeUp(stopped)
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def _stop(worker: threading.Thread, done: threading.Event) -> bool:
    """Raise TimeUp inside a thread, and again where a bare ``except:`` swallows it."""
    for _ in range(3):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(worker.ident), ctypes.py_object(TimeUp)
        )
        # Not in haste: a second one would hit the thread while it ends because of the first.
        if done.wait(0.5):
            return True
    return False
