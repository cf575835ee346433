"""Files that are either whole or not there: written beside their target, then renamed."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file to write; on leaving it takes the place of ``path``, safe on disk.

    Whoever reads ``path`` sees the old file or the whole new one. Where writing fails, the old
    file stays and the temporary one is removed; only a killed process leaves a ``.….part`` behind.

    Raises:
        OSError: where the folder cannot be made or written, or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp's files are for their owner alone
        os.replace(temporary, path)  # noqa: PTH105 (one name for tests that make it fail)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def sweep(folder: Path, *patterns: str) -> None:
    """Remove what killed processes left behind in a folder, an hour or more ago."""
    for pattern in patterns or (".*.part",):
        for leftover in folder.glob(pattern):
            with contextlib.suppress(OSError):
                if time.time() - leftover.stat().st_mtime > 3600:
                    leftover.unlink()
