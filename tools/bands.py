"""Measure what the claims of a chapter really vary by, to set the bands of ``expect``.

    python tools/bands.py 06_joint_space                      # 5 seeds × 1 and 2 threads
    python tools/bands.py 06 --seeds 2 --threads 1 --jobs 2
    python tools/bands.py 01 04 06 --solved --seeds 1 --threads 1 \\
        --precision float32 bfloat16 float16 --json benchmarks/results/precision_cpu.json

Runs the whole notebook with ``setup(seed=…)`` changed, reads every ``expect`` line and prints the
lowest and highest value beside the band, a line for each precision. ``--precision`` multiplies
matrices on a CPU as a GPU does (autocast, in float16 with a loss scaler); float16 takes a CPU six
to eleven times as long. The exit code is 1 where a band was missed.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path

import torch
from exercise_cards import inject_solutions
from notebook_env import NOTEBOOKS
from notebook_form import read_source
from notebook_runner import execute
from record import find_sources
from sitting import Claim, claims

from xmodal_lab.runtime import PRECISIONS

CELL_SECONDS = 1800


@dataclass(frozen=True)
class Setting:
    """What is different from run to run."""

    precision: str
    seed: int
    threads: int

    def __str__(self) -> str:
        return f"{self.precision}, seed {self.seed}, {self.threads} threads"


@dataclass
class Measured:
    """One claim of a chapter in all runs: precision → values, and precision → bands missed."""

    claim: str
    band: str
    values: dict[str, list[float]] = field(default_factory=dict)
    missed: dict[str, int] = field(default_factory=dict)

    def add(self, precision: str, claim: Claim) -> None:
        self.values.setdefault(precision, []).append(claim.value)
        self.missed[precision] = self.missed.get(precision, 0) + (not claim.held)


def main(arguments: list[str] | None = None) -> int:
    """Measure the chapters that the command line names; 1 where a band was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", help="chapters ('06_joint_space' or '06')")
    parser.add_argument("--folder", type=Path, default=NOTEBOOKS, help="where src/ lies")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--precision", nargs="+", default=["float32"], choices=PRECISIONS)
    parser.add_argument("--solved", action="store_true", help="with every exercise solved")
    parser.add_argument("--jobs", type=int, default=1, help="notebooks run at a time")
    parser.add_argument("--json", type=Path, help="also write the values to this file")
    options = parser.parse_args(arguments)
    every = product(options.precision, range(options.seeds), options.threads)
    settings = [Setting(*values) for values in every]
    chapters = {}
    for source in find_sources(options.names, options.folder.resolve()):
        print(f"{source.stem}:", flush=True)
        with ThreadPoolExecutor(options.jobs) as pool:
            runs = pool.map(partial(measure, source, options.solved), settings)
            chapters[source.stem] = gathered(settings, runs)
        print(table(chapters[source.stem]), flush=True)
    if options.json:
        write(options.json, options, chapters)
    return int(any(sum(row.missed.values()) for rows in chapters.values() for row in rows))


def measure(source: Path, solved: bool, setting: Setting) -> list[Claim]:
    """Every claim of one run of a chapter."""
    notebook = read_source(source)
    if solved:
        inject_solutions(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    changed = 0
    for cell in cells:
        text, count = re.subn(r"setup\(seed=\d+\)", f"setup(seed={setting.seed})", cell.source)
        cell.source, changed = text, changed + count
    if not changed:
        raise SystemExit(f"{source.name} has no setup(seed=…) to change")
    environment = {"OMP_NUM_THREADS": str(setting.threads), "XMODAL_PRECISION": setting.precision}
    took = execute(notebook, source.parents[1], CELL_SECONDS, **environment)
    print(f"  {setting}: {took}", flush=True)
    return claims(cells)


def gathered(settings: list[Setting], runs) -> list[Measured]:
    """The claims in their order, each with the values of all runs."""
    rows: dict[tuple[str, int], Measured] = {}
    for setting, run in zip(settings, runs, strict=True):
        seen: dict[str, int] = {}
        for claim in run:
            # A chapter may claim twice under one name.
            seen[claim.name] = seen.get(claim.name, 0) + 1
            key = claim.name, seen[claim.name]
            rows.setdefault(key, Measured(claim.name, claim.band)).add(setting.precision, claim)
    return list(rows.values())


def table(rows: list[Measured]) -> str:
    """A line for each claim and precision: lowest and highest value, and the band."""
    lines = []
    for row in rows:
        for precision, values in row.values.items():
            missed = f"   MISSED in {row.missed[precision]}" if row.missed[precision] else ""
            span = f"{min(values):9.3f} … {max(values):9.3f}"
            lines.append(f"{row.claim:<50} {precision:<8} {span}   band {row.band}{missed}")
    return "\n".join(lines)


def write(path: Path, options: argparse.Namespace, chapters: dict[str, list[Measured]]) -> None:
    """All values, with the machine and the settings."""
    figures = {
        "machine": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "system": f"{platform.system()} {platform.machine()}",
            "device": "CPU, by autocast",
        },
        "seeds": options.seeds,
        "threads": options.threads,
        "solved": options.solved,
        "chapters": {stem: [vars(row) for row in rows] for stem, rows in chapters.items()},
    }
    text = json.dumps(figures, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
