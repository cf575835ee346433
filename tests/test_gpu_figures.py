"""Of GPUs nothing is said that nobody measured; once measured, it has to be said.

A run of ``make gpu`` is there or not: benchmarks/results/gpu_CARD.json. Without one, the README and
every chapter that trains say so, and no sentence promises anything.
"""

import builtins
import json
import re
from pathlib import Path
from symtable import SymbolTable, symtable

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "notebooks" / "src").glob("*.py"))
NOT_MEASURED = re.compile(r"not measured|nothing is measured|nothing has been measured")
PROMISE = re.compile(r"\b(faster|fastest|sooner|quicker|unchanged|speed|minutes?|seconds)\b")
TRAINS = re.compile(r"\bfit\(")
WORTH = re.compile(r"^# %% \[markdown\]\n# ## Worth a GPU\n(?P<text>(?:#.*\n)+)", re.M)
MOST_WORDS = 90


def chapters_that_train() -> list[Path]:
    return [path for path in SOURCES if TRAINS.search(path.read_text(encoding="utf-8"))]


def measured(folder: Path) -> list[Path]:
    return sorted(folder.glob("gpu_*.json"))


def sentences(text: str) -> list[str]:
    """Sentences, cells of tables and list items, without the marks of comments and line breaks."""
    plain = re.sub(r"\n(?:# )?(?=\S)", " ", text)
    return re.split(r"(?<=[.!?|])\s+|\n", plain)


def promises(text: str) -> list[str]:
    """Sentences that tell what a GPU brings."""
    about = (s for s in sentences(text) if re.search(r"(?<!without )\b(GPUs?|CUDA)\b", s))
    return [s for s in about if PROMISE.search(s) and not NOT_MEASURED.search(s)]


def complaints(texts: dict[str, str], results: list[Path]) -> list[str]:
    """What is wrong with what is said of GPUs, given the runs that are there."""
    silent = [name for name, text in texts.items() if not NOT_MEASURED.search(text)]
    if not results:
        promised = [f"{name}: {said}" for name, text in texts.items() for said in promises(text)]
        return [
            *(f"{name} should say that a GPU is not measured yet" for name in silent),
            *promised,
        ]
    return [
        f"{results[0].name} is there: write its figures into {name}, in place of 'not measured'"
        for name in texts
        if name not in silent
    ]


def texts() -> dict[str, str]:
    paths = [ROOT / "README.md", *chapters_that_train()]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def test_nothing_is_said_of_gpus_that_was_not_measured():
    assert complaints(texts(), measured(ROOT / "benchmarks" / "results")) == []


def test_the_package_and_the_other_chapters_promise_nothing_either():
    files = [*(ROOT / "xmodal_lab").rglob("*.py"), *SOURCES, ROOT / "notebooks" / "README.md"]
    found = {path.name: promises(path.read_text(encoding="utf-8")) for path in files}
    if not measured(ROOT / "benchmarks" / "results"):
        assert {name: said for name, said in found.items() if said} == {}


def test_a_file_of_results_is_that_of_a_whole_run_on_a_gpu():
    for path in measured(ROOT / "benchmarks" / "results"):
        found = json.loads(path.read_text(encoding="utf-8"))
        assert found["what"] == "a whole run on a GPU", path.name
        assert found["machine"]["card"] != "none", path.name


SAYS_SO = {"README.md": "GPU figures are not measured yet.", "06.py": "# A GPU: not measured yet"}


def test_a_run_that_is_there_has_to_be_told(tmp_path):
    (tmp_path / "gpu_tesla_t4.json").write_text("{}")
    assert complaints(SAYS_SO, measured(tmp_path)) == [
        f"gpu_tesla_t4.json is there: write its figures into {name}, in place of 'not measured'"
        for name in SAYS_SO
    ]
    assert complaints({"README.md": "A T4 takes 12 seconds."}, measured(tmp_path)) == []


def test_a_rehearsal_is_no_run(tmp_path):
    (tmp_path / "rehearsal_on_cpu.json").write_text("{}")
    assert complaints(SAYS_SO, measured(tmp_path)) == []


def test_silence_is_not_enough():
    assert complaints({**SAYS_SO, "01.py": "A CPU will do."}, []) == [
        "01.py should say that a GPU is not measured yet"
    ]


@pytest.mark.parametrize(
    "promise",
    [
        "in a minute or two of one\nCPU core, and unchanged on a Colab GPU.",
        "# A CPU is enough. On a GPU the same cells\n# run, only sooner.",
        "device: for a few hundred words a CPU is faster than a GPU.",
        "| time | A GPU: 12 seconds |",
    ],
)
def test_a_promise_is_found(promise):
    assert len(promises(promise)) == 1


# The experiments ------------------------------------------------------------------------------


@pytest.fixture(params=chapters_that_train(), ids=lambda path: path.stem)
def chapter(request) -> str:
    return request.param.read_text(encoding="utf-8")


def test_each_chapter_that_trains_names_one_experiment_worth_a_gpu(chapter):
    (found,) = WORTH.finditer(chapter)
    prose = re.sub(r"^```.*?^```", "", found["text"].replace("# ", ""), flags=re.S | re.M)
    assert len(prose.replace("#", "").split()) <= MOST_WORDS
    assert "T4" in prose and "estimate" in prose and "Not tried" in prose
    assert chapter.index("## Worth a GPU") < chapter.index("## Three things to remember")


def test_its_lines_use_names_that_the_chapter_has_and_take_none_away(chapter):
    (found,) = WORTH.finditer(chapter)
    text = re.sub(r"^# ?", "", found["text"], flags=re.M)
    (block,) = re.findall(r"^```python\n(.*?)^```$", text, re.S | re.M)
    above, lines = (symtable(code, "", "exec") for code in (chapter[: found.start()], block))
    assert globals_read(lines) - bound(lines) <= bound(above) | set(dir(builtins))
    # Pasted into a cell, they must not change what other cells go on with.
    assert bound(lines) & bound(above) <= {"_", "options", "training"}


def bound(table: SymbolTable) -> set[str]:
    """Names that a module assigns, imports or defines."""
    return {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}


def globals_read(table: SymbolTable) -> set[str]:
    """Names of the module, or of builtins, that are read in it and in its comprehensions."""
    read = {s.get_name() for s in table.get_symbols() if s.is_referenced() and not s.is_local()}
    if table.get_type() == "module":
        read |= {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    return read.union(*map(globals_read, table.get_children()))
