"""Guesses are not spoiled: what stands between a question and its answer is folded when opened.

JupyterLab shows an output again as soon as its cell is run, so nobody has to unfold anything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbformat import NotebookNode

FOLDED = {"outputs_hidden": True}
LONGEST_ALT = 80  # characters; what a chart draws it tells itself, at any length
ASKED = re.compile(r"^(\w+) = predict\(", re.M)


def results(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells behind a question, up to the one that reveals its answer."""
    found, waiting = [], set()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if waiting:
            found.append(cell)
        waiting |= set(ASKED.findall(cell.source))
        waiting -= {name for name in waiting if f"{name}.reveal(" in cell.source}
    return found


def fold(notebook: NotebookNode) -> None:
    """Fold the outputs of ``results``; a stored page shows no answer before the guess."""
    for cell in results(notebook):
        cell.metadata["jupyter"] = dict(FOLDED)


def answers_are_folded(notebook: NotebookNode) -> Iterator[str]:
    """Outputs behind a question are folded, no others, and every question gets its answer."""
    hidden = [id(cell) for cell in results(notebook)]
    for number, cell in enumerate(notebook.cells, start=1):
        if (cell.metadata.get("jupyter") == FOLDED) != (id(cell) in hidden):
            yield f"cell {number}: outputs between predict() and reveal(), alone, are folded"
        for name in ASKED.findall(cell.source) if cell.cell_type == "code" else ():
            if not any(f"{name}.reveal(" in other.source for other in notebook.cells[number - 1 :]):
                yield f"cell {number}: no {name}.reveal(…) follows the question"


def answers_are_computed(notebook: NotebookNode) -> Iterator[str]:
    """``reveal`` takes what the cell computed: the source spells no answer out."""
    for number, call in _calls(notebook):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "reveal":
            inside = [node for argument in call.args for node in ast.walk(argument)]
            if not any(isinstance(node, ast.Name) for node in inside):
                yield f"cell {number}: reveal() takes what the cell computed, not the answer itself"


def alt_texts_are_short(notebook: NotebookNode) -> Iterator[str]:
    """Charts bring their alt texts; a cell writes a short one for a figure drawn by hand."""
    for number, call in _calls(notebook):
        for keyword in call.keywords:
            if keyword.arg == "alt" and len(_text(keyword.value)) > LONGEST_ALT:
                yield (
                    f"cell {number}: an alt text of more than {LONGEST_ALT} characters: let the "
                    "function that draws end on described(fig, …)"
                )


def _text(node: ast.expr) -> str:
    parts = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
    return "".join(part for part in parts if isinstance(part, str))


def _calls(notebook: NotebookNode) -> Iterator[tuple[int, ast.Call]]:
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code":
            try:
                tree = ast.parse(cell.source)
            except SyntaxError:  # a magic command, which another rule forbids
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Call):
                    yield number, node


RULES = (answers_are_folded, answers_are_computed, alt_texts_are_short)
