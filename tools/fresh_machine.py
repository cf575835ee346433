"""A machine that has nothing of the workbook, as far as one can be had here.

The repository's address leads to a git repository on this disk, which holds the working tree as it
is and the version's tag; a stand-in for ``google.colab`` writes down what it was asked for.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from door_cell import address, project
from notebook_env import ROOT

COLAB = '''\
"""Stands in for Colab's module: counts how often custom widgets were enabled."""

from types import SimpleNamespace

ENABLED = []
output = SimpleNamespace(enable_custom_widget_manager=lambda: ENABLED.append("widgets"))
'''


def working_tree() -> list[str]:
    """Every file that is committed or would be, as it lies here."""
    # Also where the folder belongs to somebody else, as in many a container.
    line = ["git", "-c", "safe.directory=*", "ls-files", "-z", "-c", "-o", "--exclude-standard"]
    names = subprocess.run(line, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    # A file that was removed, which is not committed yet, is still listed.
    return [name for name in names.split("\0") if name and (ROOT / name).is_file()]


def remote(folder: Path, version: str | None = None) -> dict[str, str]:
    """Make the repository in ``folder``; the environment in which its address leads there.

    Args:
        folder: is made.
        version: what the working tree is to call itself; its own version otherwise.
    """
    for name in working_tree():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    now = project()["version"]
    version = version or now
    for name in ("pyproject.toml", "xmodal_lab/__init__.py"):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace(f'"{now}"', f'"{version}"', 1), encoding="utf-8")
    commit = "-c user.name=Nobody -c user.email=nobody@example.org commit --quiet --message=All"
    for line in (["init", "-q"], ["add", "-A"], commit.split(), ["tag", f"v{version}"]):
        subprocess.run(["git", *line], cwd=folder, check=True)
    return leading_to(folder)


def leading_to(folder: Path) -> dict[str, str]:
    """Git's settings, as environment variables, by which the address leads to this folder."""
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{folder.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": address(),
        "GIT_TERMINAL_PROMPT": "0",
    }


def stand_in_for_colab(folder: Path) -> Path:
    """Write ``google.colab`` into a folder that is to be put on the path; the folder."""
    package = folder / "google" / "colab"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(COLAB, encoding="utf-8")
    return folder
