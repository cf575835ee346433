"""A data set of scenes: what ``load`` gives, one row a scene, every modality side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Int16, Int64, UInt8

from xmodal_lab.datasets.scenes.factors import Scene

MODALITIES = ("text", "image", "audio")


class Waveforms:
    """Waveforms of different lengths in one long array of 16-bit samples at 8 kHz.

    ``waveforms[i]`` is one waveform; ``len`` counts them. No sample is copied.
    """

    def __init__(self, samples: Int16[np.ndarray, " samples"], ends: Int64[np.ndarray, " count"]):
        if len(ends) and ends[-1] != len(samples):
            raise ValueError(f"ends says {ends[-1]} samples, the array holds {len(samples)}")
        self.samples, self.ends = samples, ends

    @classmethod
    def collect(cls, waveforms, count: int, longest: int = 40_000) -> Waveforms:
        """Gather ``count`` waveforms, none longer than ``longest``, without a second copy."""
        # Memory is only used where it is written, so asking for the longest costs nothing.
        samples, ends, end = np.empty(count * longest, np.int16), np.empty(count, np.int64), 0
        for number, waveform in enumerate(waveforms):
            if len(waveform) > longest:
                raise ValueError(
                    f"waveform {number} has {len(waveform)} samples, the longest may have {longest}"
                )
            samples[end : end + len(waveform)] = waveform
            end += len(waveform)
            ends[number] = end
        return cls(samples[:end], ends)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int | np.integer) -> Int16[np.ndarray, " samples"]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"waveform {index} of {len(self)}")
        index %= len(self)
        start = self.ends[index - 1] if index else 0
        return self.samples[start : self.ends[index]]

    def select(self, indices: Sequence[int] | np.ndarray) -> Waveforms:
        lengths = [len(self[i]) for i in indices]
        samples = [self[i] for i in indices] or [np.empty(0, np.int16)]
        return Waveforms(np.concatenate(samples), np.cumsum(lengths, dtype=np.int64))


@dataclass(frozen=True)
class SceneData:
    """Scenes with what is seen, read and heard of them; row i of everything is one scene.

    Attributes:
        scenes: what each row means.
        captions: written captions, or None where not asked for.
        images: (count, 3, 32, 32) levels 0–255, or None.
        waveforms: 8 kHz speech, or None.
        transcripts: the words spoken: a paraphrase drawn independently of the caption.
        voices: which of the 24 voices speaks.
    """

    scenes: list[Scene]
    captions: list[str] | None = None
    images: UInt8[np.ndarray, "count 3 size size"] | None = None
    waveforms: Waveforms | None = None
    transcripts: list[str] | None = None
    voices: list[int] | None = None

    def __post_init__(self) -> None:
        for name, column in self._columns():
            if len(column) != len(self.scenes):
                raise ValueError(f"{name} has {len(column)} rows, there are {len(self)} scenes")

    def _columns(self):
        columns = ((field.name, getattr(self, field.name)) for field in fields(self))
        return [(name, column) for name, column in columns if column is not None]

    def __len__(self) -> int:
        return len(self.scenes)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Which of text, image and audio are there."""
        columns = (self.captions, self.images, self.waveforms)
        return tuple(m for m, c in zip(MODALITIES, columns, strict=True) if c is not None)

    def select(self, indices: Sequence[int] | np.ndarray) -> SceneData:
        """The rows with these numbers, in this order.

        Raises:
            ValueError: for a mask of True and False, whose values would be read as rows 1 and 0.
        """
        if len(indices) and np.asarray(indices).dtype == bool:
            raise ValueError("expected row numbers, got a mask: use select(np.flatnonzero(mask))")
        chosen = {}
        for name, column in self._columns():
            if isinstance(column, list):
                chosen[name] = [column[i] for i in indices]
            elif isinstance(column, Waveforms):
                chosen[name] = column.select(indices)
            else:
                chosen[name] = column[np.asarray(indices, dtype=int)]
        return replace(self, **chosen)

    def __add__(self, other: SceneData) -> SceneData:
        """The rows of both, one after the other; they must have the same modalities."""
        mine, theirs = dict(self._columns()), dict(other._columns())
        if mine.keys() != theirs.keys():
            raise ValueError(f"cannot join data with {list(mine)} and data with {list(theirs)}")
        return SceneData(**{name: _joined(column, theirs[name]) for name, column in mine.items()})

    @property
    def thing_counts(self) -> Int64[np.ndarray, " count"]:
        """1 or 2 for each scene."""
        return np.array([len(scene.things) for scene in self.scenes], dtype=np.int64)

    def matches(self, other: SceneData | None = None) -> np.ndarray:
        """Which rows mean the same: (rows, other's rows) of bool, the targets of a recall."""
        mine = [scene.key for scene in self.scenes]
        theirs = mine if other is None else [scene.key for scene in other.scenes]
        numbers = {key: number for number, key in enumerate({*mine, *theirs})}
        rows = np.array([numbers[key] for key in mine])
        columns = np.array([numbers[key] for key in theirs])
        return rows[:, None] == columns[None, :]


def _joined(first, second):
    if isinstance(first, list):
        return first + second
    if isinstance(first, Waveforms):
        samples = np.concatenate([first.samples, second.samples])
        return Waveforms(samples, np.concatenate([first.ends, second.ends + len(first.samples)]))
    return np.concatenate([first, second])
