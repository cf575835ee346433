"""The one environment in which notebooks are recorded and checked, so that both see the same."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"

ENVIRONMENT = {
    # One thread: sums in the same order everywhere, and faster beside a second kernel.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "XMODAL_STATIC": "1",
    "HF_HUB_OFFLINE": "1",
    # What JupyterLab uses; a figure left open by a cell then shows up, without alt text, and fails.
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    # ipykernel forwards the output of child processes unless it believes to be under pytest. The
    # checker is pytest; the recorder says so too.
    "PYTEST_CURRENT_TEST": "notebook",
}


def environment(**changes: str) -> dict[str, str]:
    """A process's whole environment: the outer one, then ``ENVIRONMENT``, then the changes."""
    return {**os.environ, **ENVIRONMENT, **changes}
