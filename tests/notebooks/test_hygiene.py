"""Every committed notebook keeps the rules; every rule is seen to fail on a notebook made bad."""

import nbformat
import notebook_rules
import pytest
from notebook_env import NOTEBOOKS
from notebook_rules import PAIR_RULES, RULES, problems

CHAPTERS = sorted(NOTEBOOKS.glob("*.ipynb"))
SOURCES = sorted((NOTEBOOKS / "src").glob("*.py"))


@pytest.mark.parametrize("notebook", CHAPTERS, ids=lambda path: path.stem)
def test_a_committed_notebook_keeps_the_rules(notebook):
    assert problems(notebook, NOTEBOOKS / "src" / f"{notebook.stem}.py") == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_source_is_recorded(source):
    assert (NOTEBOOKS / f"{source.stem}.ipynb").exists(), "run `make record`"


def code(notebook, number):
    """A code cell of the source; before them stands the first cell, which no source holds."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"][number + 1]


def picture(notebook):
    return code(notebook, 5).outputs[0]


def without_door(notebook):
    del notebook.cells[1]


def with_another_door(notebook):
    notebook.cells[1].source = notebook.cells[1].source.replace("--no-deps ", "")


def printing(text, **extra):
    def spoil(notebook):
        code(notebook, 2).outputs[0].update(text=text, **extra)

    return spoil


def saying(source):
    def spoil(notebook):
        code(notebook, 2).source = source

    return spoil


def tagging(cell, *tags):
    def spoil(notebook):
        code(notebook, cell).metadata["tags"] = list(tags)

    return spoil


def not_run(notebook):
    code(notebook, 3).execution_count = None


def cleared(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = None, []


def unfolded(notebook):
    del code(notebook, 4).metadata["jupyter"]


def folded(notebook):
    code(notebook, 2).metadata["jupyter"] = {"outputs_hidden": True}


def timed(notebook):
    code(notebook, 1).metadata["execution"] = {"iopub.execute_input": "2024-01-01"}


def with_error(notebook):
    code(notebook, 2).outputs.append(
        nbformat.v4.new_output("error", ename="KeyError", evalue="x", traceback=[])
    )


def with_state(notebook):
    notebook.metadata["widgets"] = {}


def with_view(notebook):
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    code(notebook, 2).outputs.append(nbformat.v4.new_output("display_data", data=view))


def without_alt(notebook):
    del picture(notebook).metadata["image/png"]["alt"]


def without_label(notebook):
    digest = picture(notebook).data["text/plain"]
    picture(notebook).data["text/plain"] = digest.replace("y: loss / nats", "y: –")


def without_text(notebook):
    del notebook.cells[-2]


def without_solution(notebook):
    card = notebook.cells[6]
    card.source = card.source.replace("Solution", "Answer")


def unregistered(notebook):
    for cell in notebook.cells[5:7]:
        cell.source = cell.source.replace("mirror", "mirrored")


def with_version(notebook):
    notebook.metadata["language_info"]["version"] = "3.11.7"


def with_random_id(notebook):
    notebook.cells[3].id = "3f2a8c11"


def edited(notebook):
    notebook.cells[0].source += " By hand."


def repainted(notebook):
    picture(notebook).data["image/png"] = picture(notebook).data["image/png"][:-8] + "AAAAAAA="


def wordy(notebook):
    notebook.cells[0].source += "\n\n" + "again and " * 2_000


def wordy_in_folds(notebook):
    text = "again and " * 2_000
    notebook.cells[0].source += f"\n\n<details>\n{text}\n</details>\n\n```python\n{text}\n```"


def with_many_cells(notebook):
    notebook.cells += [nbformat.v4.new_markdown_cell("More.") for _ in range(150)]


def huge(notebook):
    picture(notebook).data["image/png"] = "A" * 1_600_000


BAD = [
    (without_door, "begins_with_the_door: the first code cell is not"),
    (with_another_door, "begins_with_the_door: the first code cell is not"),
    (with_another_door, "no_banned_code: cell 2: a shell or magic"),
    (not_run, "executed_in_order: cell 10: execution count None"),
    (cleared, "executed_in_order: cell 2"),
    (tagging(2, "nbval-ignore-ouput"), "only_known_tags: cell 8: unknown tag"),
    (tagging(2, "nbval-skip"), "only_known_tags: cell 8: unknown tag"),
    (timed, "only_known_tags: cell 6: metadata other than tags: execution"),
    (with_error, "nothing_went_wrong: cell 8: raised KeyError"),
    (printing("old", name="stderr"), "nothing_went_wrong: cell 8: output on stderr"),
    (printing("✓ a: 1\n✗ b: 2\n"), "nothing_went_wrong: cell 8: ✗ b: 2"),
    (with_state, "no_widgets: the notebook holds widget state"),
    (with_view, "no_widgets: cell 8"),
    (printing("<Line2D at 0x7f22188c>"), "nothing_unstable: cell 8: a memory address"),
    (printing("saved /tmp/tmpab/x"), "nothing_unstable: cell 8: a temporary folder"),
    (printing("read /home/ada/x"), "nothing_unstable: cell 8: a home folder"),
    (printing("100% 31.2it/s"), "nothing_unstable: cell 8: a speed"),
    (printing("Wall time: 3 s"), "nothing_unstable: cell 8: a wall time"),
    (saying("!pip list"), "no_banned_code: cell 8: a shell or magic"),
    (saying("%%time\n1"), "no_banned_code: cell 8: a shell or magic"),
    (saying("clear_output()"), "no_banned_code: cell 8: clear_output"),
    (saying("from tqdm import tqdm"), "no_banned_code: cell 8: tqdm"),
    (saying("interact(f, x=3)"), "no_banned_code: cell 8: interact"),
    (saying("# NBVAL_SKIP\n1"), "no_banned_code: cell 8: an nbval comment"),
    (tagging(2, "nbval-ignore-output"), "almost_all_compared: cell 8: give the reason"),
    (tagging(2, "nbval-ignore-output"), "almost_all_compared: 1 of 8 code cells"),
    (without_alt, "pictures_are_described: cell 14: a picture without alt text"),
    (without_label, "pictures_are_described: cell 14: axes without a label: [a line"),
    (without_text, "text_between_code: cells 14 and 15"),
    (without_solution, "cards_are_complete: exercise mirror: one <details>"),
    (unregistered, "cards_are_complete: exercise mirrored: not registered"),
    (with_version, "normalised: the notebook's metadata"),
    (with_random_id, "normalised: cell ids"),
    (edited, "same_as_source: cell 1 differs from 00_tiny.py"),
    (tagging(1), "same_as_source: cell 6 differs"),
    (huge, "not_too_large"),
    (wordy, "one_sitting: 4,0"),
    (with_many_cells, "one_sitting: 16"),
    # What nbval lets pass: digits after ≈, and every pixel.
    (printing("✓ share: ≈ 0.12   expected 0.95 … 1\n"), "as_recorded: an output was edited"),
    (repainted, "as_recorded: an output was edited"),
    (unfolded, "answers_are_folded: cell 12: outputs between predict() and reveal()"),
    (folded, "answers_are_folded: cell 8: outputs between predict() and reveal()"),
    (saying("other = predict('?', [1, 2])"), "answers_are_folded: cell 8: no other.reveal(…)"),
    (saying('guess.reveal("much")'), "answers_are_computed: cell 8: reveal() takes"),
    (saying(f'show(fig, alt="{"word " * 17}")'), "alt_texts_are_short: cell 8: an alt text of"),
]


def test_the_tiny_chapter_keeps_the_rules(tiny):
    assert problems(tiny / "00_tiny.ipynb", tiny / "src" / "00_tiny.py") == []


@pytest.mark.parametrize(("spoil", "problem"), BAD, ids=[problem[:50] for _, problem in BAD])
def test_a_bad_notebook_is_caught(tiny, spoil, problem):
    path = tiny / "00_tiny.ipynb"
    notebook = nbformat.read(path, as_version=4)
    spoil(notebook)
    nbformat.write(notebook, path)
    found = problems(path, tiny / "src" / "00_tiny.py")
    assert any(said.startswith(problem) for said in found), found


def test_what_is_folded_or_code_does_not_count_as_prose(tiny):
    path = tiny / "00_tiny.ipynb"
    notebook = nbformat.read(path, as_version=4)
    wordy_in_folds(notebook)
    nbformat.write(notebook, path)
    found = problems(path, tiny / "src" / "00_tiny.py")
    assert not [said for said in found if said.startswith("one_sitting")]


def test_an_exception_that_is_no_longer_needed_is_caught(tiny, monkeypatch):
    monkeypatch.setattr(notebook_rules, "TOO_LONG", {"00_tiny"})
    path, source = tiny / "00_tiny.ipynb", tiny / "src" / "00_tiny.py"
    wanted = "one_sitting: 00_tiny fits one sitting now: take it out of TOO_LONG"
    assert problems(path, source) == [wanted]
    notebook = nbformat.read(path, as_version=4)
    wordy(notebook)
    nbformat.write(notebook, path)
    assert not [said for said in problems(path, source) if said.startswith("one_sitting")]


def test_exceptions_are_chapters():
    assert {source.stem for source in SOURCES} >= notebook_rules.TOO_LONG


def test_a_notebook_without_a_source_is_caught(tiny):
    (tiny / "src" / "00_tiny.py").unlink()
    assert "same_as_source: 00_tiny.ipynb has no source 00_tiny.py" in problems(
        tiny / "00_tiny.ipynb", tiny / "src" / "00_tiny.py"
    )


def test_every_rule_is_seen_to_fail():
    caught = {problem.split(":")[0] for _, problem in BAD}
    assert caught == {rule.__name__ for rule in (*RULES, *PAIR_RULES)}
