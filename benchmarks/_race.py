"""Timing several candidates side by side, in turns: what slows the machine slows all of them."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Mapping

import torch

MISSING = "not installed"


def installed(module: str) -> bool:
    """Whether a peer can be imported; nothing is imported yet."""
    return importlib.util.find_spec(module) is not None


def race(candidates: Mapping[str, Callable | None], repeats: int) -> dict[str, float | str]:
    """Median seconds of each candidate; of one that is None, 'not installed'.

    Every candidate runs once unmeasured, and then they take turns.
    """
    running = {name: call for name, call in candidates.items() if call is not None}
    seconds = {name: [] for name in running}
    for turn in range(repeats + 1):
        for name, call in running.items():
            _finish()
            start = time.perf_counter()
            call()
            _finish()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {
        name: statistics.median(seconds[name]) if name in running else MISSING
        for name in candidates
    }


def ratio(one: float | str, other: float | str) -> str:
    """one ÷ other, or a dash where either was not measured."""
    if isinstance(one, str) or isinstance(other, str):
        return "–"
    return f"{one / other:.2f}"


def clock(device: torch.device) -> float:
    """This process's own seconds; on a GPU those on the wall, once it has finished."""
    if device.type == "cpu":
        return time.process_time()
    _finish()
    return time.perf_counter()


def _finish() -> None:
    """A GPU answers before it has finished."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
