"""The chapters as somebody in JupyterLab runs them: widgets are made, nothing raises."""

import re

import pytest
from notebook_env import NOTEBOOKS
from notebook_runner import execute
from record import read_source

SOURCES = sorted((NOTEBOOKS / "src").glob("[0-9][0-9]_*.py"))
VIEW = "application/vnd.jupyter.widget-view+json"
MAKES_A_WIDGET = re.compile(r"^(?:\w+ = )?(?:explore|predict)\(", re.M)


def run_live(source, folder):
    """The code cells of a chapter, run with XMODAL_STATIC=0."""
    notebook = read_source(source)
    execute(notebook, folder, XMODAL_STATIC="0")
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def assert_live(cells):
    """A view for each explore() and predict(), and no callback that failed on its first call."""
    for cell in cells:
        views = [o for o in cell.outputs if VIEW in o.get("data", {})]
        assert len(views) >= len(MAKES_A_WIDGET.findall(cell.source)), cell.source
        assert not any(o.get("name") == "stderr" for o in cell.outputs), cell.outputs


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_chapter_live(source):
    assert_live(run_live(source, NOTEBOOKS))


def test_the_tiny_chapter_live(tiny):
    cells = run_live(tiny / "src" / "00_tiny.py", tiny)
    assert_live(cells)
    assert sum(VIEW in o.get("data", {}) for c in cells for o in c.outputs) == 2
