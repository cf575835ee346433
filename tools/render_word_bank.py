"""Renders the speech that ships in ``data/``: the word bank, and captions spoken in one go.

    python tools/render_word_bank.py

Needs espeak-ng. Where espeak-ng, libsndfile, numpy and scipy are the same, the files are the same.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from checksums import update, write_atomically, write_block
from scipy.signal import firwin, resample_poly

from xmodal_lab.datasets.scenes.factors import TRAIN_VOICES, sample_scenes, stream
from xmodal_lab.datasets.scenes.language import UNITS, describe
from xmodal_lab.datasets.shipped import data_folder

ESPEAK_RATE, SAMPLE_RATE = 22050, 8000  # Hz
UP, DOWN = 160, 441  # 22050 · 160 / 441 = 8000
PASS_BAND = 3700  # Hz; what lies above 4,000 would come back as false low tones
# Trimmed where the sound is 40 dB below its loudest 10 ms; soft final consonants survive that.
SILENCE, MARGIN, FADE, GAP = 0.01, 0.008, 0.004, 0.016  # share of the peak; seconds
LEVEL, PEAK = 0.1, 0.9  # root mean square and highest peak of a clip, of full scale
COMPRESSION = {"word_bank": 0.5, "natural_captions": 0.5}  # 0 is the best quality, 1 the smallest
NATURAL_COUNT, NATURAL_SEED = 100, 7


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=data_folder(), help="default: data/")
    folder = parser.parse_args().folder
    if shutil.which("espeak-ng") is None:
        raise SystemExit(
            "espeak-ng is not installed: 'apt install espeak-ng' or 'brew install espeak-ng'"
        )
    bank = [{unit: utter(PHONEMES.get(unit, unit), v) for unit in UNITS} for v in VOICES]
    starts = iter(write_audio(folder, "word_bank", [c for clips in bank for c in clips.values()]))
    index = [
        {
            "name": f"{ACCENTS[voice.accent]}, {voice.variant}",
            **voice._asdict(),
            "clips": {unit: [next(starts), len(clip)] for unit, clip in clips.items()},
        }
        for voice, clips in zip(VOICES, bank, strict=True)
    ]
    write_index(folder, "word_bank", "voices", index)

    captions = natural_texts()
    spoken = [utter(text, VOICES[voice]) for text, voice in captions]
    starts = write_audio(folder, "natural_captions", spoken)
    records = [
        {"text": text, "voice": voice, "start": start, "length": len(clip)}
        for (text, voice), start, clip in zip(captions, starts, spoken, strict=True)
    ]
    write_index(folder, "natural_captions", "recordings", records)

    write_block(folder / "README.md", "speech", card(bank, spoken))
    update(*(f"{stem}{end}" for stem in COMPRESSION for end in (".ogg", ".json")), folder=folder)


def natural_texts() -> list[tuple[str, int]]:
    """Captions of test scenes, each with the training voice that speaks it, turn by turn."""
    scenes = sample_scenes("test", NATURAL_COUNT, NATURAL_SEED, things=2)
    return [
        (describe(scene, stream(NATURAL_SEED, number)), TRAIN_VOICES[number % len(TRAIN_VOICES)])
        for number, scene in enumerate(scenes)
    ]


def utter(text: str, voice: Voice) -> np.ndarray:
    """What espeak-ng says, as float64 samples at 8 kHz: trimmed, faded, at one level."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "spoken.wav"
        options = ["-p", str(voice.pitch), "-s", str(voice.speed), "-w", str(path)]
        command = ["espeak-ng", "-v", f"{voice.accent}+{voice.variant}", *options, text]
        subprocess.run(command, check=True)
        samples, rate = soundfile.read(path)
    if rate != ESPEAK_RATE:
        raise SystemExit(f"espeak-ng gave {rate} Hz instead of {ESPEAK_RATE} Hz: adapt UP and DOWN")
    low_pass = firwin(2 * 32 * DOWN + 1, PASS_BAND, window=("kaiser", 8.0), fs=ESPEAK_RATE * UP)
    return level(fade(trim(resample_poly(samples, UP, DOWN, window=low_pass))))


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


def write_audio(folder: Path, stem: str, clips: list[np.ndarray]) -> list[int]:
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
        compression_level=COMPRESSION[stem],
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


def card(bank: list[dict[str, np.ndarray]], spoken: list[np.ndarray]) -> str:
    """The numbers of the data card."""
    seconds = sum(len(clip) for clips in bank for clip in clips.values()) / SAMPLE_RATE
    natural = [len(clip) / SAMPLE_RATE for clip in spoken]
    version = subprocess.run(["espeak-ng", "--version"], capture_output=True, text=True, check=True)
    rows = [
        f"- Word bank: {len(bank)} voices × {len(UNITS)} units = {len(bank) * len(UNITS):,} clips, "
        f"{seconds:.0f} s of speech.",
        f"- Natural captions: {len(spoken)} recordings by {len(TRAIN_VOICES)} voices, "
        f"{sum(natural):.0f} s, {min(natural):.1f} to {max(natural):.1f} s each.",
        f"- 8 kHz, mono. Made with espeak-ng {version.stdout.split()[3]} and libsndfile "
        f"{soundfile.__libsndfile_version__}.",
        "",
        "| voice | accent | variant of espeak-ng | pitch (0–99) | words a minute | used for |",
        "|---:|---|---|---:|---:|---|",
    ]
    for number, voice in enumerate(VOICES):
        use = "training" if number in TRAIN_VOICES else "testing"
        rows.append(
            f"| {number} | {ACCENTS[voice.accent]} | {voice.variant} | {voice.pitch} "
            f"| {voice.speed} | {use} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
