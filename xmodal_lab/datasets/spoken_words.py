"""Single words of the data world, spoken by its 24 voices: a recogniser's first task.

Every voice says every unit of the grammar, word or phrase, as often as asked for, each time at
another speed and loudness (see ``scenes.speak``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int64
from torch import Tensor

from xmodal_lab.batch import Padded, pad
from xmodal_lab.datasets.scenes.factors import TRAIN_VOICES, stream
from xmodal_lab.datasets.scenes.language import UNITS as WORDS
from xmodal_lab.datasets.scenes.speech import speak

__all__ = ["WORDS", "SpokenWords", "joined", "load"]


@dataclass(frozen=True)
class SpokenWords:
    """Words as they were spoken; row i of everything is one saying.

    Attributes:
        waveforms: 16-bit samples at 8 kHz (count, samples).
        words: (count,) which of ``WORDS``.
        voices: (count,) who, 0 to 23.
    """

    waveforms: Padded
    words: Int64[Tensor, " count"]
    voices: Int64[Tensor, " count"]

    def __len__(self) -> int:
        return len(self.words)

    def select(self, rows: Tensor) -> SpokenWords:
        """The rows with these numbers, in this order, or those that a mask holds True for."""
        rows = rows.nonzero()[:, 0] if rows.dtype == torch.bool else rows
        return replace(
            self,
            waveforms=self.waveforms.rows(rows),
            words=self.words[rows],
            voices=self.voices[rows],
        )


def load(voices: Sequence[int] = TRAIN_VOICES, repeats: int = 1, seed: int = 0) -> SpokenWords:
    """Every word by every voice, ``repeats`` times.

    Args:
        voices: who speaks; ``scenes.HELD_OUT_VOICES`` are kept for testing.
        repeats: how often each says each word, at another speed (±12 %), loudness and with some
            noise (15–35 dB below the speech). 0 for the plain recordings, once.
        seed: of the sayings; each depends on (seed, voice, word, number of the repeat) alone.

    Raises:
        ValueError: for an unknown voice, no voice, or a negative number of repeats.
        DamagedFileError: where the word bank is missing or damaged, with the way to mend it.
    """
    if repeats < 0 or not len(voices):
        raise ValueError(f"repeats must be ≥ 0 and a voice given, got {repeats}, {list(voices)}")
    # 11 keeps these draws apart from those of the scenes.
    sayings = [
        (speak(word, voice, stream(11, seed, voice, number, turn) if repeats else None), number,
         voice)
        for turn in range(max(repeats, 1))
        for voice in voices
        for number, word in enumerate(WORDS)
    ]  # fmt: skip
    waveforms, words, spoken_by = zip(*sayings, strict=True)
    return SpokenWords(pad(waveforms), torch.tensor(words), torch.tensor(spoken_by))


def joined(*parts: SpokenWords) -> SpokenWords:
    """The rows of several sets, one set after the other.

    Sayings that were varied all have noise beneath them. What learns from them alone has never
    heard silence, and errs on the plain recordings; so give it both.

    Raises:
        ValueError: for no set at all.
    """
    waveforms = [
        values[:length] for part in parts for values, length in zip(*part.waveforms, strict=True)
    ]
    return SpokenWords(
        pad(waveforms),
        torch.cat([part.words for part in parts]),
        torch.cat([part.voices for part in parts]),
    )
