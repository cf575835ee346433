"""Generate notebooks/NN_name.ipynb from notebooks/src/NN_name.py, run it and keep its outputs.

    python tools/record.py                 # every chapter
    python tools/record.py 06_joint_space  # one; '06' is enough

A notebook that raises, or writes to stderr, is refused and the old one stays. Recording twice
without a change gives the same bytes.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from notebook_env import NOTEBOOKS
from notebook_form import normalise, read_source, seal
from notebook_rules import problems
from notebook_runner import Run, execute

ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Refused(Exception):
    """Why a notebook is not recorded."""


def record(source: Path, target: Path) -> Run:
    """Run a source and write its notebook in one step; the old one stays where this fails.

    Raises:
        Refused: for an exception, output on stderr, a cell that takes too long, a dead kernel.
    """
    notebook = read_source(source)
    try:
        run = execute(notebook, target.parent)
    except CellExecutionError as error:
        raise Refused(_raised(notebook, error)) from None
    except (CellTimeoutError, DeadKernelError) as error:
        raise Refused(str(error).strip()) from None
    normalise(notebook)
    _require_clean(notebook)
    notebook.metadata["recorded"] = seal(notebook)
    nbformat.validate(notebook)
    _write(target, nbformat.writes(notebook) + "\n")
    return run


def _raised(notebook: NotebookNode, error: CellExecutionError) -> str:
    for number, cell in enumerate(notebook.cells, start=1):
        if any(o.output_type == "error" for o in cell.get("outputs", [])):
            said = f"{error.ename}: {ANSI.sub('', str(error.evalue))}"
            return f"cell {number} raised {said}\n{_indented(cell.source)}"
    return f"{error.ename}: {error.evalue}"


def _require_clean(notebook: NotebookNode) -> None:
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                raise Refused(f"cell {number} raised {output.ename}\n{_indented(cell.source)}")
            if output.output_type == "stream" and output.name == "stderr":
                said = _indented(output.text.strip())
                raise Refused(
                    f"cell {number} wrote to stderr\n{said}\nin\n{_indented(cell.source)}"
                )


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _write(target: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}-", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def find_sources(names: list[str], folder: Path) -> list[Path]:
    """Sources of the chapters named, or of all; raises Refused for a name that fits none or two."""
    every = sorted((folder / "src").glob("*.py"))
    if not names:
        return every
    found = []
    for name in names:
        stem = Path(name).stem
        # '04' is chapter 04, though there may be a second sitting 04b.
        same = [s for s in every if stem in (s.stem, s.stem.partition("_")[0])]
        fitting = same or [s for s in every if stem in s.stem]
        if len(fitting) != 1:
            known = ", ".join(s.stem for s in every) or "none"
            raise Refused(f"{name!r} fits {len(fitting)} chapters; there are: {known}")
        found += fitting
    return found


def main(arguments: list[str] | None = None) -> int:
    """Record what the command line names; the exit code is 1 where any notebook was refused."""
    parser = argparse.ArgumentParser(description="Record notebooks from their sources.")
    parser.add_argument("names", nargs="*", help="chapters ('06_joint_space' or '06'); else all")
    parser.add_argument("--folder", type=Path, default=NOTEBOOKS, help="where src/ lies")
    options = parser.parse_args(arguments)
    failed = False
    try:
        sources = find_sources(options.names, options.folder.resolve())
    except Refused as reason:
        print(f"✗ {reason}")
        return 1
    for source in sources:
        target = source.parents[1] / f"{source.stem}.ipynb"
        try:
            print(f"✓ {target.name}: {record(source, target)}", flush=True)
            for problem in problems(target, source):
                print(f"  ! {problem}", flush=True)
        except Refused as reason:
            failed = True
            print(f"✗ {target.name} is not recorded: {reason}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
