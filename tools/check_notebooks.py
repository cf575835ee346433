"""Run notebooks and compare every output with the recorded one (strict nbval).

    python tools/check_notebooks.py                        # all chapters
    python tools/check_notebooks.py notebooks/00_start_here.ipynb

After its last cell a notebook is looked at once more, in the same kernel: widgets are made live,
and every exercise gets its solution (see ``tests/notebooks/nbval_strict.py``). The exit code is
pytest's: 0 where everything agrees, 1 where something differs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from notebook_env import NOTEBOOKS, ROOT, environment

PLUGIN_FOLDER = ROOT / "tests" / "notebooks"


def command(
    paths: list[Path], python: str, report: Path | None, workers: int, cell_seconds: int
) -> list[str]:
    """The command line that checks these notebooks, or folders of notebooks."""
    return [
        *(python, "-m", "pytest"),
        *("--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")),
        *("-p", "nbval_strict", "-p", "no:cacheprovider", "-q"),
        *("--nbval", "--nbval-current-env", f"--nbval-cell-timeout={cell_seconds}"),
        f"--nbval-sanitize-with={PLUGIN_FOLDER / 'sanitize.cfg'}",
        # The default way of distributing would scatter the cells of a notebook over kernels.
        *("-n", str(workers), "--dist", "loadfile"),
        *([f"--junitxml={report}"] if report else []),
        *map(str, paths),
    ]


def check(
    paths: list[Path],
    python: str = sys.executable,
    report: Path | None = None,
    changes: dict[str, str] | None = None,
    workers: int = 2,
    cell_seconds: int = 360,
    **run_options,
) -> subprocess.CompletedProcess:
    """Run the command from anywhere; kernels start in the folder of their notebook.

    Args:
        paths: notebooks, or folders of them.
        python: the interpreter that runs pytest and the kernels.
        report: where to write what every cell did and how long it took (JUnit's XML).
        changes: environment variables that differ from ``notebook_env.ENVIRONMENT``.
        workers: how many notebooks run at a time.
        cell_seconds: how long a cell may take. Ten times what the longest one does alone: on a
            machine with five times as much to do as it has cores, 180 were not enough.
        run_options: of ``subprocess.run``.
    """
    outer = os.environ.get("PYTHONPATH", "")
    # The package, too: another interpreter has it from here, not from an installation.
    path = os.pathsep.join(filter(None, map(str, (PLUGIN_FOLDER, ROOT / "tools", ROOT, outer))))
    resolved = [Path(p).resolve() for p in paths]
    env = environment(**{"PYTHONPATH": path, **(changes or {})})
    # An outer pytest (the canary test) must not hand its own settings or worker on.
    for name in [n for n in env if n.startswith("PYTEST_")]:
        del env[name]
    line = command(resolved, python, report, workers, cell_seconds)
    return subprocess.run(line, cwd=ROOT, env=env, check=False, **run_options)


if __name__ == "__main__":
    sys.exit(check([Path(p) for p in sys.argv[1:]] or [NOTEBOOKS]).returncode)
