"""The one fingerprint of this package, for files and for what becomes one."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256(*parts: Path | str | bytes | memoryview) -> str:
    """SHA-256, in hexadecimal, of contents of files, texts and bytes, one after the other."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            part = part.read_bytes()
        digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()
