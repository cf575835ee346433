"""Speech: captions spoken by 24 voices, put together from recorded words.

Each voice has spoken every unit of the grammar once (``data/word_bank.ogg``). ``speak`` joins
these clips and varies what differs from one saying to the next: rate, pauses, loudness and noise.
``natural_captions`` are whole captions spoken in one go, for testing only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from jaxtyping import Float32, Int16

from xmodal_lab.datasets.scenes.factors import TRAIN_VOICES, VOICE_COUNT, stream
from xmodal_lab.datasets.scenes.language import UNITS, split_units
from xmodal_lab.datasets.shipped import DamagedFileError, data_folder, shipped

SAMPLE_RATE = 8000  # Hz
FULL_SCALE = 32767  # the largest 16-bit step
RATES = (0.88, 1.12)  # pitch shifts along, as on a tape played slower or faster
GAPS = (0.005, 0.038)  # seconds, before, between and after the units
GAINS = (-12.0, 0.0)  # decibels
NOISE_RATIOS = (15.0, 35.0)  # decibels of speech over noise
TAPE_LENGTH = 2**17  # samples of noise, 16 seconds


class Recording(NamedTuple):
    """A caption, the voice that speaks it, and how it sounds (16 bits at 8 kHz)."""

    text: str
    voice: int
    waveform: Int16[np.ndarray, " samples"]


def speak(
    text: str, voice: int | np.integer, generator: np.random.Generator | None = None
) -> Int16[np.ndarray, " samples"]:
    """Speak a text of the grammar, about 3 s for two things, in 16-bit steps at 8 kHz.

    Args:
        text: words of the grammar, for example a caption from ``describe``.
        voice: 0 to 23; 20 to 23 are kept for testing.
        generator: draws rate (±12 %), pauses (5–38 ms), gain (-12–0 dB) and white noise
            (15–35 dB below the speech). None for the plain recordings with even pauses.

    Raises:
        ValueError: for unknown words, with the nearest known ones, and for an unknown voice.
        DamagedFileError: where the word bank is missing or damaged, with the way to mend it.
    """
    recorded = _word_bank(data_folder())[known_voice(voice)][1]
    clips = [recorded[unit] for unit in split_units(text)]
    return say(clips, generator)


def say(
    clips: Sequence[Float32[np.ndarray, " _samples"]],
    generator: np.random.Generator | None = None,
    gains: tuple[float, float] = GAINS,
) -> Int16[np.ndarray, " samples"]:
    """Recorded words one after the other, as ``speak`` says them.

    Args:
        clips: the words at 8 kHz, full scale is 1.
        generator: draws what differs from one saying to the next; None for even pauses alone.
        gains: the softest and the loudest gain, in decibels.
    """
    if generator is None:
        even = (GAPS[0] + GAPS[1]) / 2
        return _quantise(_join(clips, [even] * (len(clips) + 1)), gain=1.0)
    # As many draws as there are pauses and four more; only random(), see factors.stream.
    rate, gain, ratio, offset, *pauses = generator.random(len(clips) + 5).tolist()
    rate, gain, ratio = _between(RATES, rate), _between(gains, gain), _between(NOISE_RATIOS, ratio)
    # The pauses keep their length when the rate changes.
    sound = _change_rate(_join(clips, [_between(GAPS, pause) * rate for pause in pauses]), rate)
    loudness = float(np.sqrt(np.dot(sound, sound) / len(sound)))
    sound += _noise(len(sound), offset) * np.float32(loudness * 10 ** (-ratio / 20))
    return _quantise(sound, 10 ** (gain / 20))


def voices() -> tuple[str, ...]:
    """What each voice is, by its number: accent and variant, 'Scotland, m1'.

    Raises:
        DamagedFileError: where the word bank is missing or damaged, with the way to mend it.
    """
    return tuple(name for name, _ in _word_bank(data_folder()))


def natural_captions() -> list[Recording]:
    """Two-thing captions of the test split, spoken in one go by the training voices.

    Raises:
        DamagedFileError: where the recordings are missing or damaged, with the way to mend it.
    """
    # Copies, so that a caller who changes a waveform does not change it for the next one.
    return [Recording(*r[:2], r.waveform.copy()) for r in _natural_captions(data_folder())]


def known_voice(voice: object) -> int:
    """The number of a voice, 0 to 23.

    Raises:
        ValueError: for anything else.
    """
    # True and 3.0 would index a tuple or a dict without complaint, and hide a mistake.
    whole = isinstance(voice, (int, np.integer)) and not isinstance(voice, bool)
    if not whole or not 0 <= voice < VOICE_COUNT:
        raise ValueError(
            f"unknown voice {voice!r}: choose a whole number from 0 to {VOICE_COUNT - 1} "
            f"({TRAIN_VOICES[-1] + 1} to {VOICE_COUNT - 1} are kept for testing)"
        )
    return int(voice)


def _between(bounds: tuple[float, float], share: float) -> float:
    return bounds[0] + share * (bounds[1] - bounds[0])


def _join(clips: Sequence[np.ndarray], pauses: list[float]) -> Float32[np.ndarray, " samples"]:
    """The clips one after the other, with pauses (seconds) before, between and after them."""
    silences = [round(pause * SAMPLE_RATE) for pause in pauses]
    joined = np.zeros(sum(map(len, clips)) + sum(silences), np.float32)
    start = 0
    for clip, silence in zip(clips, silences, strict=False):
        start += silence
        joined[start : start + len(clip)] = clip
        start += len(clip)
    return joined


def _change_rate(
    sound: Float32[np.ndarray, " samples"], rate: float
) -> Float32[np.ndarray, " resampled"]:
    """Play a sound ``rate`` times as fast, by linear interpolation."""
    count = int((len(sound) - 1) / rate)
    # Written out, since np.interp works in float64 and searches for places that are known here.
    # Only the positions are float64: with float32 they would be uneven after a second or two.
    places = _ramp(-(-count // SAMPLE_RATE) * SAMPLE_RATE)[:count] * rate
    left = places.astype(np.int32)
    share = (places - left).astype(np.float32)
    share *= np.diff(sound).take(left)
    share += sound.take(left)
    return share


@cache
def _ramp(length: int) -> np.ndarray:
    return np.arange(length, dtype=np.float64)


def _noise(count: int, offset: float) -> Float32[np.ndarray, " count"]:
    """White noise of unit power: a piece of one tape that is the same everywhere."""
    tape = _noise_tape()
    if count >= len(tape):
        tape = np.resize(tape, count + 1)
    start = int(offset * (len(tape) - count))
    return tape[start : start + count]


@cache
def _noise_tape() -> Float32[np.ndarray, " samples"]:
    return ((stream(SAMPLE_RATE).random(TAPE_LENGTH) - 0.5) * 12**0.5).astype(np.float32)


def _quantise(sound: Float32[np.ndarray, " samples"], gain: float) -> Int16[np.ndarray, " samples"]:
    """Round to 16-bit steps, softer than asked where the peaks would be cut off."""
    peak = max(float(sound.max()), -float(sound.min()), 1e-9)
    return np.rint(sound * np.float32(min(gain, 1 / peak) * FULL_SCALE)).astype(np.int16)


@cache
def _word_bank(folder: Path) -> tuple[tuple[str, dict[str, np.ndarray]], ...]:
    """Each voice's name and its clips. Kept for the process: decoding takes a fifth of a second."""
    samples, index = read("word_bank")
    try:
        bank = tuple(
            (row["name"], {unit: clip(samples, *span) for unit, span in row["clips"].items()})
            for row in index["voices"]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise disagreement("word_bank", str(error)) from error
    if len(bank) != VOICE_COUNT:
        raise disagreement("word_bank", f"{len(bank)} voices instead of {VOICE_COUNT}")
    for number, (_, clips) in enumerate(bank):
        if missing := [unit for unit in UNITS if unit not in clips]:
            raise disagreement("word_bank", f"voice {number} has no {', '.join(missing)}")
    return bank


@cache
def _natural_captions(folder: Path) -> tuple[Recording, ...]:
    samples, index = read("natural_captions")
    try:
        return tuple(
            Recording(
                row["text"],
                known_voice(row["voice"]),
                _quantise(clip(samples, row["start"], row["length"]), gain=1.0),
            )
            for row in index["recordings"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise disagreement("natural_captions", str(error)) from error


def read(stem: str) -> tuple[Float32[np.ndarray, " samples"], dict]:
    """The samples of a shipped audio file and the index beside it, both checked.

    Raises:
        DamagedFileError: where one is missing or damaged, or they do not belong together.
    """
    index = json.loads(shipped(f"{stem}.json").read_text())
    path = shipped(f"{stem}.ogg")
    try:
        samples, rate = soundfile.read(path, dtype="float32")
    except soundfile.LibsndfileError as error:
        raise DamagedFileError(
            f"{path} is as shipped, but libsndfile {soundfile.__libsndfile_version__} cannot "
            f"decode it ({error}): install a newer soundfile (pip install -U soundfile)"
        ) from error
    expected = (index.get("sample_rate"), index.get("samples"))
    if (rate, len(samples)) != expected or rate != SAMPLE_RATE:
        raise disagreement(
            stem, f"{len(samples)} samples at {rate} Hz, {expected[1]} at {expected[0]} Hz"
        )
    return samples, index


def clip(samples: np.ndarray, start: int, length: int) -> Float32[np.ndarray, " length"]:
    """A part of a recording.

    Raises:
        ValueError: for a part that lies outside, or is empty.
    """
    if start < 0 or length < 1 or start + length > len(samples):
        raise ValueError(f"a clip of {length} samples from {start} lies outside the recording")
    return samples[start : start + length]


def disagreement(stem: str, what: str) -> DamagedFileError:
    """The error for an audio file and an index that do not fit, with the way to mend it."""
    tool = "render_mood_bank.py" if stem == "mood_bank" else "render_word_bank.py"
    return DamagedFileError(
        f"{stem}.ogg and {stem}.json do not belong together: {what}. Restore both with "
        f"'git checkout -- data' in the workbook's folder, or make both anew with "
        f"'python tools/{tool}'."
    )
