"""Every exercise of the workbook: a folder a chapter, a file an exercise.

A file holds an oracle, cases, and misconceptions, each one wrong function with its question; they
meet in an ``Exercise`` (``form.py`` says what each part is). ``ch06/modality_gap.py`` is the
shortest to copy. Its test, ``tests/workbook/exercises/chNN/name.py``, holds answers written
another way.
"""

from __future__ import annotations

from xmodal_lab.workbook.exercises import ch02, ch03, ch05, ch06, contrast, start_here, words
from xmodal_lab.workbook.exercises.form import Exercise

CHAPTERS = (start_here, words, ch02, ch03, contrast, ch05, ch06)


def _by_name() -> dict[str, Exercise]:
    found: dict[str, Exercise] = {}
    for chapter in CHAPTERS:
        for exercise in chapter.EXERCISES:
            if exercise.name in found:
                raise ValueError(f"two exercises are called {exercise.name!r}")
            found[exercise.name] = exercise
    return found


EXERCISES = _by_name()

__all__ = ["EXERCISES", "Exercise"]
