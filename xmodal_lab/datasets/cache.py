"""A folder of arrays that took time to make. A file in it is checked before it is believed.

Each file is a safetensors file that carries a fingerprint (which data, made by which code) and a
checksum of both. A file that is cut short, altered or of another origin is made anew, with a
notice; one that an older version of the code made, silently. A cache that cannot be written
costs time, never the run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import platformdirs
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from xmodal_lab.datasets.atomic import replacing, sweep
from xmodal_lab.datasets.digest import sha256

Arrays = dict[str, np.ndarray]


class _Outdated(Exception):
    """A sound file, made by another version of the code."""


def cache_folder() -> Path:
    """The user's cache folder for this workbook; ``XMODAL_CACHE`` names another one."""
    named = os.environ.get("XMODAL_CACHE")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("xmodal_lab"))


def cached(name: str, fingerprint: str, make: Callable[[], Arrays]) -> Arrays:
    """The arrays of ``make()``, from the cache where a sound copy lies there.

    Args:
        name: file name without ending.
        fingerprint: changes whenever ``make`` would give something else.
        make: called where no sound copy is found; its result is written for next time.
    """
    path = cache_folder() / f"{name}.safetensors"
    try:
        if path.exists():
            return _read(path, fingerprint)
    except _Outdated:
        pass  # after an update this is as it should be: nothing to tell
    except (OSError, SafetensorError, ValueError) as error:
        _notice(f"{path} cannot be used ({error}); making the data anew.")
    arrays = make()
    try:
        _write(path, fingerprint, arrays)
    except (OSError, SafetensorError) as error:
        _notice(f"{path} could not be written ({error}); going on without a cache.")
    return arrays


def fingerprint_of(*parts: str | bytes) -> str:
    """A short digest of texts and bytes."""
    # With their lengths, so that no two lists of parts run together into one.
    contents = (part.encode() if isinstance(part, str) else part for part in parts)
    return sha256(*(piece for content in contents for piece in (f"{len(content)} ", content)))


def _read(path: Path, fingerprint: str) -> Arrays:
    with safe_open(path, framework="np") as file:
        header = file.metadata() or {}
        if header.get("name") != path.stem:
            raise ValueError("it holds other data")
        arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
    if "checksum" in header:  # as older versions called it, when it was no SHA-256
        raise _Outdated
    if header.get("sha256") != _checksum(header.get("fingerprint", ""), arrays):
        raise ValueError("its checksum does not fit: the file is damaged")
    if header["fingerprint"] != fingerprint:
        raise _Outdated
    return arrays


def _write(path: Path, fingerprint: str, arrays: Arrays) -> None:
    header = {
        "name": path.stem,
        "fingerprint": fingerprint,
        "sha256": _checksum(fingerprint, arrays),
    }
    with replacing(path) as temporary:
        # Some versions of safetensors write a .tmp… first, and rename it themselves.
        sweep(path.parent, ".*.part", ".tmp*")
        # save() would need twice the arrays' memory, save_file() needs none.
        save_file(arrays, temporary, header)


def _checksum(fingerprint: str, arrays: Arrays) -> str:
    parts: list[str | memoryview] = [fingerprint]
    for key in sorted(arrays):
        array = np.ascontiguousarray(arrays[key])
        parts.append(f"{key} {array.dtype} {array.shape}")
        parts.append(array.reshape(-1).view(np.uint8).data)
    return sha256(*parts)


def _notice(text: str) -> None:
    print(f"Note: {text}", file=sys.stderr)
