"""Run notebooks and compare every output with the recorded one (strict nbval).

    python tools/check_notebooks.py                        # all chapters
    python tools/check_notebooks.py notebooks/00_start_here.ipynb

The exit code is pytest's: 0 where everything agrees, 1 where something differs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from notebook_env import NOTEBOOKS, ROOT, environment

PLUGIN_FOLDER = ROOT / "tests" / "notebooks"


def command(paths: list[Path]) -> list[str]:
    """The command line that checks these notebooks, or folders of notebooks."""
    return [
        *(sys.executable, "-m", "pytest"),
        *("--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")),
        *("-p", "nbval_strict", "-p", "no:cacheprovider", "-q"),
        *("--nbval", "--nbval-current-env", "--nbval-cell-timeout=180"),
        f"--nbval-sanitize-with={PLUGIN_FOLDER / 'sanitize.cfg'}",
        # The default way of distributing would scatter the cells of a notebook over kernels.
        *("-n", "2", "--dist", "loadfile"),
        *map(str, paths),
    ]


def check(paths: list[Path], **run_options) -> subprocess.CompletedProcess:
    """Run the command from anywhere; kernels start in the folder of their notebook."""
    path = os.pathsep.join(filter(None, [str(PLUGIN_FOLDER), os.environ.get("PYTHONPATH", "")]))
    resolved = [Path(p).resolve() for p in paths]
    env = environment(PYTHONPATH=path)
    # An outer pytest (the canary test) must not hand its own settings or worker on.
    for name in [n for n in env if n.startswith("PYTEST_")]:
        del env[name]
    return subprocess.run(command(resolved), cwd=ROOT, env=env, check=False, **run_options)


if __name__ == "__main__":
    sys.exit(check([Path(p) for p in sys.argv[1:]] or [NOTEBOOKS]).returncode)
