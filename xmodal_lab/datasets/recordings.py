"""The recordings of a folder or a .zip, by name. Nothing is unpacked onto the disk."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

# A second of speech has 16 kB. A .zip of a few kilobytes can unfold to gigabytes.
LARGEST, ALL = 5_000_000, 500_000_000
DEEP = 3  # folders: those of an archive's version, of its recordings, and the file itself
# What Python's reader raises where an archive is damaged, locked or packed in an unknown way.
DAMAGE = (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)
Opened = dict[str, Callable[[], bytes]]


class UnreadableRecordings(ValueError):
    """A folder or archive of recordings is missing or damaged; says which and what to do."""


def recordings(place: str | Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    """File name and content of each recording, in the order of the names, one at a time.

    Args:
        place: a folder or a .zip; files in it or up to two folders deeper count.
        pattern: what their names look like; other files are passed over.

    Raises:
        UnreadableRecordings: where there is no such place, the archive or a file in it is damaged
            or larger than recordings are, no name fits, or two files have the same one.
    """
    place = Path(place).expanduser()
    if place.is_dir():
        opened = _of_folder(place, pattern)
        yield from _each(place, opened)
        return
    if not place.is_file():
        raise UnreadableRecordings(f"there is no folder or .zip {place}")
    try:
        archive = zipfile.ZipFile(place)
    except DAMAGE as error:
        raise UnreadableRecordings(
            f"{place} is no .zip archive, or a damaged one: download or copy it anew"
        ) from error
    with archive:
        yield from _each(place, _of_archive(place, archive, pattern))


def _each(place: Path, opened: Opened) -> Iterator[tuple[str, bytes]]:
    if not opened:
        raise UnreadableRecordings(
            f"{place} holds no recording named as 7_anna_0.wav: digit, speaker, take"
        )
    for name in sorted(opened):
        try:
            content = opened[name]()
        except DAMAGE as error:
            raise UnreadableRecordings(
                f"{name} in {place} cannot be read ({error}): download or copy it anew"
            ) from error
        yield name, content


def _of_folder(place: Path, pattern: re.Pattern[str]) -> Opened:
    files = [path for deep in range(DEEP) for path in place.glob("*/" * deep + "*.wav")]
    return _by_name(place, [(path.name, path.stat().st_size, path.read_bytes) for path in files],
                    pattern)  # fmt: skip


def _of_archive(place: Path, archive: zipfile.ZipFile, pattern: re.Pattern[str]) -> Opened:
    def content(entry: zipfile.ZipInfo) -> Callable[[], bytes]:
        # Python's reader gives no more bytes than the entry says, which were counted before.
        return lambda: archive.read(entry)

    return _by_name(
        place,
        [
            (PurePosixPath(entry.filename).name, entry.file_size, content(entry))
            for entry in archive.infolist()
            if len(PurePosixPath(entry.filename).parts) <= DEEP
        ],
        pattern,
    )


def _by_name(
    place: Path, files: list[tuple[str, int, Callable[[], bytes]]], pattern: re.Pattern[str]
) -> Opened:
    opened, total = {}, 0
    for name, size, content in files:
        if not pattern.fullmatch(name):
            continue
        total += size
        if name in opened:
            raise UnreadableRecordings(f"{place} holds {name} twice: take one of them away")
        if size > LARGEST or total > ALL:
            raise UnreadableRecordings(
                f"{place} holds too much: {name} has {size / 1e6:.1f} MB, a recording may have "
                f"{LARGEST / 1e6:.0f} and all together {ALL / 1e6:.0f}"
            )
        opened[name] = content
    return opened
