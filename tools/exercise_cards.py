"""Exercise cards: where they are in a notebook, and what their folded solution says.

A card is a code cell tagged ``exercise`` that defines a stub and ends on ``name = check(name)``,
followed by text cells with folded hints (``<details><summary>Hint …``) and one folded solution
(``<details><summary>Solution…``) whose first python block defines the function anew.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from nbformat import NotebookNode

TAG = "exercise"
CHECK_LINE = re.compile(r"^(\w+) = check\(\1\)$")
SOLUTION = re.compile(r"<details>\s*<summary>\s*Solution.*?</summary>(.*?)</details>", re.S)
HINT = re.compile(r"<details>\s*<summary>\s*Hint.*?</summary>(.*?)</details>", re.S)
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.S | re.M)


class BadCard(ValueError):
    """What is missing on a card."""


@dataclass(frozen=True)
class Card:
    """One exercise in a notebook: the number of its cell, its name, its stub and its solution."""

    cell: int
    name: str
    stub: str
    solution: str

    @property
    def solved(self) -> str:
        """The stub cell with the solution in place of the stub; other lines stay."""
        node = _definition(self.stub, self.name, "the stub cell")
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        lines = self.stub.splitlines()
        return "\n".join([*lines[: first - 1], self.solution, *lines[node.end_lineno :]])


def find_cards(notebook: NotebookNode) -> list[Card]:
    """All cards of a notebook, in order; raises BadCard for one that is incomplete."""
    return [
        _card(notebook, number) for number, cell in enumerate(notebook.cells) if is_exercise(cell)
    ]


def is_exercise(cell: NotebookNode) -> bool:
    """True for a code cell that is tagged, or that checks a function (and should be tagged)."""
    if cell.cell_type != "code":
        return False
    return TAG in cell.metadata.get("tags", []) or bool(CHECK_LINE.match(_last_line(cell.source)))


def inject_solutions(notebook: NotebookNode) -> list[str]:
    """Replace every stub by its solution; changes the notebook and returns the exercises' names."""
    cards = find_cards(notebook)
    for card in cards:
        notebook.cells[card.cell].source = card.solved
    return [card.name for card in cards]


def _card(notebook: NotebookNode, number: int) -> Card:
    stub = notebook.cells[number].source
    line = CHECK_LINE.match(_last_line(stub))
    if line is None:
        raise BadCard(f"cell {number + 1}: the last line should be `name = check(name)`")
    name = line.group(1)
    if TAG not in notebook.cells[number].metadata.get("tags", []):
        raise BadCard(f"exercise {name}: its cell needs the tag {TAG!r}")
    node = _definition(stub, name, "the stub cell")
    last = node.body[-1]
    if not (isinstance(last, ast.Expr) and getattr(last.value, "value", None) is Ellipsis):
        raise BadCard(f"exercise {name}: the body of the stub should end on `...`")
    text = _text_below(notebook, number)
    if not HINT.search(text):
        raise BadCard(f"exercise {name}: no <details><summary>Hint…</summary> below it")
    return Card(number, name, stub, _solution(name, text))


def _solution(name: str, text: str) -> str:
    folded = SOLUTION.findall(text)
    if len(folded) != 1:
        raise BadCard(
            f"exercise {name}: one <details><summary>Solution</summary> should follow, "
            f"there are {len(folded)}"
        )
    block = PYTHON_BLOCK.search(folded[0])
    if block is None:
        raise BadCard(f"exercise {name}: the solution holds no ```python block")
    solution = block.group(1).rstrip()
    _definition(solution, name, "the solution")
    return solution


def _text_below(notebook: NotebookNode, number: int) -> str:
    """The text cells between this exercise and the next, whatever code stands between."""
    below = []
    for cell in notebook.cells[number + 1 :]:
        if is_exercise(cell):
            break
        if cell.cell_type == "markdown":
            below.append(cell.source)
    return "\n\n".join(below)


def _definition(code: str, name: str, where: str) -> ast.FunctionDef:
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        raise BadCard(f"exercise {name}: {where} is no Python ({error})") from None
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise BadCard(f"exercise {name}: {where} does not define {name}")


def _last_line(code: str) -> str:
    return code.rstrip().rsplit("\n", 1)[-1]
