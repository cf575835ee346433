"""What the first cell of every chapter calls: the workbook is complete wherever it is opened.

A notebook opened by its address (on Colab, or in any Jupyter) lies on a machine that has nothing of
the workbook. Its first cell installs this package alone, at the chapter's own version, and
``enter`` adds what is missing beside it. All packages that are there keep their version: they are
handed to pip as constraints, so pip refuses before it moves one. In a checkout nothing happens.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import xmodal_lab
from xmodal_lab import _torchaudio_guard

PACKAGE = "xmodal-lab"
OWN_MODULES = {"xmodal_lab", "xmodal_lab._torchaudio_guard", "xmodal_lab.door"}
MOST_LINES = 12  # of what pip says
# A process knows when it began to a second only; an installation takes longer than this.
ROUNDING = 2


class DoorError(RuntimeError):
    """Why a chapter cannot begin here, and what to do."""


def enter(version: str) -> None:
    """Make the package complete at the chapter's version; silent where it is already.

    Args:
        version: the workbook's version that the chapter belongs to.

    Raises:
        DoorError: where a checkout has another version, a package that is here is too old, the
            network is missing, or a package that was here has moved.
    """
    if _checkout() is not None:
        _require_same_version(version, xmodal_lab.__version__)
        return
    here = _installed()
    new = _came_with_this_kernel()
    if xmodal_lab.__version__ != version:
        _replace_by(version, here)
        new = True
    missing = _missing(here)
    if missing:
        print(f"Installing {', '.join(missing)} …", flush=True)
        _pip_install(missing, here)
        _require_unmoved(here, _installed())
        _torchaudio_guard.install()
    _let_colab_show_widgets()
    if new or missing:
        print(_summary(version))


# --- where this is --------------------------------------------------------------------------------


def _checkout() -> Path | None:
    """The folder of the repository, where the package is used from it."""
    folder = Path(__file__).resolve().parents[1]
    project = folder / "pyproject.toml"
    is_ours = project.is_file() and f'name = "{PACKAGE}"' in project.read_text(encoding="utf-8")
    return folder if is_ours else None


def _require_same_version(wanted: str, here: str) -> None:
    if here != wanted:
        raise DoorError(
            f"This chapter belongs to version {wanted}; the workbook in {_checkout()} is {here}. "
            f"Open the chapter that lies there, or get the other version: git checkout v{wanted}"
        )


def _installed() -> dict[str, str]:
    """Name → version of every package that this interpreter finds, the first on the path."""
    found: dict[str, str] = {}
    for package in metadata.distributions():
        name = package.metadata["Name"]
        if name:  # None where an interrupted installation left its folder
            found.setdefault(_canonical(name), package.version)
    return found


def _came_with_this_kernel() -> bool:
    """Whether the package is younger than this process: the first cell has just installed it."""
    try:
        import psutil  # ipykernel brings it
    except ImportError:
        return False
    files = metadata.distribution(PACKAGE).files or ()
    record = next((Path(file.locate()) for file in files if file.name == "RECORD"), None)
    if record is None or not record.exists():
        return False
    return record.stat().st_mtime > psutil.Process().create_time() + ROUNDING


def _canonical(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


# --- what is missing ------------------------------------------------------------------------------


def _missing(here: dict[str, str]) -> list[str]:
    """Requirements whose package is not here.

    Raises:
        DoorError: for a package that is here in a version that does not fit.
    """
    from packaging.requirements import Requirement

    missing = []
    for requirement in map(Requirement, metadata.requires(PACKAGE) or ()):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = here.get(_canonical(requirement.name))
        if version is None:
            missing.append(f"{requirement.name}{requirement.specifier}")
        elif not requirement.specifier.contains(version, prereleases=True):
            raise DoorError(
                f"The workbook needs {requirement}, and {version} is here. What was here before is "
                f"left alone. Upgrade it yourself, restart the kernel and run this cell again: "
                f"%pip install --upgrade '{requirement}'"
            )
    return missing


def _pip_install(what: list[str], here: dict[str, str]) -> None:
    """Install packages, with all that are here as constraints: none of these can move."""
    from packaging.version import InvalidVersion, Version

    lines = []
    for name, version in here.items():
        try:
            lines.append(f"{name}=={Version(version)}\n")
        except InvalidVersion:  # pip would refuse the whole file for one such line
            continue
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "kept.txt")
        kept.write_text("".join(lines), encoding="utf-8")
        _pip(*what, "-c", str(kept))


def _pip(*arguments: str) -> None:
    line = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*line, *arguments], capture_output=True, text=True)
    importlib.invalidate_caches()
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-MOST_LINES:])
        raise DoorError(
            f"pip could not install {arguments[0]}; nothing that was here has changed. It says:\n"
            f"{said}\nIs there a network? A conflict means that this machine's packages and the "
            "workbook's do not fit together: try a fresh environment."
        )


def _require_unmoved(before: dict[str, str], after: dict[str, str]) -> None:
    moved = [
        f"{name} {version} → {after.get(name, 'gone')}"
        for name, version in before.items()
        if after.get(name) != version
    ]
    if moved:
        raise DoorError(
            f"The installation moved packages that were here: {', '.join(moved)}. Start with a "
            "fresh environment (on Colab: Runtime → Disconnect and delete runtime) and report this."
        )


# --- another version of the workbook --------------------------------------------------------------


def _replace_by(version: str, here: dict[str, str]) -> None:
    """Install the chapter's version in place of the one that is here."""
    loaded = {name for name in sys.modules if name.split(".")[0] == "xmodal_lab"}
    if loaded - OWN_MODULES:
        raise DoorError(
            f"This chapter belongs to version {version}, and this kernel works with "
            f"{here[PACKAGE]}: restart the kernel and run this cell first."
        )
    _pip(f"{PACKAGE} @ git+{address()}@v{version}", "--no-deps")
    for name in loaded:
        del sys.modules[name]
    importlib.import_module("xmodal_lab")
    here[PACKAGE] = version


def address() -> str:
    """Where the workbook lives, as it was when this version was installed."""
    links = metadata.metadata(PACKAGE).get_all("Project-URL") or []
    return next(link.split(", ", 1)[1] for link in links if link.startswith("Repository, "))


# --- what is said ---------------------------------------------------------------------------------


def _let_colab_show_widgets() -> None:
    if "google.colab" in sys.modules:
        from google.colab import output

        output.enable_custom_widget_manager()


def _summary(version: str) -> str:
    from xmodal_lab.runtime import current

    runtime = current()
    lines = [
        f"✓ xmodal_lab {version} is installed. Nothing that was here has moved. No restart needed.",
        *runtime.describe().splitlines()[:2],  # device and precision
    ]
    if runtime.device.type == "cpu" and "google.colab" in sys.modules:
        lines.append("A GPU: Runtime → Change runtime type → T4 GPU, then begin here again.")
    return "\n".join(lines)
