"""A wrong output must make the real command fail; otherwise all its green is worth nothing."""

import json
import re
import subprocess

import pytest
from check_notebooks import check
from record import record
from tiny import PLAIN, TINY


def run(folder):
    """Exit code of the real command, the cells that failed as 'notebook:number', and its words."""
    done = check([folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    failed = re.findall(r"^FAILED \S*?(\w+)\.ipynb::Cell (\d+)", done.stdout, re.M)
    return done.returncode, {f"{name}:{number}" for name, number in failed}, done.stdout


def spoil(notebook, old, new, target):
    """Write a copy in which a text of the outputs (never of the inputs) is another."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    hits = 0
    for cell in content["cells"]:
        if cell.get("outputs"):
            before = json.dumps(cell["outputs"], ensure_ascii=False)
            hits += before.count(old)
            cell["outputs"] = json.loads(before.replace(old, new))
    assert hits, f"{old!r} is in no output"
    target.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


@pytest.fixture
def plain(tmp_path):
    """A recorded notebook of three plain cells, outside the folder that is checked."""
    (tmp_path / "plain.py").write_text(PLAIN, encoding="utf-8")
    record(tmp_path / "plain.py", tmp_path / "plain.ipynb")
    return tmp_path / "plain.ipynb"


def test_unedited_passes_and_digits_after_about_may_differ(tiny, plain):
    spoil(plain, "≈ 0.978", "≈ 0.961", tiny / "digits.ipynb")
    code, failed, said = run(tiny)
    assert (code, failed) == (0, set()), said
    # Twelve cells; then two cells with widgets live, and one exercise solved.
    assert "15 passed" in said


def test_one_wrong_number_fails(plain, tmp_path):
    (tmp_path / "checked").mkdir()
    spoil(plain, "[3, 4]", "[3, 5]", tmp_path / "checked" / "canary.ipynb")
    code, failed, said = run(tmp_path / "checked")
    assert (code, failed) == (1, {"canary:1"}), said


def test_every_kind_of_wrong_output_fails(tiny, plain):
    spoil(plain, "✓ share", "✗ share", tiny / "mark.ipynb")
    spoil(plain, "≈ 0.978", "≈ nan", tiny / "nan.ipynb")
    spoil(plain, '"90"', '"91"', tiny / "result.ipynb")
    spoil(tiny / "00_tiny.ipynb", "legend: line", "legend: other", tiny / "figure.ipynb")
    spoil(tiny / "00_tiny.ipynb", "a low tone", "a high tone", tiny / "sound.ipynb")
    raising = plain.read_text(encoding="utf-8").replace("total / 46", "totally / 46")
    (tiny / "raising.ipynb").write_text(raising, encoding="utf-8")
    code, failed, said = run(tiny)
    wanted = {"mark:2", "nan:2", "result:3", "figure:6", "sound:7", "raising:2"}
    assert (code, failed) == (1, wanted), said
    assert "cell 2 of this notebook failed to run" in said and "1 skipped" in said


def test_what_only_a_second_look_finds_fails(tmp_path):
    source = TINY.replace("image[:, :, ::-1]", "image[:, ::-1]")  # a solution that is none
    source += "\n# %% [markdown]\n# A name taken away.\n\n# %%\nFigure = None\n"
    (tmp_path / "00_bad.py").write_text(source, encoding="utf-8")
    record(tmp_path / "00_bad.py", tmp_path / "00_bad.ipynb")
    code, failed, said = run(tmp_path)
    assert (code, failed) == (1, {"00_bad:2", "00_bad:6"}), said
    assert "the folded solution is not accepted: ✗ mirror" in said
    assert "Cell 6, live" in said and "'NoneType' object is not callable" in said
