"""What every committed notebook must keep to, so that checking it means something.

Each rule takes a notebook and yields one sentence for each place where it is broken.
``PAIR_RULES`` compare the notebook with its source, or look at the file itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise, zip_longest
from pathlib import Path

import guesses
import nbformat
from door_cell import first_cell
from exercise_cards import BadCard, find_cards
from nbformat import NotebookNode
from notebook_form import METADATA, normalise, read_source, seal

KNOWN_TAGS = {"exercise", "nbval-ignore-output", "wrong-on-purpose"}
LARGEST = 1_500_000  # bytes
COMPARED_SHARE = 0.9
# One sitting; aim at 3,500 words and 130 cells.
MOST_WORDS = 4_000
MOST_CELLS = 150
# These are longer and wait to be split; one that fits must leave this list.
TOO_LONG = {"01_word_embeddings", "04_contrastive_alignment"}
NO_PROSE = re.compile(r"^```.*?^```|<details>.*?</details>", re.S | re.M)
IGNORED_WITH_REASON = re.compile(r"^# nbval-ignore-output: \S+", re.M)
# What differs between two machines or two runs.
UNSTABLE = {
    "a memory address": r"\b0x[0-9a-fA-F]{6,}\b",
    "a temporary folder": r"/tmp/|/var/folders/|\\Temp\\|ipykernel_\d+",
    "a home folder": r"/(?:home/\w|Users/\w|root/)|[A-Z]:\\Users\\",
    "a speed": r"\d(?:it/s|s/it)\b",
    "a wall time": r"Wall time|CPU times",
}
# Outputs of these are recorded but not compared, or differ between recorder and checker.
BANNED = {
    r"^\s*[!%]\w|^\s*%%": "a shell or magic command",
    r"\bclear_output\(": "clear_output",
    r"\bdisplay_id\b": "an updating display",
    r"\btqdm\b": "tqdm; use progress()",
    r"\binteract\(|\bOutput\(": "interact or Output; use explore()",
    r"^\s*#\s*(NBVAL|PYTEST_VALIDATE)_": "an nbval comment; use the tag nbval-ignore-output",
}
PANEL = re.compile(r"\[([^\[\]]*)\]")


def code_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Code cells that hold something, each with its place counted from 1."""
    numbered = enumerate(notebook.cells, start=1)
    return [(n, c) for n, c in numbered if c.cell_type == "code" and c.source.strip()]


def outputs(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode, NotebookNode]]:
    """Every output as (place of its cell, cell, output)."""
    for number, cell in code_cells(notebook):
        for output in cell.outputs:
            yield number, cell, output


def texts(output: NotebookNode) -> str:
    """All an output says in words; embedded pictures and sounds left out."""
    words = output.get("text", "") + "".join(
        text for kind, text in output.get("data", {}).items() if kind.startswith("text/")
    )
    return re.sub(r"base64,[A-Za-z0-9+/=]+", "", words)


def begins_with_the_door(notebook: NotebookNode) -> Iterator[str]:
    """The first code cell makes the workbook complete on a machine that has nothing of it."""
    first = next((cell.source for _, cell in code_cells(notebook)), None)
    if first != first_cell():
        yield "the first code cell is not the one of tools/door_cell.py: make address writes it"


def executed_in_order(notebook: NotebookNode) -> Iterator[str]:
    """A cell that never ran has no output to compare, and a stripped notebook would pass."""
    for wanted, (number, cell) in enumerate(code_cells(notebook), start=1):
        if cell.execution_count != wanted:
            yield f"cell {number}: execution count {cell.execution_count}, expected {wanted}"


def only_known_tags(notebook: NotebookNode) -> Iterator[str]:
    """A misspelt tag does nothing, silently."""
    for number, cell in enumerate(notebook.cells, start=1):
        for tag in cell.metadata.get("tags", []):
            if tag not in KNOWN_TAGS:
                yield f"cell {number}: unknown tag {tag!r}; known: {', '.join(sorted(KNOWN_TAGS))}"
        for name in sorted(set(cell.metadata) - {"tags", "jupyter"}):  # answers_are_folded
            yield f"cell {number}: metadata other than tags: {name}"


def nothing_went_wrong(notebook: NotebookNode) -> Iterator[str]:
    """No exception, nothing on stderr, no ✗ but where it is shown on purpose."""
    for number, cell, output in outputs(notebook):
        if output.output_type == "error":
            yield f"cell {number}: raised {output.ename}"
        if output.get("name") == "stderr":
            yield f"cell {number}: output on stderr: {output.text.strip()[:80]}"
        failed = re.search(r"^✗.*", texts(output), re.M)
        if failed and "wrong-on-purpose" not in cell.metadata.get("tags", []):
            yield f"cell {number}: {failed.group()[:80]} (tag it wrong-on-purpose if it is)"


def no_widgets(notebook: NotebookNode) -> Iterator[str]:
    """Widget state is large, and a view without state shows an error."""
    if "widgets" in notebook.metadata:
        yield "the notebook holds widget state"
    for number, _, output in outputs(notebook):
        if any(kind.startswith("application/vnd.jupyter") for kind in output.get("data", {})):
            yield f"cell {number}: holds a widget view"


def nothing_unstable(notebook: NotebookNode) -> Iterator[str]:
    """Nothing that is different next time."""
    for number, _, output in outputs(notebook):
        for what, pattern in UNSTABLE.items():
            found = re.search(pattern, texts(output))
            if found:
                yield f"cell {number}: {what} in the output: {found.group()!r}"


def no_banned_code(notebook: NotebookNode) -> Iterator[str]:
    """No commands whose output the checker does not see as the recorder does.

    The first cell has one, which does not run where the workbook is installed.
    """
    for number, cell in code_cells(notebook):
        for pattern, what in BANNED.items() if cell.source != first_cell() else ():
            if re.search(pattern, cell.source, re.M):
                yield f"cell {number}: {what}"


def almost_all_compared(notebook: NotebookNode) -> Iterator[str]:
    """At most one cell in ten is left out of the comparison, each with a reason."""
    cells = code_cells(notebook)
    ignored = [(n, c) for n, c in cells if "nbval-ignore-output" in c.metadata.get("tags", [])]
    for number, cell in ignored:
        if not IGNORED_WITH_REASON.search(cell.source):
            yield f"cell {number}: give the reason in a comment `# nbval-ignore-output: …`"
    if cells and len(ignored) > (1 - COMPARED_SHARE) * len(cells):
        yield f"{len(ignored)} of {len(cells)} code cells are not compared, more than 10 %"


def pictures_are_described(notebook: NotebookNode) -> Iterator[str]:
    """Every picture comes from show(): alt text, a digest, labelled axes."""
    for number, _, output in outputs(notebook):
        data = output.get("data", {})
        if not any(kind.startswith("image/") for kind in data):
            continue
        if not output.metadata.get("image/png", {}).get("alt", "").strip():
            yield f"cell {number}: a picture without alt text; use show(fig, alt=…)"
            continue
        for panel in PANEL.findall(data.get("text/plain", "")):
            if re.search(r"\d (line|point|bar)s?\b", panel) and re.search(r"[xyz]: –", panel):
                yield f"cell {number}: axes without a label: [{panel}]"


def text_between_code(notebook: NotebookNode) -> Iterator[str]:
    """No two code cells in a row."""
    for number, (above, below) in enumerate(pairwise(notebook.cells), start=1):
        if above.cell_type == below.cell_type == "code":
            yield f"cells {number} and {number + 1}: no text between two code cells"


def cards_are_complete(notebook: NotebookNode) -> Iterator[str]:
    """Every exercise has a stub, a check, a hint, a solution, and is known to the registry."""
    from xmodal_lab.workbook.exercises import EXERCISES

    try:
        cards = find_cards(notebook)
    except BadCard as reason:
        yield str(reason)
        return
    for card in cards:
        if card.name not in EXERCISES:
            yield f"exercise {card.name}: not registered in xmodal_lab.workbook.exercises"


def normalised(notebook: NotebookNode) -> Iterator[str]:
    """Exactly what the recorder writes: ids, kernelspec, language_info."""
    metadata = {key: value for key, value in notebook.metadata.items() if key != "recorded"}
    if metadata != METADATA:
        yield "the notebook's metadata is not what the recorder writes"
    ids = [cell.get("id") for cell in notebook.cells]
    again = normalise(nbformat.from_dict(notebook))
    if ids != [cell.id for cell in again.cells]:
        yield "cell ids are not those that the recorder gives"


def as_recorded(notebook: NotebookNode) -> Iterator[str]:
    """No output was edited since it was recorded, not even where nbval does not look."""
    if notebook.metadata.get("recorded") != seal(notebook):
        yield "an output was edited, or the notebook was run and saved by hand: record it again"


RULES = (
    begins_with_the_door,
    executed_in_order,
    only_known_tags,
    nothing_went_wrong,
    no_widgets,
    nothing_unstable,
    no_banned_code,
    almost_all_compared,
    pictures_are_described,
    text_between_code,
    cards_are_complete,
    normalised,
    as_recorded,
    *guesses.RULES,
)


def not_too_large(notebook: Path, source: Path) -> Iterator[str]:
    """A notebook stays small enough to be read on the web and to be reviewed."""
    if notebook.stat().st_size > LARGEST:
        yield f"{notebook.stat().st_size:,} bytes, more than {LARGEST:,}"


def one_sitting(notebook: Path, source: Path) -> Iterator[str]:
    """What is too long for one sitting becomes two notebooks."""
    cells = nbformat.read(notebook, as_version=4).cells
    # Code in a text cell and what is folded are not counted: nobody has to read them.
    prose = (NO_PROSE.sub("", cell.source) for cell in cells if cell.cell_type == "markdown")
    counts = {"words": (sum(len(text.split()) for text in prose), MOST_WORDS)}
    counts["cells"] = (len(cells), MOST_CELLS)
    over = [(what, *pair) for what, pair in counts.items() if pair[0] > pair[1]]
    if notebook.stem not in TOO_LONG:
        yield from (f"{count:,} {what}, more than {most:,}" for what, count, most in over)
    elif not over:
        yield f"{notebook.stem} fits one sitting now: take it out of TOO_LONG"


def same_as_source(notebook: Path, source: Path) -> Iterator[str]:
    """People edit the source; a notebook that says something else is stale."""
    if not source.exists():
        yield f"{notebook.name} has no source {source.name}"
        return
    got, wanted = (
        [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in content.cells]
        for content in (nbformat.read(notebook, as_version=4), read_source(source))
    )
    for place, (mine, theirs) in enumerate(zip_longest(got, wanted), start=1):
        if mine != theirs:
            yield f"cell {place} differs from {source.name}: record the notebook again"
            return


PAIR_RULES = (not_too_large, one_sitting, same_as_source)


def problems(notebook: Path, source: Path) -> list[str]:
    """Everything wrong with a notebook file, one sentence each; empty where all is well."""
    content = nbformat.read(notebook, as_version=4)
    found = [f"{rule.__name__}: {said}" for rule in RULES for said in rule(content)]
    for rule in PAIR_RULES:
        found += [f"{rule.__name__}: {said}" for said in rule(notebook, source)]
    return found
