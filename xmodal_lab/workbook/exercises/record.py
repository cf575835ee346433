"""The older form of an exercise, of chapters 00, 01 and 04: its checker is written by hand.

What comes is written as in ``form.py``; these follow when their chapters are mended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from xmodal_lab.workbook.exercises.form import AtSize


class Mutant(NamedTuple):
    """A typical wrong answer, and a part of the message it must get."""

    function: Callable
    message: str


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        chapter: the notebook it stands in ('06_joint_space').
        reference: a right answer; its name and its parameters are those of the exercise.
        checker: takes an ``Attempt`` and raises ``Mistake`` where it is wrong. Its oracle is
            written independently of ``reference``: loops, float64.
        praise: what a right answer was compared with.
        mutants: at least three typical wrong answers.
        gradient, at_size, on_device: as in ``form.Exercise``; the checker looks at gradients.
    """

    chapter: str
    reference: Callable
    checker: Callable
    praise: str
    mutants: tuple[Mutant, ...]
    gradient: tuple[str, ...] = ()
    at_size: AtSize | None = None
    on_device: bool = False

    def __post_init__(self) -> None:
        if len(self.mutants) < 3:
            raise ValueError(f"exercise {self.name}: at least three mutants are needed")

    @property
    def name(self) -> str:
        return self.reference.__name__
