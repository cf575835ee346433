"""`make machines`, and the table of `make test`: what differs is named, nothing passes unseen."""

import ast
import re
import subprocess
from graphlib import TopologicalSorter

import machines
import pytest
import reports
import suite
from notebook_env import ROOT
from record import record

REPORT = """<testsuites><testsuite>
<testcase classname="notebooks.01_words.ipynb" name="Cell 0" time="1.5" />
<testcase classname="notebooks.01_words.ipynb" name="Cell 2" time="0.5">
  <failure message="short">#x1B[91mCell outputs differ#x1B[0m 41 42</failure></testcase>
<testcase classname="notebooks.01_words.ipynb" name="Cell 2, live" time="2.0" />
<testcase classname="notebooks.06_space.ipynb" name="Cell 0" time="4">
  <skipped message="cell 0" /></testcase>
<testcase classname="tests.joint.test_atlas" name="test_nan[umap]" time="8" />
<testcase classname="tests.test_rooms" name="test_rooms" time="1" />
<testcase classname="tests.browser.test_lab" name="test_opens" time="7" />
</testsuite></testsuites>"""

SAYS_ITS_THREADS = """\
# %% [markdown]
# # 00 · Threads

# %%
import os

print(os.environ["OMP_NUM_THREADS"], "of", 1)
"""


@pytest.fixture
def outcomes(tmp_path):
    (tmp_path / "report.xml").write_text(REPORT, encoding="utf-8")
    return reports.read_report(tmp_path / "report.xml")


@pytest.fixture
def threads(tmp_path):
    """A folder with a recorded notebook that tells how many threads it has."""
    (tmp_path / "threads.py").write_text(SAYS_ITS_THREADS, encoding="utf-8")
    record(tmp_path / "threads.py", tmp_path / "threads.ipynb")
    return tmp_path


def test_a_report_is_read_cell_by_cell(outcomes):
    assert [outcome.notebook for outcome in outcomes[:5]] == ["01_words"] * 3 + ["06_space", ""]
    assert [outcome.failure for outcome in outcomes[:3]] == [
        None,
        "Cell outputs differ 41 42",
        None,
    ]
    assert sum(outcome.seconds for outcome in outcomes) == 24


def test_a_run_that_wrote_no_report_has_no_outcomes(tmp_path):
    assert reports.read_report(tmp_path / "nothing.xml") == []


def test_a_row_names_the_cells_that_differ(outcomes):
    row = machines.row(outcomes, ["01_words", "06_space", "07_gone"])
    assert row == {"01_words": "✗ 2", "06_space": "✓", "07_gone": "✗ did not run"}
    assert machines.table({"avx2": row}).splitlines() == [
        "      01_words  06_space  07_gone",
        "avx2  ✗ 2       ✓         ✗ did not run",
    ]


def test_one_cell_that_differs_on_one_machine_fails_and_is_named(threads, capfd):
    assert machines.main(["avx2", "two-threads", "--notebooks", str(threads)]) == 1
    said = capfd.readouterr().out
    assert "--- two-threads: threads, Cell 1" in said and "2 of 1" in said
    rows = [line.split() for line in said.splitlines()[-3:]]
    assert rows[0] == ["threads", "minutes"]
    assert rows[1][:2] == ["avx2", "✓"] and rows[2][:3] == ["two-threads", "✗", "1"]


def test_where_all_machines_agree_the_exit_code_is_0(threads):
    assert machines.main(["umap-seed", "--notebooks", str(threads)]) == 0


def test_a_notebook_that_did_not_run_is_no_success(tmp_path, capfd):
    assert machines.main(["avx2", "--notebooks", str(tmp_path)]) == 1
    assert machines.main(["avx2", "--notebooks", str(tmp_path / "gone.ipynb")]) == 1
    assert "✗ did not run" in capfd.readouterr().out


def test_an_unknown_machine_is_refused(capfd):
    with pytest.raises(SystemExit, match="2"):
        machines.main(["avx3"])
    assert "no machine avx3; there are: no-avx, avx2" in capfd.readouterr().err


def test_the_oldest_interpreter_is_made_once_and_again_when_the_ranges_change(
    tmp_path, monkeypatch
):
    made = []
    monkeypatch.setattr(machines, "ROOT", tmp_path)
    monkeypatch.setattr(machines, "OLDEST", tmp_path / "oldest")
    monkeypatch.setattr(machines, "pythons", lambda _: {"3.13": "new", "3.9": "old", "3.10": "mid"})

    def pretend(line, check):
        made.append([str(part) for part in line])
        (tmp_path / "oldest" / "bin").mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(subprocess, "run", pretend)
    (tmp_path / "pyproject.toml").write_text("torch>=2.4")
    assert machines.oldest_python() == str(tmp_path / "oldest" / "bin" / "python")
    assert made[0][0] == "old" and "--resolution=lowest-direct" in made[-1]
    count = len(made)
    machines.oldest_python()
    assert len(made) == count
    (tmp_path / "pyproject.toml").write_text("torch>=2.5")
    machines.oldest_python()
    assert len(made) == 2 * count


def test_the_table_says_where_the_time_went(outcomes):
    lines = [line.split() for line in suite.table(outcomes).splitlines()[1:]]
    assert {" ".join(line[:-3]): (line[-3], line[-2]) for line in lines} == {
        "unit tests, joint": ("1", "8"),
        "browser": ("1", "7"),
        "notebooks, as recorded": ("3", "6"),
        "notebooks, once more, live or solved": ("1", "2"),
        "unit tests, the whole": ("1", "1"),
    }
    assert lines[0][:3] == ["unit", "tests,", "joint"]


def test_the_tests_of_a_file_stay_on_one_worker():
    line = [*suite.PYTEST, "-v", "-p", "no:cacheprovider", "tests/notebooks/test_recorder.py"]
    done = subprocess.run([*line, "-k", "incomplete"], cwd=ROOT, capture_output=True, text=True)
    workers = re.findall(r"^\[(gw\d)\] .* PASSED tests/", done.stdout, re.M)
    assert len(workers) == 8 and len(set(workers)) == 1, done.stdout


def test_a_room_of_make_quick_must_exist():
    assert suite.tests_of("joint") == "tests/joint" and suite.tests_of("") == "tests"
    with pytest.raises(SystemExit, match="tests/kitchen is not there; ROOM is one of: alignment"):
        suite.tests_of("kitchen")


def test_no_tool_imports_what_imports_it():
    imports = {path.stem: set() for path in (ROOT / "tools").glob("*.py")}
    for name, found in imports.items():
        for node in ast.walk(ast.parse((ROOT / "tools" / f"{name}.py").read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names} & imports.keys()
            elif isinstance(node, ast.ImportFrom) and node.module in imports:
                found.add(node.module)
    assert "notebook_form" in imports["record"]
    TopologicalSorter(imports).prepare()  # raises CycleError
