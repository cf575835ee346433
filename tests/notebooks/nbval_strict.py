"""A pytest plugin that makes nbval run cells as the recorder does, and then look once more.

Three habits of nbval 0.11 are changed: cells are stored in the history (so that a trailing ``;``
and ``Out[n]`` behave as recorded), outputs may take 60 s to arrive instead of 5, and after a cell
that raised the rest of its notebook is skipped instead of failing for that reason.

After the last cell, when everything is trained and all is compared, the same kernel is asked

- for every picture and widget again, live (``XMODAL_STATIC=0``), as somebody who scrolls back does:
  a widget is made for each, and a picture is what it was, so no later cell took its names away;
- for every exercise with its folded solution in place of the stub: the checker accepts it, and the
  first cell that calls the function goes on with it.

A whole second run for this would double the time of `make test`; `make machines` does one.
"""

from __future__ import annotations

import re

import pytest
from exercise_cards import BadCard, find_cards, is_exercise
from nbformat import NotebookNode
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError

OUTPUT_TIMEOUT = 60  # seconds
LIVE = "import os\n\nos.environ['XMODAL_STATIC'] = '0'\n"
VIEW = "application/vnd.jupyter.widget-view+json"
SHOWS = re.compile(r"^(?:show|explore)\(", re.M)
MAKES_A_WIDGET = re.compile(r"^(?:\w+ = )?(?:explore|predict)\(", re.M)


def _execute_and_store(self, cell_input, allow_stdin=None):
    return self.kc.execute(
        cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
    )


RunningKernel.execute_cell_input = _execute_and_store


class OnceMore(IPyNbCell):
    """A cell that runs after the last one of its notebook."""

    def run(self, cell, source: str) -> list:
        """Run this source in place of a cell's own; the outputs, which nbval does not compare."""
        self.cell = NotebookNode(cell, source=source)
        super().runtest()
        for output in self.test_outputs:
            if output.get("name") == "stderr":
                self.raise_cell_error(f"run once more, it wrote to stderr: {output.text}")
        return self.test_outputs


class LiveCell(OnceMore):
    """A cell with pictures or widgets, run again with live widgets."""

    def runtest(self):
        """A view for every explore() and predict(), and the same pictures as before."""
        cell = self.cell
        outputs = self.run(cell, LIVE + cell.source)
        views = sum(VIEW in output.get("data", {}) for output in outputs)
        wanted = len(MAKES_A_WIDGET.findall(cell.source))
        if views < wanted:
            self.raise_cell_error(f"made {views} of {wanted} widgets")
        # Where a widget is, its static picture is not.
        lost = [said for said in _digests(cell.outputs) if said not in _digests(outputs)]
        if "nbval-ignore-output" not in cell.metadata.get("tags", []) and len(lost) > views:
            self.raise_cell_error(f"run once more, it no longer draws {' or '.join(lost)}")


class SolvedCell(OnceMore):
    """An exercise with its solution in place of the stub."""

    card = None

    def runtest(self):
        """The checker accepts the solution, and the first cell that calls it goes on with it."""
        said = _printed(self.run(self.cell, self.card.solved))
        if not re.search(rf"^✓ {self.card.name}: ", said, re.M):
            self.raise_cell_error(f"the folded solution is not accepted: {said.strip()}")
        code = [cell for cell in self.parent.nb.cells if cell.cell_type == "code"]
        for cell in filter(self._calls, code[self.cell_num + 1 :]):
            said = _printed(self.run(cell, cell.source))
            wrong = re.search(r"^✗.*", said, re.M)
            if wrong and "wrong-on-purpose" not in cell.metadata.get("tags", []):
                self.raise_cell_error(f"with the solution: {wrong.group()}")
            break

    def _calls(self, cell) -> bool:
        return f"{self.card.name}(" in cell.source and not is_exercise(cell)


def _digests(outputs) -> list[str]:
    shown = [output.get("data", {}) for output in outputs]
    return [data["text/plain"] for data in shown if "image/png" in data]


def _printed(outputs) -> str:
    return "".join(output.text for output in outputs if output.output_type == "stream")


_every_cell = IPyNbFile.collect


def _collect(self):
    """The cells in their order, then those that run once more."""
    cells = list(_every_cell(self))
    yield from cells

    def again(kind, item, word):
        name, options = f"{item.name}, {word}", {"check": False}
        known = {"cell_num": item.cell_num, "cell": item.cell}
        return kind.from_parent(self, name=name, options=item.options | options, **known)

    for item in cells:
        if SHOWS.search(item.cell.source) or MAKES_A_WIDGET.search(item.cell.source):
            yield again(LiveCell, item, "live")
    try:
        cards = find_cards(self.nb)
    except BadCard:
        return  # a notebook that is no chapter; of chapters, the house rules ask for complete cards
    for card in cards:
        code = [cell for cell in self.nb.cells[: card.cell] if cell.cell_type == "code"]
        solved = again(SolvedCell, cells[len(code)], "solved")
        solved.card = card
        yield solved


IPyNbFile.collect = _collect


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Skip a cell below one that failed to run; remember a cell that fails to run."""
    if not isinstance(item, IPyNbCell):
        return (yield)
    item.output_timeout = OUTPUT_TIMEOUT
    broken = getattr(item.parent, "first_broken_cell", None)
    if broken is not None:
        pytest.skip(f"cell {broken} of this notebook failed to run")
    try:
        return (yield)
    except Exception as error:
        differs = isinstance(error, NbCellError) and str(error) == "Cell outputs differ"
        if not differs and not isinstance(item, OnceMore):
            item.parent.first_broken_cell = item.cell_num
        raise
