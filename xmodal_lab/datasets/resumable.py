"""Large files that go on where a broken transfer ended, checked by what they hold.

Some archives are packed anew at every request, so that no checksum of the whole is published.
Then a function looks at the content, and nothing is believed before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from xmodal_lab.datasets.download import (
    CONNECT_SECONDS,
    READ_SECONDS,
    DownloadFailed,
    offline,
    reason,
    target,
)

ATTEMPTS, PAUSE_SECONDS = 4, 1.0
BLOCK = 2**14  # bytes; of a transfer that breaks, whole blocks are kept


def fetch_checked(
    url: str,
    complaint: Callable[[Path], str],
    most: int,
    name: str | None = None,
    folder: str | Path | None = None,
) -> Path:
    """Path of a file from the network, whose content a function finds sound; downloaded once.

    What came before a transfer broke stays beside the path, as ``….partial``. The next attempt, at
    once or on another day, asks for the rest of it (HTTP Range). A server that cannot do so gives
    the whole file again.

    Args:
        url: an http or https address.
        complaint: tells what is wrong with a file; empty for a sound one.
        most: bytes; a larger file is given up.
        name, folder: see ``fetch``.

    Raises:
        DownloadFailed: without network, for a content that is not sound, for a full disk, or
            where ``HF_HUB_OFFLINE`` or ``XMODAL_OFFLINE`` is set and no sound copy is there.
        ValueError: for an address or name that is none.
    """
    path = target(url, name, folder)
    by_hand = f"Or put the file at {path} by hand."
    if path.is_file():
        if not (said := complaint(path)):
            return path
        by_hand = f"The file at {path} is damaged ({said}): replace it by hand."
    if offline():
        raise DownloadFailed(
            f"{path.name} is not here, and the network is switched off (HF_HUB_OFFLINE or "
            f"XMODAL_OFFLINE); it comes from {url}. Allow the network. {by_hand}"
        )
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        said = _transfer(url, partial, most) and complaint(partial)
        if said:  # its two parts are of different files: once more, from the beginning
            partial.unlink()
            _transfer(url, partial, most)
        if said := complaint(partial):
            partial.unlink()
            raise DownloadFailed(
                f"{url} gave another file than expected: {said}; nothing was kept. Try again "
                f"later. {by_hand}"
            )
        partial.replace(path)
    except OSError as error:
        kept = " Try again: what has come is kept." if partial.is_file() else ""
        raise DownloadFailed(
            f"{path.name} could not be fetched from {url}: {reason(error)}.{kept} {by_hand}"
        ) from error
    return path


def _transfer(url: str, partial: Path, most: int) -> bool:
    """Fill up a file, in several attempts as long as the connection breaks; True if it was begun.

    Raises:
        OSError: where it did not come to an end.
    """
    from requests import exceptions

    begun = False
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _rest(url, partial, most) or begun
        except (exceptions.ChunkedEncodingError, exceptions.ConnectionError) as error:
            # Nothing came at all: the network is not there, and waiting would not help.
            if attempt == ATTEMPTS or not partial.is_file():
                raise error
            begun = True
            time.sleep(PAUSE_SECONDS)
    raise AssertionError("not reached")


def _rest(url: str, partial: Path, most: int) -> bool:
    """One request for what is missing; True where it was added to what had come before."""
    import requests

    size = here = partial.stat().st_size if partial.is_file() else 0
    # A range counts the bytes of the file itself, never those of a packed form of it.
    asked = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={here}-"} if here else {})
    timeout = (CONNECT_SECONDS, READ_SECONDS)
    with requests.get(url, headers=asked, stream=True, timeout=timeout) as answer:
        if here and answer.status_code == requests.codes.requested_range_not_satisfiable:
            return True  # nothing is missing, or it is another file: its content tells
        answer.raise_for_status()
        adds = answer.status_code == requests.codes.partial_content and here > 0
        part = answer.headers.get("Content-Range", "")
        if not adds or part.startswith(f"bytes {here}-"):
            with partial.open("ab" if adds else "wb") as file:
                for block in answer.iter_content(BLOCK):
                    file.write(block)
                    if (size := file.tell()) > most:
                        break
                else:
                    return adds
    # Of no use, neither as it is nor as a beginning.
    partial.unlink()
    if size > most:
        raise requests.HTTPError(f"it gave more than {most:,} bytes")
    return _rest(url, partial, most)  # it gave another part than was asked for
