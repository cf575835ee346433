"""Renders the mood bank that ships in ``data/``: every word, gladly and sadly, by every voice.

    python tools/render_mood_bank.py
    python tools/render_mood_bank.py --folder COPY --equal pitch   # a control, see below

Needs espeak-ng. Where espeak-ng, libsndfile, numpy and scipy are the same, the files are the same.
With ``--equal`` one cue (or several) is the same in both moods: what can still be heard then?
``COPY`` is a copy of ``data/``; ``XMODAL_DATA=COPY`` makes everything else read it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from checksums import update, write_block
from rendering import (
    ACCENTS,
    PHONEMES,
    SAMPLE_RATE,
    VOICES,
    Voice,
    need_espeak,
    utter,
    versions,
    write_audio,
    write_index,
)

from xmodal_lab.datasets.moods.sentences import WORDS
from xmodal_lab.datasets.shipped import data_folder

STEM = "mood_bank"
COMPRESSION = 0.7  # of Vorbis: 0 is the best quality, 1 the smallest


class Prosody(NamedTuple):
    """How a mood changes a voice.

    Attributes:
        pitch: added to the voice's (0–99).
        pitch_range: how lively the melody is, in per cent.
        rate: factor of the speed.
    """

    pitch: int
    pitch_range: int
    rate: float


MOODS = {"sad": Prosody(-14, 12, 0.82), "glad": Prosody(14, 200, 1.15)}
NEUTRAL = Prosody(0, 100, 1.0)
CUES = {"pitch": ("pitch", "pitch_range"), "rate": ("rate",)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=data_folder(), help="default: data/")
    parser.add_argument("--equal", nargs="*", choices=CUES, default=[])
    options = parser.parse_args()
    need_espeak()
    moods = equalised(options.equal)
    bank = [
        {mood: {word: say(word, voice, prosody) for word in WORDS} for mood, prosody in moods}
        for voice in VOICES
    ]
    every = [clip for said in bank for clips in said.values() for clip in clips.values()]
    starts = iter(write_audio(options.folder, STEM, every, COMPRESSION))
    index = [
        {
            "name": f"{ACCENTS[voice.accent]}, {voice.variant}",
            "clips": {
                mood: {word: [next(starts), len(clip)] for word, clip in clips.items()}
                for mood, clips in said.items()
            },
        }
        for voice, said in zip(VOICES, bank, strict=True)
    ]
    write_index(options.folder, STEM, "voices", index)
    write_block(options.folder / "README.md", "moods", card(bank))
    update(f"{STEM}.ogg", f"{STEM}.json", folder=options.folder)


def equalised(cues: list[str]) -> list[tuple[str, Prosody]]:
    """The moods, with these cues as in neutral speech."""
    fields = [field for cue in cues for field in CUES[cue]]
    plain = {field: getattr(NEUTRAL, field) for field in fields}
    return [(mood, prosody._replace(**plain)) for mood, prosody in MOODS.items()]


def say(word: str, voice: Voice, prosody: Prosody) -> np.ndarray:
    """One word by one voice in one mood."""
    changed = voice._replace(
        pitch=min(99, max(0, voice.pitch + prosody.pitch)), speed=round(voice.speed * prosody.rate)
    )
    return utter(PHONEMES.get(word, word), changed, prosody.pitch_range)


def card(bank: list[dict[str, dict[str, np.ndarray]]]) -> str:
    """The numbers of the data card."""
    count = sum(len(clips) for said in bank for clips in said.values())
    total = sum(len(c) for said in bank for clips in said.values() for c in clips.values())
    rows = [
        f"- Mood bank: {len(bank)} voices × {len(MOODS)} moods × {len(WORDS)} words = "
        f"{count:,} clips, {total / SAMPLE_RATE:.0f} s of speech.",
        f"- 8 kHz, mono. Made with {versions()}.",
        "",
        "| mood | pitch | range of the melody, % | speed | mean seconds a word |",
        "|---|---:|---:|---:|---:|",
    ]
    for mood, prosody in MOODS.items():
        seconds = np.mean([len(c) / SAMPLE_RATE for said in bank for c in said[mood].values()])
        rows.append(
            f"| {mood} | {prosody.pitch:+d} | {prosody.pitch_range} | × {prosody.rate} "
            f"| {seconds:.2f} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
