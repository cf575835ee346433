"""Spoken digits: 3,000 recordings of six people who say zero to nine, fifty times each.

Real voices at 8 kHz, recorded with what microphone was at hand, 0.14 to 2.3 seconds long. They come
over the network once, 16 MB. Takes 0 to 4 are for testing, by the publishers' own rule; they are of
the same six people. A score for new voices must leave people out: ``speakers`` says who speaks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from xmodal_lab.batch import Padded, pad
from xmodal_lab.datasets import sounds
from xmodal_lab.datasets.digest import sha256
from xmodal_lab.datasets.digits import NUMBER_WORDS
from xmodal_lab.datasets.download import target
from xmodal_lab.datasets.recordings import UnreadableRecordings, recordings
from xmodal_lab.datasets.resumable import fetch_checked
from xmodal_lab.datasets.shipped import shipped
from xmodal_lab.datasets.sounds import UnreadableSound

URL = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.zip"
NAME = "free-spoken-digit-dataset-1.0.10.zip"
# Of the sorted listing "sha256␠␠name", one line a recording. The archive itself is packed anew now
# and then, and has no checksum that stays.
LISTING = "1801eae019c063377d98f831d3f93574f259475df7332bb0e3d1b080fb5e6959"
MOST_BYTES = 100_000_000
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
TAKES, TEST_TAKES = 50, 5
SAMPLE_RATE = 8000  # Hz
SPLITS = ("train", "test")
FILE = re.compile(r"([0-9])_([^\W_][\w-]*)_([0-9]{1,6})\.wav")


@dataclass(frozen=True)
class SpokenDigits:
    """Recordings of digits; row i of everything is one of them.

    Attributes:
        waveforms: ``Padded`` samples (count, samples), int16, 8,000 a second.
        digits: what is said, 0 to 9.
        speakers: who says it.
        takes: which of the speaker's recordings of the digit it is.
    """

    waveforms: Padded
    digits: Int64[Tensor, " count"]
    speakers: tuple[str, ...]
    takes: Int64[Tensor, " count"]

    modalities = ("text", "audio")

    def __len__(self) -> int:
        return len(self.speakers)

    @property
    def captions(self) -> list[str]:
        """The number words."""
        return [NUMBER_WORDS[digit] for digit in self.digits.tolist()]

    def select(self, indices: Sequence[int] | np.ndarray | Tensor) -> SpokenDigits:
        """The rows with these numbers, in this order.

        Raises:
            ValueError: for no row, or a mask of True and False, read as rows 1 and 0 else.
        """
        rows = torch.as_tensor(indices)
        if rows.dtype == torch.bool:
            raise ValueError("expected row numbers, got a mask: use select(np.flatnonzero(mask))")
        if not len(rows):
            raise ValueError("there is no row to select")
        speakers = tuple(self.speakers[row] for row in rows.tolist())
        return SpokenDigits(
            self.waveforms.rows(rows), self.digits[rows], speakers, self.takes[rows]
        )

    def matches(self, other: SpokenDigits | None = None) -> Bool[np.ndarray, "count others"]:
        """Which rows say the same digit: the targets of a recall."""
        others = self if other is None else other
        return (self.digits[:, None] == others.digits[None, :]).numpy()


def load(split: str | None = None, folder: str | Path | None = None) -> SpokenDigits:
    """Spoken digits, by digit, speaker and take; downloaded once, 16 MB.

    Args:
        split: 'train' (takes from 5 on, 2,700 of the published ones), 'test' (takes 0 to 4, 300);
            None for both.
        folder: a folder or .zip that holds some or all of them, or recordings of one's own named
            in the same way, as 7_anna_0.wav; nothing is downloaded then.

    Raises:
        DownloadFailed: without network and without a copy, with the way to get one.
        UnreadableRecordings: for a folder or .zip that is missing, damaged, or holds none.
        UnreadableSound: for a file that is no sound, or bears the name of a published recording
            and is another one.
        ValueError: for an unknown split, or one of which nothing is there.

    Source: Jackson et al., Free Spoken Digit Dataset v1.0.10, 2020 (CC BY-SA 4.0).
    """
    if split not in (None, *SPLITS):
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(SPLITS)}, or None")
    place = _archive() if folder is None else Path(folder).expanduser()
    rows = []
    for name, content in recordings(place, FILE):
        digit, speaker, take = FILE.fullmatch(name).groups()
        if split is None or (int(take) < TEST_TAKES) == (split == "test"):
            rows.append((int(digit), speaker, int(take), _samples(name, content, place)))
    if not rows:
        raise ValueError(f"{place} holds no recording of the {split} split")
    digits, speakers, takes, samples = zip(*sorted(rows, key=lambda row: row[:3]), strict=True)
    return SpokenDigits(pad(samples), torch.tensor(digits), speakers, torch.tensor(takes))


def available() -> bool:
    """Whether ``load()`` finds the recordings on this machine, so that no network is needed."""
    return target(URL, NAME).is_file()


@cache
def published() -> dict[str, str]:
    """Name → SHA-256 of the 3,000 published recordings.

    Raises:
        DamagedFileError: where the file that holds the checksums is missing or damaged.
    """
    packed = shipped("spoken_digits.sha256").read_bytes()
    names = sorted(
        f"{digit}_{speaker}_{take}.wav"
        for digit in range(10)
        for speaker in SPEAKERS
        for take in range(TAKES)
    )
    return {name: packed[32 * i : 32 * i + 32].hex() for i, name in enumerate(names)}


def _archive() -> Path:
    return fetch_checked(URL, _complaint, MOST_BYTES, NAME)


def _complaint(archive: Path) -> str:
    """What is wrong with an archive that should hold all of the published recordings."""
    try:
        found = {name: sha256(content) for name, content in recordings(archive, FILE)}
    except UnreadableRecordings as error:
        return str(error)
    known = published()
    listing = "".join(f"{found[name]}  {name}\n" for name in sorted(found) if name in known)
    if sha256(listing) == LISTING:
        return ""
    wrong = [name for name in known if found.get(name) != known[name]]
    return f"{len(wrong):,} of {len(known):,} recordings are missing or others, as {wrong[0]}"


def _samples(name: str, content: bytes, place: Path) -> Tensor:
    expected = published().get(name)
    if expected and (found := sha256(content)) != expected:
        raise UnreadableSound(
            f"{name} in {place} is not the published recording of this name: its SHA-256 is "
            f"{found[:12]}…, not {expected[:12]}…. Copy it anew, or rename it if it is your own"
        )
    heard = sounds.read(content, SAMPLE_RATE, name=f"{name} in {place}")
    return torch.from_numpy(np.clip(np.rint(heard * 32768), -32768, 32767).astype(np.int16))
