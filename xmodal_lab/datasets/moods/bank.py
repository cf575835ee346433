"""How it is said: every word gladly and sadly, by 24 voices, joined to sentences.

Each voice has spoken every word in both moods (``data/mood_bank.ogg``). Pitch, melody and speed
are the synthesiser's; how loud a mood is, is decided here.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int16

from xmodal_lab.datasets.moods.sentences import VERDICTS, WORD_IDS, WORDS
from xmodal_lab.datasets.scenes.factors import VOICE_COUNT
from xmodal_lab.datasets.scenes.language import split_words
from xmodal_lab.datasets.scenes.speech import (
    SAMPLE_RATE,
    clip,
    disagreement,
    known_voice,
    read,
    say,
)
from xmodal_lab.datasets.shipped import data_folder

MOODS = ("sad", "glad")
# Decibels; 6 apart in the middle, but people also sit nearer to the microphone or further off.
GAINS = {"sad": (-18.0, -6.0), "glad": (-12.0, 0.0)}
BLEEP_HZ, BLEEP_SECONDS, BLEEP_LEVEL = 1000.0, 0.3, 0.1  # level: root mean square of full scale


def speak(
    text: str,
    mood: str,
    voice: int | np.integer,
    generator: np.random.Generator | None = None,
    bleeped: bool = True,
) -> Int16[np.ndarray, " samples"]:
    """Say a sentence in a mood, in 16-bit steps at 8 kHz.

    Args:
        text: words of ``WORDS``.
        mood: 'sad' or 'glad'.
        voice: 0 to 23, the voices of the scenes; ``moods.VOICES`` says which split hears whom.
        generator: draws rate (±12 %), pauses (5–38 ms), gain (of the mood, ±6 dB) and white noise
            (15–35 dB below the speech). None for the plain recordings, equally loud.
        bleeped: words of praise and blame give way to a tone of one length, as on television: who
            only hears, hears no verdict.

    Raises:
        ValueError: for unknown words, with the nearest known ones; an unknown mood or voice.
        DamagedFileError: where the mood bank is missing or damaged, with the way to mend it.
    """
    if mood not in MOODS:
        raise ValueError(f"unknown mood {mood!r}: choose one of {', '.join(MOODS)}")
    recorded = _mood_bank(data_folder())[known_voice(voice)][mood]
    hidden = VERDICTS if bleeped else ()
    words = split_words(text, WORD_IDS)
    return say([_bleep() if w in hidden else recorded[w] for w in words], generator, GAINS[mood])


@cache
def _bleep() -> Float32[np.ndarray, " samples"]:
    """A tone that rises and falls over its first and last 10 ms."""
    times = np.arange(round(BLEEP_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    edge = np.minimum(times, times[::-1]) / 0.010
    tone = BLEEP_LEVEL * 2**0.5 * np.sin(2 * np.pi * BLEEP_HZ * times)
    return (tone * np.minimum(edge, 1.0)).astype(np.float32)


@cache
def _mood_bank(folder: Path) -> tuple[dict[str, dict[str, np.ndarray]], ...]:
    """Each voice's clips by mood and word. Kept for the process: decoding takes half a second."""
    samples, index = read("mood_bank")
    try:
        bank = tuple(
            {mood: {w: clip(samples, *row["clips"][mood][w]) for w in WORDS} for mood in MOODS}
            for row in index["voices"]
        )
    except KeyError as error:
        raise disagreement("mood_bank", f"a voice has no {error}") from error
    except (TypeError, ValueError) as error:
        raise disagreement("mood_bank", str(error)) from error
    if len(bank) != VOICE_COUNT:
        raise disagreement("mood_bank", f"{len(bank)} voices instead of {VOICE_COUNT}")
    return bank
