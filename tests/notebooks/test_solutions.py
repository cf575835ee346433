"""The folded solutions are right: put in place of the stubs, the whole notebook runs and agrees."""

import pytest
from exercise_cards import inject_solutions
from notebook_env import NOTEBOOKS
from notebook_runner import execute, printed
from record import read_source

SOURCES = sorted((NOTEBOOKS / "src").glob("[0-9][0-9]_*.py"))


def run_solved(source, folder):
    """Lines printed by a chapter whose exercises are solved, and the exercises' names."""
    notebook = read_source(source)
    names = inject_solutions(notebook)
    execute(notebook, folder)
    on_purpose = "wrong-on-purpose"
    cells = [c for c in notebook.cells if on_purpose not in c.metadata.get("tags", [])]
    return "".join(map(printed, cells)).splitlines(), names


def assert_solved(lines, names):
    """Every exercise is told to be right, and no band is missed."""
    for name in names:
        assert any(line.startswith(f"✓ {name}: ") for line in lines), f"{name} is not accepted"
    assert not [line for line in lines if line.startswith(("✗", "○"))]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_chapter_with_its_solutions(source):
    assert_solved(*run_solved(source, NOTEBOOKS))


def test_the_tiny_chapter_with_its_solution(tiny):
    assert_solved(*run_solved(tiny / "src" / "00_tiny.py", tiny))


def test_a_wrong_solution_is_caught(tiny):
    source = tiny / "src" / "00_tiny.py"
    source.write_text(source.read_text().replace("image[:, :, ::-1]", "image[:, ::-1]"))
    lines, names = run_solved(source, tiny)
    with pytest.raises(AssertionError, match="mirror is not accepted"):
        assert_solved(lines, names)
