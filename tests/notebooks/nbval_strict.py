"""A pytest plugin that makes nbval run cells as the recorder does.

Three habits of nbval 0.11 are changed: cells are stored in the history (so that a trailing ``;``
and ``Out[n]`` behave as recorded), outputs may take 60 s to arrive instead of 5, and after a cell
that raised the rest of its notebook is skipped instead of failing for that reason.
"""

from __future__ import annotations

import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, NbCellError

OUTPUT_TIMEOUT = 60  # seconds


def _execute_and_store(self, cell_input, allow_stdin=None):
    return self.kc.execute(
        cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
    )


RunningKernel.execute_cell_input = _execute_and_store


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
        if not differs:
            item.parent.first_broken_cell = item.cell_num
        raise
