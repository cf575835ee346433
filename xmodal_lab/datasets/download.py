"""Files from the network: whole and of the right content, or not there at all.

Nothing is believed without a checksum. A file that was fetched once lies in the user's cache and
is checked again before each use. Without a network there is one sentence that says what is
missing, where it comes from and where to put it by hand; the workbook goes on without it.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from xmodal_lab.datasets.atomic import replacing, sweep
from xmodal_lab.datasets.cache import cache_folder

CONNECT_SECONDS, READ_SECONDS = 10, 30
LENGTHS = {"sha256": 64, "md5": 32}


class DownloadFailed(RuntimeError):
    """A file could not be fetched, or what came was not what was asked for."""


def fetch(
    url: str,
    sha256: str | None = None,
    md5: str | None = None,
    name: str | None = None,
    folder: str | Path | None = None,
) -> Path:
    """Path of a file from the network; downloaded once, checked every time.

    Args:
        url: an http or https address.
        sha256, md5: the file's published checksum in hexadecimal; exactly one of the two.
        name: file name in the folder; the address's last part by default.
        folder: where it lies; ``downloads`` in the user's cache by default (``XMODAL_CACHE``).

    Returns:
        The path. The file behind it has the checksum that was asked for.

    Raises:
        DownloadFailed: without network, for another content than promised, for a full disk, or
            where ``HF_HUB_OFFLINE`` or ``XMODAL_OFFLINE`` is set and no sound copy is there.
        ValueError: without checksum, or for an address or name that is none.
    """
    kind, wanted = _checksum(sha256, md5)
    path = target(url, name, folder)
    if path.is_file() and _digest(path, kind) == wanted:
        return path
    # The damaged file stays until a sound one takes its place: it may be somebody's own.
    by_hand = f"Or put the file at {path} by hand."
    if path.exists():
        by_hand = f"The file at {path} is damaged: replace it by hand."
    if offline():
        raise DownloadFailed(
            f"{path.name} is not here, and the network is switched off (HF_HUB_OFFLINE or "
            f"XMODAL_OFFLINE); it comes from {url}. Allow the network. {by_hand}"
        )
    try:
        with replacing(path) as temporary:
            sweep(path.parent)
            _download(url, temporary)
            if (found := _digest(temporary, kind)) != wanted:
                raise DownloadFailed(
                    f"{url} gave another file than expected: its {kind} is {found[:12]}…, not "
                    f"{wanted[:12]}…; nothing was kept. Try again later. {by_hand}"
                )
    except OSError as error:
        raise DownloadFailed(
            f"{path.name} could not be fetched from {url}: {reason(error)}. {by_hand}"
        ) from error
    return path


def offline() -> bool:
    """True where the user asked for no network, by ``XMODAL_OFFLINE`` or ``HF_HUB_OFFLINE``."""
    names = ("XMODAL_OFFLINE", "HF_HUB_OFFLINE")
    return any(os.environ.get(name, "").lower() in ("1", "on", "yes", "true") for name in names)


def _checksum(sha256: str | None, md5: str | None) -> tuple[str, str]:
    if (sha256 is None) == (md5 is None):
        raise ValueError("fetch needs exactly one checksum: give sha256=… or md5=…")
    kind, digest = ("md5", md5) if sha256 is None else ("sha256", sha256)
    digest = digest.strip().lower()
    if len(digest) != LENGTHS[kind] or set(digest) - set("0123456789abcdef"):
        raise ValueError(f"{kind} has {LENGTHS[kind]} hexadecimal digits, got {digest!r}")
    return kind, digest


def target(url: str, name: str | None = None, folder: str | Path | None = None) -> Path:
    """Where a file from the network lies; ``fetch`` says by which rules."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"expected an address such as https://host/file.zip, got {url!r}")
    name = PurePosixPath(unquote(parts.path)).name if name is None else name
    # 'a/../b' would write outside of the folder.
    if not name or name in (".", "..") or set(name) & set("/\\\0"):
        raise ValueError(f"expected a plain file name, got {name!r}: give name='…'")
    place = cache_folder() / "downloads" if folder is None else Path(folder).expanduser()
    return place / name


def _download(url: str, path: Path) -> None:
    import pooch  # here: most of the workbook needs no network

    timeout = (CONNECT_SECONDS, READ_SECONDS)
    pooch.HTTPDownloader(chunk_size=2**16, timeout=timeout)(url, str(path), None)


def _digest(path: Path, kind: str) -> str:
    import pooch

    return pooch.file_hash(str(path), alg=kind)


def reason(error: OSError) -> str:
    """What went wrong on the way or on the disk, in words."""
    # The errors of requests are OSErrors too; those of the disk carry the number of their kind.
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full, make room and try again"
    if isinstance(error, PermissionError | NotADirectoryError | FileExistsError):
        return f"its folder cannot be written ({error.strerror})"
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}"
    if "Timeout" in type(error).__name__:
        return "the server did not answer in time"
    if "ChunkedEncoding" in type(error).__name__:
        return "the connection broke in the middle"
    if "Connection" in type(error).__name__:
        return "there is no connection to the server; is the network there?"
    return f"{type(error).__name__}: {error}"
