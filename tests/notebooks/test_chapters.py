"""The chapters as somebody in JupyterLab runs them who solves every exercise.

Widgets are made, nothing raises, the folded solutions are accepted in place of the stubs, and every
band still holds. Then each picture is asked for again, as by somebody who scrolls back: no later
cell has taken its names away. (That unsolved chapters run, static, is what nbval checks.)
"""

import re
from copy import deepcopy

import pytest
from exercise_cards import inject_solutions
from notebook_env import NOTEBOOKS
from notebook_form import read_source
from notebook_runner import execute, printed

SOURCES = sorted((NOTEBOOKS / "src").glob("*.py"))
VIEW = "application/vnd.jupyter.widget-view+json"
SHOWS_A_PICTURE = re.compile(r"^(?:show|explore)\(", re.M)
MAKES_A_WIDGET = re.compile(r"^(?:\w+ = )?(?:explore|predict)\(", re.M)


def run(source, folder, solved=True):
    """The code cells of a chapter, run with XMODAL_STATIC=0, and the names of its exercises."""
    notebook = read_source(source)
    names = inject_solutions(notebook) if solved else []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    again = [(cell, deepcopy(cell)) for cell in code if SHOWS_A_PICTURE.search(cell.source)]
    # The last first: none sees what an earlier one, run again, would have put right.
    for number, (_, copy) in enumerate(reversed(again)):
        copy.id = f"again-{number}"
        notebook.cells.append(copy)
    execute(notebook, folder, XMODAL_STATIC="0")
    assert_drawn_again(again)
    return code, names


def assert_drawn_again(again):
    """A picture cell that runs once more, in the end, gives pictures and widgets as before."""
    assert again
    for first, second in again:
        kinds = [[set(o.get("data", {})) for o in cell.outputs] for cell in (first, second)]
        assert kinds[0] == kinds[1], f"run again, this cell shows something else:\n{first.source}"


def assert_live(cells):
    """A view for each explore() and predict(), and no callback that failed on its first call."""
    for cell in cells:
        views = [o for o in cell.outputs if VIEW in o.get("data", {})]
        assert len(views) >= len(MAKES_A_WIDGET.findall(cell.source)), cell.source
        assert not any(o.get("name") == "stderr" for o in cell.outputs), cell.outputs


def assert_solved(cells, names):
    """Every exercise is told to be right, and no band is missed."""
    on_purpose = "wrong-on-purpose"
    cells = [c for c in cells if on_purpose not in c.metadata.get("tags", [])]
    lines = "".join(map(printed, cells)).splitlines()
    for name in names:
        assert any(line.startswith(f"✓ {name}: ") for line in lines), f"{name} is not accepted"
    assert not [line for line in lines if line.startswith(("✗", "○"))]


# Chapters are the longest tests by far: each may go to a worker of its own, the longest first.
# `make test` leaves them out, since it looks at each chapter live and solved after its last cell.
@pytest.mark.sitting
@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_chapter_live_and_solved(source):
    cells, names = run(source, NOTEBOOKS)
    assert_live(cells)
    assert_solved(cells, names)


def test_the_tiny_chapter(tiny):
    cells, names = run(tiny / "src" / "00_tiny.py", tiny)
    assert_live(cells)
    assert_solved(cells, names)
    assert sum(VIEW in o.get("data", {}) for c in cells for o in c.outputs) == 2


def test_an_unsolved_exercise_does_not_count_as_solved(tiny):
    cells, _ = run(tiny / "src" / "00_tiny.py", tiny, solved=False)
    assert_live(cells)
    with pytest.raises(AssertionError, match="mirror is not accepted"):
        assert_solved(cells, ["mirror"])


def test_a_wrong_solution_is_caught(tiny):
    source = tiny / "src" / "00_tiny.py"
    source.write_text(source.read_text().replace("image[:, :, ::-1]", "image[:, ::-1]"))
    cells, names = run(source, tiny)
    with pytest.raises(AssertionError, match="mirror is not accepted"):
        assert_solved(cells, names)
