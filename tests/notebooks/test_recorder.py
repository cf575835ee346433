"""The recorder: the same bytes twice, nothing unclean, nothing lost."""

import nbformat
import pytest
import record
from exercise_cards import BadCard, find_cards, inject_solutions
from notebook_form import read_source
from notebook_runner import ThisInterpreter, printed
from tiny import TINY

PLAIN = "# %% [markdown]\n# Text.\n\n# %%\n"


def write(folder, code):
    (folder / "src").mkdir(exist_ok=True)
    source = folder / "src" / "07_x.py"
    source.write_text(PLAIN + code, encoding="utf-8")
    return source, folder / "07_x.ipynb"


def test_recording_twice_gives_the_same_bytes(tiny):
    target = tiny / "00_tiny.ipynb"
    before = target.read_bytes()
    run = record.record(tiny / "src" / "00_tiny.py", target)
    assert target.read_bytes() == before
    assert run.seconds > 0 and run.peak_megabytes > 50


def test_the_recorded_notebook_holds_what_was_promised(tiny):
    notebook = nbformat.read(tiny / "00_tiny.ipynb", as_version=4)
    assert "version" not in notebook.metadata.language_info
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert "○ mirror: not attempted yet" in printed(code[2])
    assert printed(code[5]).startswith("✓ share: ≈ 0.978   expected 0.95 … 1")
    kinds = [output.output_type for output in code[5].outputs]
    assert kinds == ["display_data", "stream"], "a folded answer, no True or False below the line"
    pictures = [o for o in code[6].outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == len(code[6].outputs) == 2
    assert pictures[0].metadata["image/png"]["alt"].startswith("A straight line rises")
    assert pictures[0].data["text/plain"] == (
        "Figure [a line | x: step | y: loss / nats | 1 line, 3 points | legend: line]"
    )
    assert code[7].outputs[0].data["text/plain"] == "Audio [8000 Hz | 0.1 s “a low tone”]"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print(1 / 0)", "ZeroDivisionError: division by zero"),
        ("import sys\nprint('careful', file=sys.stderr)", "wrote to stderr\n    careful"),
        ("import warnings\nwarnings.warn('old name')", "UserWarning: old name"),
        ("import os\nos._exit(3)", "Kernel died"),
    ],
)
def test_an_unclean_notebook_is_refused_and_the_old_one_stays(tmp_path, capsys, code, reason):
    _, target = write(tmp_path, code)
    target.write_text("the old one")
    assert record.main(["07", "--folder", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "✗ 07_x.ipynb is not recorded" in said and reason in said
    assert target.read_text() == "the old one"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["07_x.ipynb", "src"]


def test_kernels_run_here_in_the_notebooks_folder_and_statically(tmp_path):
    source, target = write(
        tmp_path,
        "import os, sys\nfrom pathlib import Path\n\n"
        "print(sys.executable, Path.cwd(), os.environ['XMODAL_STATIC'])",
    )
    record.record(source, target)
    cell = nbformat.read(target, as_version=4).cells[2]
    import sys

    assert printed(cell) == f"{sys.executable} {tmp_path} 1\n"
    assert ThisInterpreter().get_kernel_spec("anything").argv[0] == sys.executable


def test_streams_are_merged_and_ids_follow_the_text(tmp_path):
    source, target = write(
        tmp_path, "import time\nfor n in range(3):\n    print(n, flush=True)\n    time.sleep(0.05)"
    )
    record.record(source, target)
    first = nbformat.read(target, as_version=4)
    assert [o.text for o in first.cells[2].outputs] == ["0\n1\n2\n"]
    source.write_text("# %% [markdown]\n# New.\n\n" + source.read_text())
    assert read_source(source).cells[3].id == first.cells[2].id


def test_names_of_chapters(tmp_path):
    source, _ = write(tmp_path, "1")
    assert record.find_sources([], tmp_path) == [source]
    assert record.find_sources(["07_x.ipynb"], tmp_path) == [source]
    for name in ("04_one", "04b_two", "lab_three"):
        (tmp_path / "src" / f"{name}.py").write_text(PLAIN)
    found = record.find_sources(["04", "04b", "three"], tmp_path)
    assert [path.stem for path in found] == ["04_one", "04b_two", "lab_three"]
    with pytest.raises(record.Refused, match=r"'0' fits 3 chapters; there are: 04_one, 04b_two"):
        record.find_sources(["0"], tmp_path)
    with pytest.raises(record.Refused, match=r"'08' fits 0 chapters; there are: 04_one"):
        record.find_sources(["08"], tmp_path)


def test_solutions_replace_stubs_only(tiny):
    notebook = read_source(tiny / "src" / "00_tiny.py")
    assert inject_solutions(notebook) == ["mirror"]
    assert notebook.cells[5].source == (
        "def mirror(image):\n    return image[:, :, ::-1]\n\n\nmirror = check(mirror)"
    )


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("mirror = check(mirror)", "check(mirror)", "the last line should be"),
        (' tags=["exercise"]', "", "needs the tag"),
        ("    ...\n", "    return image\n", "should end on `...`"),
        ("<summary>Hint 1", "<summary>Clue", "no <details><summary>Hint"),
        ("<summary>Solution", "<summary>Answer", "there are 0"),
        ("# ```python", "# ```", "no ```python block"),
        ("# def mirror(image):", "# def miror(image):", "solution does not define mirror"),
        ("#     return image[:, :, ::-1]", "#     return image[", "is no Python"),
    ],
)
def test_an_incomplete_card_is_named(tmp_path, old, new, reason):
    source = tmp_path / "00_tiny.py"
    assert old in TINY
    source.write_text(TINY.replace(old, new), encoding="utf-8")
    with pytest.raises(BadCard, match=reason.replace("[", r"\[")):
        find_cards(read_source(source))
