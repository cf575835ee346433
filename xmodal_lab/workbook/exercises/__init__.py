"""Every exercise of the workbook, one module a chapter. A new chapter is added to ``CHAPTERS``."""

from __future__ import annotations

from xmodal_lab.workbook.exercises import contrast, joint_space, start_here, words
from xmodal_lab.workbook.exercises.record import Exercise, Mutant

CHAPTERS = (start_here, words, contrast, joint_space)


def _by_name() -> dict[str, Exercise]:
    found: dict[str, Exercise] = {}
    for chapter in CHAPTERS:
        for exercise in chapter.EXERCISES:
            if exercise.name in found:
                raise ValueError(f"two exercises are called {exercise.name!r}")
            found[exercise.name] = exercise
    return found


EXERCISES = _by_name()

__all__ = ["EXERCISES", "Exercise", "Mutant"]
