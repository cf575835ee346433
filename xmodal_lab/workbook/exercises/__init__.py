"""Every exercise of the workbook."""

from __future__ import annotations

from xmodal_lab.workbook.exercises import ch06, contrast, start_here, words
from xmodal_lab.workbook.exercises.form import Exercise

CHAPTERS = (start_here, words, contrast, ch06)


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
