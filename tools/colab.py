"""Run every chapter as a Colab user does: opened by its address, on Colab's versions, live.

    python tools/colab.py                            # all machines: make colab
    python tools/colab.py gpu-runtime --chapters 06  # some

MACHINES

Each chapter starts alone in an empty folder, on a machine that has nothing of the workbook; its
address leads to a git repository on this disk that holds the working tree. A cell that raises or
writes to stderr, a claim that does not hold, a missing widget or a package that has moved is a ✗.
The environments need a network, 6 GB each, and Python 3.12 and 3.13. Run this before a release.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from classic_page import moved_slider
from door_cell import first_cell
from fresh_machine import remote, stand_in_for_colab
from lock import pythons
from machines import table
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from notebook_env import NOTEBOOKS, ROOT
from notebook_runner import printed
from record import ANSI, find_sources
from sitting import Sitting, claims

CONSTRAINTS = ROOT / "constraints-colab.txt"
# What is there before anybody installs anything; the rest of the list is what these need.
PREINSTALLED = (
    *("torch", "torchaudio", "numpy", "scipy", "scikit-learn", "umap-learn", "matplotlib"),
    *("soundfile", "safetensors", "transformers", "pooch", "platformdirs", "pandas"),
    *("ipykernel", "ipython", "ipywidgets", "anywidget", "notebook", "jupyter_client", "traitlets"),
    *("beartype", "jupytext", "pytest"),
)
CELL_SECONDS = 900
# What to put into the table, and everything that is wrong.
Result = tuple[str, list[str]]


@dataclass(frozen=True)
class Machine:
    """What is different there: the Python, environment variables, which chapters are run."""

    says: str
    python: str = "3.13"
    changes: dict[str, str] = field(default_factory=dict)
    chapters: tuple[str, ...] = ()  # all
    stderr_matters: bool = True
    in_a_page: bool = False

    def opens(self, source: Path, replica: Replica) -> Result:
        """Run a chapter there."""
        return clicked(source, replica, self) if self.in_a_page else run(source, replica, self)


class Replica:
    """A virtual environment with Colab's versions, that is brought back before each chapter."""

    def __init__(self, version: str) -> None:
        self.folder = ROOT / f".venv-colab-{version}"
        self.python = self.folder / "bin" / "python"
        stamp = self.folder / "made-from.json"
        wanted = CONSTRAINTS.read_text(encoding="utf-8")
        made = json.loads(stamp.read_text(encoding="utf-8")) if stamp.exists() else {}
        if made.get("constraints") != wanted:
            self._make(version)
            made = {"constraints": wanted, "packages": self.packages()}
            stamp.write_text(json.dumps(made), encoding="utf-8")
        self.preinstalled: dict[str, str] = made["packages"]

    def _make(self, version: str) -> None:
        found = pythons([])
        if version not in found:
            sys.exit(f"Python {version} is not here; Colab has it, so the replica needs it.")
        print(f"making {self.folder.name} …", flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run([found[version], "-m", "venv", self.folder], check=True)
        self.pip("install", "pip", "setuptools", "wheel", "-c", CONSTRAINTS)
        self.pip("install", *PREINSTALLED, "-c", CONSTRAINTS)

    def pip(self, *arguments: str | Path) -> None:
        line = [self.python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
        subprocess.run(line, check=True, stderr=subprocess.DEVNULL)

    def packages(self) -> dict[str, str]:
        line = [self.python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"]
        listed = subprocess.run(line, check=True, capture_output=True).stdout
        return {package["name"]: package["version"] for package in json.loads(listed)}

    def added(self) -> dict[str, str]:
        now = self.packages()
        return {name: now[name] for name in now.keys() - self.preinstalled.keys()}

    def moved(self) -> list[str]:
        now = self.packages()
        return [
            f"{name} {version} → {now.get(name, 'gone')}"
            for name, version in self.preinstalled.items()
            if now.get(name) != version
        ]

    def freshen(self) -> None:
        """As it was before anybody opened a notebook."""
        added = self.added()
        if added:
            self.pip("uninstall", "--yes", *added)
        moved = self.moved()
        if moved:
            self.pip("install", *(f"{n}=={v}" for n, v in self.preinstalled.items()), "--no-deps")


@contextmanager
def fresh(replica: Replica, machine: Machine) -> Iterator[tuple[Path, dict[str, str]]]:
    """An empty folder on a machine without the workbook, and the environment of its kernels."""
    replica.freshen()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "web").mkdir()
        (folder / "content").mkdir()
        stand_in = stand_in_for_colab(folder / "colab")
        # As there, the kernel's own shell has imported it before the first cell.
        (stand_in / "sitecustomize.py").write_text("import google.colab\n", encoding="utf-8")
        environment = {
            **remote(folder / "web"),
            "PYTHONPATH": str(stand_in),
            "XMODAL_CACHE": "" if "HOME" in machine.changes else str(folder / "cache"),
            "PIP_ROOT_USER_ACTION": "ignore",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or ipykernel warns of frozen modules
            **pip_settings(),
            **machine.changes,
        }
        yield folder / "content", environment


def pip_settings() -> dict[str, str]:
    """The user's own, also where there is another home."""
    settings = Path.home() / ".config" / "pip" / "pip.conf"
    return {"PIP_CONFIG_FILE": str(settings)} if settings.exists() else {}


def run(source: Path, replica: Replica, machine: Machine) -> Result:
    """Run a chapter from its first cell, in a kernel."""
    sitting = Sitting(source, solved=False)
    with fresh(replica, machine) as (folder, environment):
        start = time.perf_counter()
        try:
            sitting.run(folder, CELL_SECONDS, python=str(replica.python), **environment)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            return "✗", [ANSI.sub("", str(error)).strip()]
        seconds = time.perf_counter() - start
        problems = [*sitting.problems(), *(f"moved: {each}" for each in replica.moved())]
    told = printed(sitting.cells[0])
    if not machine.stderr_matters:
        problems = [said for said in problems if not said.startswith("output on stderr: ")]
    if "is installed. Nothing that was here has moved." not in told:
        problems.append(f"the first cell said {told!r}")
    held = claims(sitting.cells)
    door = sitting.ended[sitting.cells[0].id]
    said = (
        f"{sum(c.held for c in held)} of {len(held)} claims, {seconds:.0f} s, {door:.0f} to enter"
    )
    return ("✗ " if problems else "✓ ") + said, problems


def clicked(source: Path, replica: Replica, machine: Machine) -> Result:
    """Run a chapter in a browser, and move its slider."""
    with fresh(replica, machine) as (folder, environment):
        shutil.copy(NOTEBOOKS / f"{source.stem}.ipynb", folder)
        return moved_slider(replica.python, folder, environment)


MACHINES = {
    "gpu-runtime": Machine("Colab's runtime of August 2026, Python 3.13, without its GPU"),
    "python-3.12": Machine("the same versions on the Python of the runtime before", python="3.12"),
    "no-home": Machine(
        "a home that cannot be written, and no display",
        changes={"HOME": os.devnull, "DISPLAY": "", "MPLBACKEND": "agg"},
        chapters=("00", "06"),
        # That the cache and IPython's history are not kept is said there, as it should be.
        stderr_matters=False,
    ),
    "classic-page": Machine(
        "notebook 6.5's classic page in Chromium: a slider is moved",
        chapters=("00",),
        in_a_page=True,
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the machines named, or all, and print a table; the exit code is 1 where one fails."""
    known = "\n".join(f"  {name:<14} {machine.says}" for name, machine in MACHINES.items())
    parser = argparse.ArgumentParser(
        description=__doc__.replace("MACHINES", known),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("machines", nargs="*", metavar="machine", help="else all")
    parser.add_argument("--chapters", nargs="+", default=[], metavar="NN")
    options = parser.parse_args(arguments)
    unknown = set(options.machines) - MACHINES.keys()
    if unknown:
        parser.error(f"no machine {', '.join(sorted(unknown))}; there are: {', '.join(MACHINES)}")
    print(first_cell(), end="\n\n", flush=True)
    rows: dict[str, dict[str, str]] = {}
    for name in options.machines or MACHINES:
        machine = MACHINES[name]
        print(f"{name}: {machine.says} …", flush=True)
        rows[name] = {source.stem: "–" for source in find_sources([], NOTEBOOKS)}
        for source in find_sources(options.chapters or list(machine.chapters), NOTEBOOKS):
            rows[name][source.stem], problems = machine.opens(source, Replica(machine.python))
            print(f"  {source.stem}: {rows[name][source.stem]}", flush=True)
            for problem in problems:
                print(f"    {problem}", flush=True)
    print("\n" + table(rows))
    return 1 if any("✗" in told for row in rows.values() for told in row.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
