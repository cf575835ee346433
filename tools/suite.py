"""Run the checks, and say at the end where the time went.

    python tools/suite.py                  # everything: make test
    python tools/suite.py --quick          # style and the fast unit tests: make quick
    python tools/suite.py --quick joint    # … of one room: make quick ROOM=joint

All parts run even if the first fails: one run tells all.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from check_notebooks import check
from notebook_env import NOTEBOOKS, ROOT
from reports import Outcome, read_report

# What somebody may have set for other work, and would make tests see something else.
UNSET = ("XMODAL_STATIC", "XMODAL_DATA", "XMODAL_UMAP_SEED", "PYTEST_ADDOPTS", "PYTHONWARNINGS",
         "PYTHONOPTIMIZE", "MPLBACKEND", "XMODAL_PRECISION")  # fmt: skip
# Two workers share the cores, and more threads than cores are slower by a factor of three.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# A file stays on one worker, so that what its tests share is made once (UMAP compiled, a model
# trained). Groups (--dist loadgroup) are silently scattered by pytest 9.2 with xdist 3.8.
PYTEST = (sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
# Whole chapters run as recorded, below; solved from top to bottom in `make machines`.
ALL = ("-m", "not sitting", "tests")
QUICK = ("-q", "-m", "not slow and not browser and not sitting", "--ignore=tests/notebooks")


def lint() -> bool:
    """Style, without changing anything."""
    lines = (["check", "."], ["format", "--check", "."])
    codes = [subprocess.call([sys.executable, "-m", "ruff", *line], cwd=ROOT) for line in lines]
    return not any(codes)


def tests_of(room: str) -> str:
    """The folder of a room's tests, or of all; ends the program where there is no such room."""
    folders = {
        path.parent.relative_to(ROOT / "tests") for path in ROOT.glob("tests/*/**/test_*.py")
    }
    rooms = {folder.parts[0] for folder in folders} - {"notebooks", "browser"}
    if room and room not in rooms:
        sys.exit(f"tests/{room} is not there; ROOM is one of: {', '.join(sorted(rooms))}")
    return f"tests/{room}" if room else "tests"


def part_of(outcome: Outcome) -> str:
    """The line of the table that a test belongs to."""
    if outcome.notebook:
        again = "once more, live or solved" if ", " in outcome.name else "as recorded"
        return f"notebooks, {again}"
    rooms = outcome.place.split(".")[1:-1]
    if rooms[:1] == ["browser"]:
        return "browser"
    return f"unit tests, {rooms[0]}" if rooms else "unit tests, the whole"


def table(outcomes: Iterable[Outcome]) -> str:
    """Part, tests, and the seconds that workers spent on it, the longest first."""
    counts, seconds = Counter(), Counter()
    for outcome in outcomes:
        counts[part_of(outcome)] += 1
        seconds[part_of(outcome)] += outcome.seconds
    lines = [
        f"  {part:<42} {counts[part]:6,} {spent:8.0f} s" for part, spent in seconds.most_common()
    ]
    head = f"  {'where the time of two workers went':<42} {'tests':>6} {'':>10}"
    return "\n".join([head, *lines])


def main() -> int:
    """Run everything, or the quick part; the exit code is 1 where anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("room", nargs="?", default="", help="with --quick: tests of one room only")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    for name in UNSET:
        os.environ.pop(name, None)
    os.environ.update(ONE_THREAD)
    which = [*QUICK, tests_of(options.room)] if options.quick else ALL
    start, failed = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as folder:
        units, notebooks = Path(folder, "units.xml"), Path(folder, "notebooks.xml")
        if not lint():
            failed.append("lint")
        linted = time.perf_counter() - start
        if subprocess.run([*PYTEST, *which, f"--junitxml={units}"], cwd=ROOT).returncode:
            failed.append("tests")
        if not options.quick and check([NOTEBOOKS], report=notebooks).returncode:
            failed.append("notebooks")
        outcomes = [*read_report(units), *read_report(notebooks)]
    minutes, seconds = divmod(round(time.perf_counter() - start), 60)
    name = "make quick" if options.quick else "make test"
    print("\n" + table(outcomes))
    print(f"  {'lint':<42} {'':>6} {linted:8.0f} s")
    print(f"{name}: {minutes} min {seconds:02} s{', failed: ' * bool(failed)}{', '.join(failed)}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
