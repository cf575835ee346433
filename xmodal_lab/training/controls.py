"""Knobs of a running training, to be turned from any thread: a widget's, or the learner's own."""

from __future__ import annotations

import math
import threading

from torch import nn


class Controls:
    """What may be changed while ``fit`` runs: learning rate, temperature, pause, stop.

    A change takes effect at the next step. Every method may be called from any thread.

    Attributes:
        learning_rate: the schedule's highest value; None leaves what ``fit`` was given.
        paused: True between ``pause`` and ``go_on``.
        stopped: True after ``stop``.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = threading.Event()
        self._running.set()
        self._stopped = False
        self._learning_rate: float | None = None
        self._temperature: float | None = None

    @property
    def learning_rate(self) -> float | None:
        with self._lock:
            return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float | None) -> None:
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise ValueError(f"a learning rate is a number ≥ 0, got {value}")
        with self._lock:
            self._learning_rate = value

    def set_temperature(self, value: float) -> None:
        """Put the learned temperature to a value, from which it goes on learning.

        Raises:
            ValueError: for a value that is not positive.
        """
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"a temperature is a number > 0, got {value}")
        with self._lock:
            self._temperature = value

    def turn(self, model: nn.Module) -> None:
        """Give the model the temperature asked for since the last call, if any. For the loop."""
        with self._lock:
            value, self._temperature = self._temperature, None
        if value is not None:
            model.temperature = value

    def pause(self) -> None:
        """Let the loop wait before its next step."""
        self._running.clear()

    def go_on(self) -> None:
        """End a pause."""
        self._running.set()

    def stop(self) -> None:
        """End the training after the present step, a pause included."""
        self._stopped = True
        self._running.set()

    @property
    def paused(self) -> bool:
        return not self._running.is_set()

    @property
    def stopped(self) -> bool:
        return self._stopped

    def wait(self) -> bool:
        """Wait while paused; False once the training is to end. For the loop."""
        # In slices: a wait without end could not be interrupted by Ctrl-C on every system.
        while not (self._stopped or self._running.wait(timeout=0.2)):
            pass
        return not self._stopped
