"""Finds the files that ship with the workbook in ``data/`` and refuses damaged ones."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from xmodal_lab.datasets.digest import sha256


class DamagedFileError(RuntimeError):
    """A shipped file is missing or does not hold what was shipped."""


def data_folder() -> Path:
    """The folder ``data/`` of the workbook; ``XMODAL_DATA`` names another one."""
    named = os.environ.get("XMODAL_DATA")
    if named:
        return Path(named).expanduser()
    package = Path(__file__).resolve().parents[1]
    # A wheel carries the folder inside the package (setup.py); in a checkout it stands beside it.
    return package / "data" if (package / "data").is_dir() else package.parent / "data"


def shipped(name: str) -> Path:
    """Path of a shipped file whose content was checked against ``data/SHA256SUMS``.

    Raises:
        DamagedFileError: where the file is missing, cut short or changed, with the way to mend it.
    """
    folder = data_folder()
    path = folder / name
    mend = _mend(name)
    expected = _checksums(folder).get(name)
    if expected is None:
        raise DamagedFileError(f"{folder / 'SHA256SUMS'} does not list {name}. {mend}")
    if not path.is_file():
        raise DamagedFileError(f"{path} is missing. {mend}")
    stamp = path.stat()
    found = _sha256(path, stamp.st_size, stamp.st_mtime_ns)
    if found != expected:
        raise DamagedFileError(
            f"{path} is damaged: its SHA-256 is {found[:12]}…, shipped was {expected[:12]}…. {mend}"
        )
    return path


def shipped_digest(name: str) -> str:
    """SHA-256 of a shipped file: what is made from the file is outdated when this changes.

    Raises:
        DamagedFileError: as ``shipped`` does.
    """
    shipped(name)
    return _checksums(data_folder())[name]


def _mend(name: str) -> str:
    if "site-packages" in data_folder().parts:
        return "Install the workbook anew: pip install --force-reinstall --no-deps and its address."
    return (
        f"Restore it with 'git checkout -- data/{name}' in the workbook's folder, "
        "or clone the workbook anew."
    )


@cache
def _sha256(path: Path, size: int, changed: int) -> str:
    # Size and time of change are part of the cache's key: a file altered later is read again.
    return sha256(path)


def _checksums(folder: Path) -> dict[str, str]:
    listing = folder / "SHA256SUMS"
    if not listing.is_file():
        raise DamagedFileError(
            f"{listing} is missing: the workbook's data/ folder is incomplete. "
            f"{_mend(listing.name)} Or point XMODAL_DATA to a complete copy."
        )
    try:
        lines = listing.read_text(encoding="utf-8").splitlines()
        rows = (line.split(maxsplit=1) for line in lines if line.strip())
        return {name.strip().lstrip("*"): digest for digest, name in rows}
    except ValueError as error:
        raise DamagedFileError(f"{listing} is damaged ({error}). {_mend(listing.name)}") from error
