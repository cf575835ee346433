"""A chapter as somebody in JupyterLab runs it who solves every exercise, and what to say of it.

Widgets are made, nothing raises, the folded solutions are accepted in place of the stubs, and every
band still holds. Then each picture is asked for again, as by somebody who scrolls back: no later
cell has taken its names away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from exercise_cards import inject_solutions
from nbformat import NotebookNode
from notebook_form import read_source
from notebook_runner import Run, execute, printed

VIEW = "application/vnd.jupyter.widget-view+json"
SHOWS_A_PICTURE = re.compile(r"^(?:show|explore)\(", re.M)
MAKES_A_WIDGET = re.compile(r"^(?:\w+ = )?(?:explore|predict)\(", re.M)
# As ``expect`` prints it.
CLAIM = re.compile(
    r"^(?P<mark>[✓✗]) (?P<name>.*): ≈ (?P<value>[-\d.,e+]+|-?inf|nan)\b.*?expected (?P<band>.*)$",
    re.M,
)


@dataclass(frozen=True)
class Claim:
    """One line of ``expect``: what was measured, and whether it lay where the chapter says."""

    name: str
    value: float
    band: str
    held: bool


def claims(cells: Iterable[NotebookNode]) -> list[Claim]:
    """Every claim that the cells printed, in order."""
    text = "\n".join(printed(cell) for cell in cells)
    return [
        Claim(
            line["name"], float(line["value"].replace(",", "")), line["band"], line["mark"] == "✓"
        )
        for line in CLAIM.finditer(text)
    ]


class Sitting:
    """A chapter's code cells, and after the last of them every picture once more.

    Args:
        source: notebooks/src/NN_name.py.
        solved: True to put the folded solutions in place of the stubs.
    """

    def __init__(self, source: Path, solved: bool = True) -> None:
        self.notebook = read_source(source)
        self.exercises = inject_solutions(self.notebook) if solved else []
        self.cells = [cell for cell in self.notebook.cells if cell.cell_type == "code"]
        pictures = [cell for cell in self.cells if SHOWS_A_PICTURE.search(cell.source)]
        self.again = [(cell, deepcopy(cell)) for cell in pictures]
        # The last first: none sees what an earlier one, run again, would have put right.
        for number, (_, copy) in enumerate(reversed(self.again)):
            copy.id = f"again-{number}"
            self.notebook.cells.append(copy)
        self.ended: dict[str, float] = {}  # a cell's id → seconds since the start

    def run(self, folder: Path, timeout: int = 300, **changes: str) -> Run:
        """Run all of it in ``folder``, live; arguments and errors as ``execute``'s."""

        def after_cell(cell: NotebookNode, seconds: float) -> None:
            self.ended[cell.id] = seconds

        return execute(self.notebook, folder, timeout, after_cell, XMODAL_STATIC="0", **changes)

    def problems(self) -> list[str]:
        """Everything that somebody who sits there would complain about; empty where all is well."""
        return [*self._dead(), *self._unsolved(), *self._drawn_otherwise()]

    def _dead(self) -> Iterator[str]:
        """A view for each explore() and predict(), and nothing that a callback complains about."""
        for cell in self.cells:
            views = [output for output in cell.outputs if VIEW in output.get("data", {})]
            if len(views) < len(MAKES_A_WIDGET.findall(cell.source)):
                yield f"a widget is missing below:\n{cell.source}"
            for output in cell.outputs:
                if output.get("name") == "stderr":
                    yield f"output on stderr: {output.text.strip()}\nbelow:\n{cell.source}"

    def _unsolved(self) -> Iterator[str]:
        """No band is missed, and every exercise that was solved is told to be right."""
        on_purpose = "wrong-on-purpose"
        cells = [c for c in self.cells if on_purpose not in c.metadata.get("tags", [])]
        lines = "".join(map(printed, cells)).splitlines()
        for name in self.exercises:
            if not any(line.startswith(f"✓ {name}: ") for line in lines):
                yield f"{name} is not accepted"
        wrong = ("✗", "○") if self.exercises else "✗"
        yield from (line for line in lines if line.startswith(wrong))

    def _drawn_otherwise(self) -> Iterator[str]:
        """A picture cell that runs once more, in the end, gives pictures and widgets as before."""
        for first, second in self.again:
            if _kinds(first) != _kinds(second):
                yield f"run again, this cell shows something else:\n{first.source}"


def _kinds(cell: NotebookNode) -> list[set[str]]:
    # What went to stderr is told of already, and a notice may come but once.
    return [set(o.get("data", {})) for o in cell.outputs if o.get("name") != "stderr"]
