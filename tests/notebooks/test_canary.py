"""A wrong output must make the real command fail; otherwise all its green is worth nothing."""

import json
import subprocess

import pytest
from check_notebooks import check


def run(folder):
    done = check([folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def edit(folder, old, new):
    notebook = folder / "00_tiny.ipynb"
    text = notebook.read_text(encoding="utf-8")
    # Only outputs are edited: the inputs must go on to produce what was recorded.
    cells = json.loads(text)
    hits = 0
    for cell in cells["cells"]:
        before = json.dumps(cell.get("outputs"), ensure_ascii=False)
        hits += before.count(old)
        if cell.get("outputs"):
            cell["outputs"] = json.loads(before.replace(old, new))
    assert hits, f"{old!r} is in no output"
    notebook.write_text(json.dumps(cells, ensure_ascii=False), encoding="utf-8")


def test_an_unedited_notebook_passes(tiny):
    code, said = run(tiny)
    assert code == 0, said
    assert "7 passed" in said


def test_only_the_digits_after_about_may_differ(tiny):
    edit(tiny, "≈ 0.978", "≈ 0.961")
    code, said = run(tiny)
    assert code == 0, said


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[[[2, 1, 0]", "[[[2, 1, 9]"),
        ("✓ share", "✗ share"),
        ("≈ 0.978", "≈ nan"),
        ("legend: line", "legend: other"),
        ("a low tone", "a high tone"),
    ],
)
def test_a_wrong_output_fails(tiny, old, new):
    edit(tiny, old, new)
    code, said = run(tiny)
    assert code == 1, said
    assert "1 failed, 6 passed" in said


def test_an_exception_fails_and_the_rest_is_skipped(tiny):
    notebook = tiny / "00_tiny.ipynb"
    text = notebook.read_text(encoding="utf-8")
    notebook.write_text(text.replace("total / 46", "totally / 46"), encoding="utf-8")
    code, said = run(tiny)
    assert code == 1, said
    assert "1 failed, 4 passed, 2 skipped" in said and "cell 4 of this notebook failed" in said
