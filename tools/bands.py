"""Measure what the claims of a chapter really vary by, to set the bands of ``expect``.

    python tools/bands.py 06_joint_space                      # 5 seeds × 1 and 2 threads
    python tools/bands.py 06 --seeds 2 --threads 1 --jobs 2

Runs the whole notebook with ``setup(seed=…)`` changed, reads every ``expect`` line and prints the
lowest and highest value beside the band.
"""

from __future__ import annotations

import argparse
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import product

from notebook_env import NOTEBOOKS
from notebook_form import read_source
from notebook_runner import execute, printed
from record import find_sources

CLAIM = re.compile(r"^[✓✗] (?P<name>.*): ≈ (?P<value>[-\d.,e]+).*?expected (?P<band>.*)$", re.M)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("name")
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    arguments.add_argument("--jobs", type=int, default=1, help="notebooks run at a time")
    options = arguments.parse_args()
    (source,) = find_sources([options.name], NOTEBOOKS)
    settings = list(product(range(options.seeds), options.threads))
    with ThreadPoolExecutor(options.jobs) as pool:
        runs = list(pool.map(lambda setting: claims(source, *setting), settings))
    for name in runs[0]:
        values = [run[name][0] for run in runs]
        print(f"{name:<45} {min(values):8.3f} … {max(values):8.3f}   band {runs[0][name][1]}")


def claims(source, seed: int, threads: int) -> dict[str, tuple[float, str]]:
    """Every claim of one run: name → (value, band)."""
    notebook = read_source(source)
    changed = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source, count = re.subn(r"setup\(seed=\d+\)", f"setup(seed={seed})", cell.source)
            changed += count
    if not changed:
        raise SystemExit(f"{source.name} has no setup(seed=…) to change")
    took = execute(notebook, NOTEBOOKS, OMP_NUM_THREADS=str(threads))
    text = "\n".join(printed(cell) for cell in notebook.cells if cell.cell_type == "code")
    found = {
        line["name"]: (float(line["value"].replace(",", "")), line["band"])
        for line in CLAIM.finditer(text)
    }
    print(f"  seed {seed}, {threads} threads: {took}", flush=True)
    return found


if __name__ == "__main__":
    main()
