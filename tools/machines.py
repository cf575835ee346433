"""Run the notebooks as other machines would, and say which cell differs where.

    python tools/machines.py                               # all machines: make machines
    python tools/machines.py avx2 oldest                   # some: make machines ONLY="avx2 oldest"
    python tools/machines.py avx2 --notebooks notebooks/06_joint_space.ipynb

Every machine compares fresh outputs with the recorded ones, as `make test` does on this one:

MACHINES

'oldest' needs a network, once, and 6 GB for ``.venv-oldest``. The exit code is 1 where a single
cell differs.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from check_notebooks import check
from lock import pythons
from notebook_env import NOTEBOOKS, ROOT, environment
from reports import Outcome, read_report

OLDEST = ROOT / ".venv-oldest"
# Another machine may be slower; whether a cell takes too long here is for `make test` to say.
CELL_SECONDS = 900


@dataclass(frozen=True)
class Machine:
    """What is different there: environment variables, the interpreter, what is run."""

    says: str
    changes: dict[str, str] = field(default_factory=dict)
    python: Callable[[], str] = lambda: sys.executable
    workers: int = 2
    sitting: bool = False


def oldest_python() -> str:
    """An interpreter with the lowest versions that pyproject.toml allows, made where it is missing.

    Direct dependencies are the lowest that have a wheel; what they need in turn is the newest that
    fits them, as for somebody who keeps an old torch and installs the workbook today.
    """
    version, base = min(pythons([]).items(), key=lambda found: int(found[0].split(".")[1]))
    python, stamp = OLDEST / "bin" / "python", OLDEST / "made-from"
    wanted = version + "\n" + (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"making {OLDEST.name} with Python {version} …", flush=True)
        shutil.rmtree(OLDEST, ignore_errors=True)
        subprocess.run([base, "-m", "venv", OLDEST], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
        install = ("pip", "install", "--quiet", "--python", python, "--resolution=lowest-direct")
        what = ("--only-binary=:all:", "-r", ROOT / "pyproject.toml", "--extra=dev")
        subprocess.run([python.with_name("uv"), *install, *what], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return str(python)


MACHINES = {
    "no-avx": Machine(
        "a CPU without AVX",
        {
            "ATEN_CPU_CAPABILITY": "default",
            "ONEDNN_MAX_CPU_ISA": "SSE41",
            "MKL_CBWR": "COMPATIBLE",
            "OPENBLAS_CORETYPE": "Nehalem",
        },
    ),
    "avx2": Machine(
        "a CPU with AVX2, without AVX-512",
        {
            "ATEN_CPU_CAPABILITY": "avx2",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "MKL_CBWR": "AVX2",
            "OPENBLAS_CORETYPE": "Haswell",
        },
    ),
    "numba-generic": Machine(
        "UMAP compiled for any CPU of this kind", {"NUMBA_CPU_NAME": "generic"}
    ),
    "two-threads": Machine(
        "two threads; all others have one",
        {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"},
        workers=1,
    ),
    "umap-seed": Machine("another layout of every map", {"XMODAL_UMAP_SEED": "1"}),
    "bfloat16": Machine(
        "matrices multiplied in the precision of a new GPU", {"XMODAL_PRECISION": "bfloat16"}
    ),
    "oldest": Machine(
        "the oldest versions that pyproject.toml allows, on the oldest Python", python=oldest_python
    ),
    "solved": Machine(
        "this machine, live, with every exercise solved: nothing is compared but ✓ and ✗",
        sitting=True,
    ),
}


def run(machine: Machine, notebooks: list[Path], report: Path) -> int:
    """Run the notebooks there; the exit code is pytest's."""
    if not machine.sitting:
        how = {"changes": machine.changes, "workers": machine.workers, "cell_seconds": CELL_SECONDS}
        python = machine.python()
        return check(notebooks, python, report, **how, stdout=subprocess.PIPE).returncode
    tests = ROOT / "tests" / "notebooks" / "test_chapters.py"
    line = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", "sitting", tests]
    if notebooks != [NOTEBOOKS]:
        line += ["-k", " or ".join(path.stem for path in notebooks)]
    line += [f"--junitxml={report}"]
    env = environment(**machine.changes)
    return subprocess.run(line, cwd=ROOT, env=env, stdout=subprocess.PIPE).returncode


def notebook_of(outcome: Outcome) -> str:
    """The stem of the notebook that an outcome is about."""
    return outcome.notebook or outcome.name.partition("[")[2].removesuffix("]")


def row(outcomes: list[Outcome], stems: list[str]) -> dict[str, str]:
    """Notebook → '✓', or the cells that differ, or '✗' where nothing was looked at."""
    told = {}
    for stem in stems:
        cells = [outcome for outcome in outcomes if notebook_of(outcome) == stem]
        failed = [outcome.name.removeprefix("Cell ") for outcome in cells if outcome.failure]
        short = [name.partition("[")[0] for name in failed]
        told[stem] = f"✗ {'; '.join(short)}" if short else "✓" if cells else "✗ did not run"
    return told


def table(rows: dict[str, dict[str, str]]) -> str:
    """Machines in rows, notebooks in columns."""
    columns = list(next(iter(rows.values())))
    lines = [["", *columns], *([name, *told.values()] for name, told in rows.items())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    told = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
    return "\n".join(told)


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line names; 1 where a single cell differs on a single machine."""
    known = "\n".join(f"    {name:<14} {machine.says}" for name, machine in MACHINES.items())
    parser = argparse.ArgumentParser(
        description=__doc__.replace("MACHINES", known),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("machines", nargs="*", metavar="MACHINE", help="else all")
    parser.add_argument("--notebooks", nargs="+", type=Path, default=[NOTEBOOKS])
    options = parser.parse_args(arguments)
    unknown = set(options.machines) - set(MACHINES)
    if unknown:
        parser.error(f"no machine {', '.join(sorted(unknown))}; there are: {', '.join(MACHINES)}")
    given = [[path] if path.suffix else path.glob("*.ipynb") for path in options.notebooks]
    stems = sorted(path.stem for paths in given for path in paths)
    rows, fine = {}, bool(stems)
    for name in options.machines or MACHINES:
        start = time.perf_counter()
        print(f"{name}: {MACHINES[name].says} …", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder, "report.xml")
            code = run(MACHINES[name], options.notebooks, report)
            outcomes = read_report(report)
        for outcome in outcomes:
            if outcome.failure:
                print(f"\n--- {name}: {notebook_of(outcome)}, {outcome.name}\n{outcome.failure}\n")
        rows[name] = row(outcomes, stems)
        rows[name]["minutes"] = f"{(time.perf_counter() - start) / 60:.1f}"
        fine = fine and code == 0 and not any("✗" in told for told in rows[name].values())
    print("\n" + table(rows))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
