"""Measure the workbook on the GPU that is here, in its precision, and write one file about it.

    python tools/gpu.py                                  # all: make gpu
    python tools/gpu.py --only notebooks --chapters 06   # a part
    python tools/gpu.py --rehearse                       # the same on the CPU, nothing claimed

Three parts: every notebook live and with all exercises solved, its bands and seconds; the
benchmarks of the loop, the losses, retrieval and the joint space; the tests that need a GPU. A part
that fails is in the file as failed, the rest goes on, and the exit code is 1.

A whole run writes benchmarks/results/gpu_CARD.json. A part of it, and a rehearsal, goes to a
temporary file and counts for nothing. A rehearsal has the precision of XMODAL_PRECISION, and its
benchmarks are cut short. On Colab, on a GPU runtime, in a cell:

    !git clone ADDRESS workbook
    !cd workbook && pip install -q --no-deps -e . jaxtyping wadler-lindig && python tools/gpu.py
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import torch
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from notebook_env import NOTEBOOKS, ROOT, environment
from record import ANSI, Refused, find_sources
from reports import read_report
from sitting import Sitting, claims

import xmodal_lab
from xmodal_lab import runtime

RESULTS = ROOT / "benchmarks" / "results"
PARTS = ("notebooks", "benchmarks", "tests")
CELL_SECONDS = 1800
NO_GPU = (
    "torch sees no GPU here, so nothing is measured: on Colab choose Runtime → Change runtime type "
    "→ T4 GPU and begin anew, elsewhere install a torch built for CUDA, or add --rehearse to try "
    "the tool on the CPU."
)
# What is run, on a GPU and in a rehearsal.
BENCHMARKS = {
    "training_loop": ("", "--steps 3 --batches 3"),
    "contrastive_loss": (
        "--device cuda --batches 256 1024 4096 8192 16384 32768",
        "--batches 64 --dim 16 --repeats 1",
    ),
    "retrieval": ("--device cuda", "--dims 16 --repeats 1"),
    "joint_space": ("", "--budgets 60 --seeds 1 --steps 3 --easy-steps 1"),
}


def main(arguments: list[str] | None = None) -> int:
    """Measure what the command line names; 1 where anything failed, or there is no GPU."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="else all three")
    parser.add_argument("--chapters", nargs="+", default=[], help="'06'; else all")
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, for nothing")
    parser.add_argument("--folder", type=Path, default=NOTEBOOKS, help="where src/ lies")
    options = parser.parse_args(arguments)
    if not (torch.cuda.is_available() or options.rehearse):
        print(NO_GPU)
        return 1
    os.environ["XMODAL_DEVICE"] = "cpu" if options.rehearse else "cuda"
    try:
        sources = find_sources(options.chapters, options.folder.resolve())
        figures = {"what": what(options), **surroundings()}
    except (Refused, ValueError) as reason:
        print(reason)
        return 1
    target = target_of(options, figures["machine"])
    print(readable(figures["machine"] | figures["workbook"]), flush=True)
    works: dict[str, dict[str, Callable[[], dict]]] = {
        "notebooks": {source.stem: partial(sit, source) for source in sources},
        "benchmarks": {name: partial(benchmark, name, options.rehearse) for name in BENCHMARKS},
        "tests": {"marked gpu": partial(tests, options.rehearse)},
    }
    unfinished = Path(tempfile.mkdtemp(prefix="xmodal-gpu-")) / f"unfinished_{target.name}"
    for part in options.only:
        print(f"\n== {part}", flush=True)
        figures[part] = {}
        for name, work in works[part].items():
            print(f"{name} …", flush=True)
            figures[part][name] = timed(work)
            write(unfinished, figures)  # what was measured outlives a runtime that is taken away
    figures["failed"] = failures(figures)
    write(unfinished, figures)
    target.parent.mkdir(exist_ok=True)
    shutil.move(unfinished, target)
    print("\n" + summary(figures))
    print(f"\nWritten to {target}")
    return int(bool(figures["failed"]))


# What it is about ------------------------------------------------------------------------------


def what(options: argparse.Namespace) -> str:
    """In words: a whole run on a GPU is the only one that counts."""
    if options.rehearse:
        return "a rehearsal on the CPU: says nothing about any GPU"
    return "a whole run on a GPU" if is_whole(options) else "a part of a run on a GPU"


def is_whole(options: argparse.Namespace) -> bool:
    """Whether nothing was left out."""
    everything = set(options.only) == set(PARTS) and not options.chapters
    return everything and options.folder.resolve() == NOTEBOOKS


def target_of(options: argparse.Namespace, machine: dict) -> Path:
    """The file of a whole run; a new temporary one for anything else."""
    told = "" if not os.environ.get("XMODAL_PRECISION") else f"_{machine['precision']}"
    if not options.rehearse and is_whole(options):
        card = re.sub(r"\W+", "_", machine["card"].lower()).strip("_")
        return RESULTS / f"gpu_{card}{told}.json"
    kind = "rehearsal_on_cpu" if options.rehearse else "part"
    return Path(tempfile.mkdtemp(prefix="xmodal-gpu-")) / f"{kind}{told}.json"


def surroundings() -> dict:
    """Card, driver and versions, and which state of the workbook is measured."""
    runtime.setup(0, quiet=True)
    current = runtime.current()
    machine = {"card": "none", "precision": str(current.precision).removeprefix("torch.")}
    if current.device.type == "cuda":
        card = torch.cuda.get_device_properties(current.device)
        query = ("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
        machine |= {
            "card": card.name,
            "memory GiB": round(card.total_memory / 2**30, 1),
            "compute capability": f"{card.major}.{card.minor}",
            "driver": (said(*query).splitlines() or ["unknown"])[0],
            "CUDA": torch.version.cuda or f"none, ROCm {torch.version.hip}",
            "cuDNN": torch.backends.cudnn.version(),
        }
    machine |= {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": current.threads,
    }
    commit = said("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=40")
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine,
        "workbook": {"version": xmodal_lab.__version__, "commit": commit or "unknown"},
    }


def said(*command: str) -> str:
    """What a command prints; nothing where it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


# The parts ------------------------------------------------------------------------------------


def timed(work: Callable[[], dict]) -> dict:
    """What a work found, its seconds, and its problems; an error is one of them."""
    start, found, problems = time.perf_counter(), {}, []
    try:
        found = work()
        problems = found.pop("problems")
    except Exception as error:  # of any kind: the rest goes on
        problems = [f"{type(error).__name__}: {error}".strip()]
    for problem in problems:
        print(f"  ! {last_line(problem)}", flush=True)
    seconds = round(time.perf_counter() - start, 1)
    return {"failed": bool(problems), "seconds": seconds, **found, "problems": problems}


def sit(source: Path) -> dict:
    """One chapter, live and solved: memory, every claim, and what is wrong."""
    sitting, peaks = Sitting(source), {}
    try:
        took = sitting.run(source.parents[1], CELL_SECONDS)
        peaks = {"peak MB": took.peak_megabytes, "peak GPU MB": took.peak_gpu_megabytes}
        problems = sitting.problems()
    except (CellExecutionError, CellTimeoutError, DeadKernelError, RuntimeError) as error:
        problems = [f"{type(error).__name__}: {ANSI.sub('', str(error)).strip()[-4000:]}"]
    rows = [
        {**vars(claim), "after s": round(sitting.ended.get(cell.id, 0), 1)}
        for cell in sitting.cells
        for claim in claims([cell])
    ]
    for row in rows:
        mark = "✓" if row["held"] else "✗"
        print(f"  {mark} {row['name']}: {row['value']:g}   expected {row['band']}", flush=True)
    return {**peaks, "claims": rows, "problems": problems}


def benchmark(name: str, rehearse: bool) -> dict:
    """One benchmark in a process of its own: its figures, or how it failed."""
    arguments = BENCHMARKS[name][rehearse].split()
    script = ROOT / "benchmarks" / f"{name}.py"
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "figures.json")
        done = subprocess.run(
            [sys.executable, str(script), *arguments, "--json", str(written)],
            cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        figures = json.loads(written.read_text(encoding="utf-8")) if written.exists() else {}
    problems = []
    if done.returncode or not figures:
        told = done.stderr.strip()[-4000:]
        problems = [told or f"it ended with exit code {done.returncode} and wrote nothing"]
    return {"arguments": arguments, **figures, "problems": problems}


def tests(rehearse: bool) -> dict:
    """All tests marked ``gpu``: how many passed, and those that failed."""
    # Not the whole folder: others need packages that a Colab runtime lacks.
    files = [
        str(path)
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if "mark.gpu" in path.read_text(encoding="utf-8")
    ]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        line = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", f"--junitxml={report}", *files]
        changes = {"XMODAL_REHEARSE": "1"} if rehearse else {}
        code = subprocess.run(line, cwd=ROOT, env=environment(**changes)).returncode
        outcomes = read_report(report)
    wrong = [o for o in outcomes if o.failure]
    skipped = [o.name for o in outcomes if o.skipped]
    passed = len(outcomes) - len(wrong) - len(skipped)
    problems = [f"{o.place}.{o.name}: {o.failure}" for o in wrong]
    if not problems and (code or not passed):
        problems = [f"pytest ended with exit code {code}, {passed} tests passed"]
    return {"passed": passed, "skipped": skipped, "problems": problems}


# What is told ---------------------------------------------------------------------------------


def failures(figures: dict) -> list[str]:
    """One line for each thing that failed."""
    return [
        f"{part}, {name}: {last_line(problem)}"
        for part in PARTS
        for name, found in figures.get(part, {}).items()
        for problem in found["problems"]
    ]


def last_line(problem: str) -> str:
    """Of a traceback the last line says what happened, of anything else the first."""
    lines = problem.splitlines() or ["failed"]
    return lines[-1] if lines[0].startswith(("Traceback", "CellExecutionError")) else lines[0]


def summary(figures: dict) -> str:
    """A table of all parts, and what failed."""
    lines = [("", "seconds", "GPU MB", "held or passed", "")]
    for part in PARTS:
        for name, found in figures.get(part, {}).items():
            rows = found.get("claims")
            passed = found.get("passed", "") if rows is None else sum(row["held"] for row in rows)
            count = passed if rows is None else f"{passed} of {len(rows)}"
            memory = found.get("peak GPU MB")
            shown = "" if memory is None else f"{memory:.0f}"
            mark = "✗" if found["failed"] else "✓"
            lines.append((f"{part}, {name}", f"{found['seconds']:.0f}", shown, f"{count}", mark))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    told = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
    return "\n".join([figures["what"], *told, *(f"✗ {line}" for line in figures["failed"])])


def readable(rows: dict) -> str:
    """A name and a value a line."""
    return "\n".join(f"{name:<20} {value}" for name, value in rows.items())


def write(path: Path, figures: dict) -> None:
    """The file, whole or not at all."""
    text = json.dumps(figures, indent=1, ensure_ascii=False) + "\n"
    path.with_suffix(".part").write_text(text, encoding="utf-8")
    path.with_suffix(".part").replace(path)


if __name__ == "__main__":
    sys.exit(main())
