"""How long a user waits: for the import, and for every notebook from top to bottom.

    python benchmarks/waiting.py                 # about three minutes
    python benchmarks/waiting.py --imports-only

Imports are timed in fresh processes once the files of torch are in the disk cache; notebooks run
in a clean kernel with one thread, no exercise solved, and the data in the cache. Their seconds are
wall time, so a busy machine shows more.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import _table as table

TOOLS = Path(__file__).resolve().parents[1] / "tools"
IMPORT_LIMIT, NOTEBOOK_LIMIT, MEMORY_LIMIT = 2.5, 180.0, 2048


def main() -> None:
    arguments = table.parser(__doc__.splitlines()[0])
    arguments.add_argument("--imports-only", action="store_true")
    options = arguments.parse_args()
    rows = imports()
    table.show("Import, in seconds of wall time", rows)
    figures = {"imports": rows}
    if not options.imports_only:
        figures["notebooks"] = notebooks()
        table.show("Notebooks, top to bottom", figures["notebooks"])
    table.write(options.json, figures)


def imports(repeats: int = 7) -> list[dict]:
    rows = []
    for module in ("torch", "xmodal_lab", "xmodal_lab.workbook"):
        seconds = []
        for _ in range(repeats + 1):  # the first one warms the disk cache
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
            seconds.append(time.perf_counter() - start)
        row = {
            "module": module,
            "median": statistics.median(seconds[1:]),
            "lowest": min(seconds[1:]),
            "highest": max(seconds[1:]),
        }
        row["wanted"] = f"≤ {IMPORT_LIMIT}" if module == "xmodal_lab" else "–"
        rows.append(row)
    return rows


def notebooks() -> list[dict]:
    sys.path.insert(0, str(TOOLS))
    from notebook_env import NOTEBOOKS
    from notebook_runner import execute
    from record import read_source

    rows = []
    for source in sorted((NOTEBOOKS / "src").glob("*.py")):
        run = execute(read_source(source), NOTEBOOKS)
        rows.append(
            {
                "notebook": source.stem,
                "seconds": run.seconds,
                "wanted": f"≤ {NOTEBOOK_LIMIT:.0f}",
                "peak MB": run.peak_megabytes,
                "wanted MB": f"≤ {MEMORY_LIMIT}",
            }
        )
    return rows


if __name__ == "__main__":
    main()
