"""The chapters as somebody in JupyterLab runs them who solves every exercise.

(That unsolved chapters run, static, is what nbval checks.)
"""

import pytest
from notebook_env import NOTEBOOKS
from sitting import VIEW, Sitting, claims

SOURCES = sorted((NOTEBOOKS / "src").glob("*.py"))


def sat(source, folder, solved=True) -> Sitting:
    sitting = Sitting(source, solved)
    sitting.run(folder)
    assert sitting.again
    return sitting


# Chapters are the longest tests by far: each may go to a worker of its own, the longest first.
# `make test` leaves them out, since it looks at each chapter live and solved after its last cell.
@pytest.mark.sitting
@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_chapter_live_and_solved(source):
    assert sat(source, NOTEBOOKS).problems() == []


def test_the_tiny_chapter(tiny):
    sitting = sat(tiny / "src" / "00_tiny.py", tiny)
    assert sitting.problems() == []
    assert sum(VIEW in o.get("data", {}) for c in sitting.cells for o in c.outputs) == 2
    (claim,) = claims(sitting.cells)
    assert (claim.name, claim.value, claim.band, claim.held) == ("share", 0.978, "0.95 … 1", True)


def test_an_unsolved_exercise_does_not_count_as_solved(tiny):
    sitting = sat(tiny / "src" / "00_tiny.py", tiny, solved=False)
    assert sitting.problems() == []
    sitting.exercises = ["mirror"]
    unsolved, said = sitting.problems()
    assert unsolved == "mirror is not accepted" and said.startswith("○ mirror: not attempted")


def spoilt(tiny, right: str, wrong: str) -> list[str]:
    """What is said of the tiny chapter with one thing exchanged."""
    source = tiny / "src" / "00_tiny.py"
    text = source.read_text()
    assert right in text
    source.write_text(text.replace(right, wrong))
    return sat(source, tiny).problems()


def test_a_wrong_solution_is_caught(tiny):
    assert "mirror is not accepted" in spoilt(tiny, "image[:, :, ::-1]", "image[:, ::-1]")


def test_a_missed_band_is_caught(tiny):
    (problem,) = spoilt(tiny, "0.95, 1)", "0.99, 1)")
    assert problem.startswith("✗ share: ≈ 0.978")


def test_a_picture_whose_names_were_taken_away_is_caught(tiny):
    (problem,) = spoilt(tiny, '"a low tone")', '"a low tone")\nshow = lambda *_, **__: None')
    assert problem.startswith("run again, this cell shows something else:\ndef draw")


def test_a_cell_that_writes_to_stderr_is_caught(tiny):
    loud = "import warnings\n\nimport numpy as np\n\nwarnings.warn('too late')\n"
    (problem,) = spoilt(tiny, "import numpy as np\n", loud)
    assert problem.startswith("output on stderr") and "too late" in problem
