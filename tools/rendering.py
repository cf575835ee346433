"""What renders recorded speech: the voices of espeak-ng, and clips joined into one Ogg file.

Shared by ``render_word_bank`` and ``render_mood_bank``. Where espeak-ng, libsndfile, numpy and
scipy are the same, the files are the same.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from checksums import write_atomically
from scipy.signal import firwin, resample_poly

ESPEAK_RATE, SAMPLE_RATE = 22050, 8000  # Hz
UP, DOWN = 160, 441  # 22050 · 160 / 441 = 8000
PASS_BAND = 3700  # Hz; what lies above 4,000 would come back as false low tones
# Trimmed where the sound is 40 dB below its loudest 10 ms; soft final consonants survive that.
SILENCE, MARGIN, FADE, GAP = 0.01, 0.008, 0.004, 0.016  # share of the peak; seconds
LEVEL, PEAK = 0.1, 0.9  # root mean square and highest peak of a clip, of full scale
COMPRESSION = 0.5  # of Vorbis: 0 is the best quality, 1 the smallest


class Voice(NamedTuple):
    """A voice of espeak-ng: accent and variant, pitch (0–99) and speed (words a minute)."""

    accent: str
    variant: str
    pitch: int
    speed: int


# British English is 'en' here: espeak-ng 1.51 takes 'en-gb+m3' but silently leaves out the '+m3'.
VOICES = (
    Voice("en", "m3", 50, 225),
    Voice("en-us", "f1", 50, 235),
    Voice("en-gb-scotland", "m1", 40, 220),
    Voice("en-gb-x-rp", "Annie", 55, 240),
    Voice("en-029", "m7", 45, 225),
    Voice("en-gb-x-gbclan", "belinda", 50, 230),
    Voice("en-us", "paul", 40, 245),
    Voice("en", "Andrea", 50, 205),
    Voice("en-us-nyc", "m4", 60, 235),
    Voice("en-gb-x-gbcwmd", "Denis", 35, 240),
    Voice("en-us", "aunty", 65, 240),
    Voice("en-gb-scotland", "steph", 50, 230),
    Voice("en", "klatt", 50, 230),
    Voice("en-us", "klatt5", 35, 220),
    Voice("en-gb-x-rp", "Andy", 45, 250),
    Voice("en-029", "Annie", 70, 225),
    Voice("en-gb-scotland", "quincy", 55, 250),
    Voice("en-us", "anika", 45, 210),
    Voice("en-gb-x-gbclan", "john", 60, 235),
    Voice("en-gb-x-rp", "norbert", 50, 230),
    # From here on: never heard in training.
    Voice("en-us", "Mario", 55, 230),
    Voice("en", "linda", 50, 240),
    Voice("en-gb-scotland", "Jacky", 45, 235),
    Voice("en-gb-x-rp", "grandma", 55, 230),
)
ACCENTS = {
    "en": "Great Britain",
    "en-us": "America",
    "en-us-nyc": "New York",
    "en-gb-scotland": "Scotland",
    "en-gb-x-rp": "Received Pronunciation",
    "en-gb-x-gbclan": "Lancaster",
    "en-gb-x-gbcwmd": "West Midlands",
    "en-029": "Caribbean",
}


# Alone, 'a' would be spoken as the letter's name; this is its sound in running speech.
PHONEMES = {"a": "[[a#]]"}


def need_espeak() -> None:
    """Say how to get the synthesiser where it is missing."""
    if shutil.which("espeak-ng") is None:
        raise SystemExit(
            "espeak-ng is not installed: 'apt install espeak-ng' or 'brew install espeak-ng'"
        )


def versions() -> str:
    """Of the programs that decide what a file holds."""
    version = subprocess.run(["espeak-ng", "--version"], capture_output=True, text=True, check=True)
    return (
        f"espeak-ng {version.stdout.split()[3]} and libsndfile {soundfile.__libsndfile_version__}"
    )


def utter(text: str, voice: Voice, pitch_range: int | None = None) -> np.ndarray:
    """What espeak-ng says, as float64 samples at 8 kHz: trimmed, faded, at one level.

    Args:
        text: words, or phonemes in double brackets.
        voice: whose, with pitch and speed.
        pitch_range: how lively the melody is, in per cent of the voice's own; None for 100.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "spoken.wav"
        options = ["-p", str(voice.pitch), "-s", str(voice.speed), "-w", str(path)]
        if pitch_range is not None:  # the command line has no option for it, the markup has
            text = f'<speak><prosody range="{pitch_range}%">{text}</prosody></speak>'
            options.append("-m")
        command = ["espeak-ng", "-v", f"{voice.accent}+{voice.variant}", *options, text]
        subprocess.run(command, check=True)
        samples, rate = soundfile.read(path)
    if rate != ESPEAK_RATE:
        raise SystemExit(f"espeak-ng gave {rate} Hz instead of {ESPEAK_RATE} Hz: adapt UP and DOWN")
    return level(fade(trim(resample_poly(samples, UP, DOWN, window=low_pass()))))


@cache
def low_pass() -> np.ndarray:
    """The filter against aliasing, for ``resample_poly``."""
    return firwin(2 * 32 * DOWN + 1, PASS_BAND, window=("kaiser", 8.0), fs=ESPEAK_RATE * UP)


def trim(samples: np.ndarray) -> np.ndarray:
    """Cut silence off both ends, but for a small margin."""
    window = SAMPLE_RATE // 100
    loudness = np.sqrt(np.convolve(samples**2, np.ones(window) / window, mode="same"))
    loud = np.flatnonzero(loudness > SILENCE * loudness.max())
    margin = round(MARGIN * SAMPLE_RATE)
    return samples[max(0, loud[0] - margin) : loud[-1] + 1 + margin]


def fade(samples: np.ndarray) -> np.ndarray:
    """Let both ends rise from and fall to zero, so that joined clips do not click."""
    ramp = np.sin(np.linspace(0, np.pi / 2, round(FADE * SAMPLE_RATE))) ** 2
    samples = samples.copy()
    samples[: len(ramp)] *= ramp
    samples[-len(ramp) :] *= ramp[::-1]
    return samples


def level(samples: np.ndarray) -> np.ndarray:
    """Bring a clip to the common loudness, or as near as its peak allows."""
    loudness = np.sqrt(np.mean(samples**2))
    return samples * min(LEVEL / loudness, PEAK / np.abs(samples).max())


def write_audio(
    folder: Path, stem: str, clips: list[np.ndarray], compression: float = COMPRESSION
) -> list[int]:
    """Join clips with silence between them into one Ogg Vorbis file; where each starts."""
    gap = np.zeros(round(GAP * SAMPLE_RATE))
    starts = np.cumsum([len(gap), *(len(clip) + len(gap) for clip in clips)])[:-1].tolist()
    joined = np.concatenate([gap, *(part for clip in clips for part in (clip, gap))])
    memory = io.BytesIO()
    with soundfile.SoundFile(
        memory,
        mode="w",
        samplerate=SAMPLE_RATE,
        channels=1,
        format="OGG",
        subtype="VORBIS",
        compression_level=compression,
    ) as file:
        # libsndfile crashes on one long write of Vorbis.
        for start in range(0, len(joined), SAMPLE_RATE):
            file.write(joined[start : start + SAMPLE_RATE])
    write_atomically(folder / f"{stem}.ogg", with_fixed_serial(memory.getvalue()))
    return starts


def with_fixed_serial(ogg: bytes) -> bytes:
    """The same stream with serial number 1: libsndfile draws it from the clock."""
    pages, start = bytearray(ogg), 0
    while start < len(pages):
        if pages[start : start + 4] != b"OggS":
            raise ValueError(f"no Ogg page at byte {start}")
        segments = pages[start + 26]
        end = start + 27 + segments + sum(pages[start + 27 : start + 27 + segments])
        pages[start + 14 : start + 18] = (1).to_bytes(4, "little")
        pages[start + 22 : start + 26] = bytes(4)  # the checksum counts itself as zero
        pages[start + 22 : start + 26] = ogg_checksum(pages[start:end]).to_bytes(4, "little")
        start = end
    return bytes(pages)


def ogg_checksum(page: bytes) -> int:
    """CRC-32 as Ogg wants it (RFC 3533): polynomial 0x04c11db7, most significant bit first."""
    register = 0
    for byte in page:
        register = (register << 8 & 0xFFFFFFFF) ^ CRC_TABLE[register >> 24 ^ byte]
    return register


def _crc_entry(byte: int) -> int:
    register = byte << 24
    for _ in range(8):
        register = register << 1 ^ (0x04C11DB7 if register >> 31 else 0)
        register &= 0xFFFFFFFF
    return register


CRC_TABLE = tuple(_crc_entry(byte) for byte in range(256))


def write_index(folder: Path, stem: str, key: str, rows: list[dict]) -> None:
    """Describe an audio file in JSON, one line for each voice or recording."""
    total = soundfile.info(folder / f"{stem}.ogg").frames
    lines = ",\n".join(json.dumps(row) for row in rows)
    text = f'{{"sample_rate": {SAMPLE_RATE}, "samples": {total}, "{key}": [\n{lines}\n]}}\n'
    write_atomically(folder / f"{stem}.json", text.encode())
