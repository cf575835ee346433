"""Renders the speech that ships in ``data/``: the word bank, and captions spoken in one go.

    python tools/render_word_bank.py

Needs espeak-ng. Where espeak-ng, libsndfile, numpy and scipy are the same, the files are the same.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from checksums import update, write_block
from rendering import (
    ACCENTS,
    PHONEMES,
    SAMPLE_RATE,
    VOICES,
    need_espeak,
    utter,
    versions,
    write_audio,
    write_index,
)

from xmodal_lab.datasets.scenes.factors import TRAIN_VOICES, sample_scenes, stream
from xmodal_lab.datasets.scenes.language import UNITS, describe
from xmodal_lab.datasets.shipped import data_folder

NATURAL_COUNT, NATURAL_SEED = 100, 7
STEMS = ("word_bank", "natural_captions")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=data_folder(), help="default: data/")
    folder = parser.parse_args().folder
    need_espeak()
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
    update(*(f"{stem}{end}" for stem in STEMS for end in (".ogg", ".json")), folder=folder)


def natural_texts() -> list[tuple[str, int]]:
    """Captions of test scenes, each with the training voice that speaks it, turn by turn."""
    scenes = sample_scenes("test", NATURAL_COUNT, NATURAL_SEED, things=2)
    return [
        (describe(scene, stream(NATURAL_SEED, number)), TRAIN_VOICES[number % len(TRAIN_VOICES)])
        for number, scene in enumerate(scenes)
    ]


def card(bank: list[dict[str, np.ndarray]], spoken: list[np.ndarray]) -> str:
    """The numbers of the data card."""
    seconds = sum(len(clip) for clips in bank for clip in clips.values()) / SAMPLE_RATE
    natural = [len(clip) / SAMPLE_RATE for clip in spoken]
    rows = [
        f"- Word bank: {len(bank)} voices × {len(UNITS)} units = {len(bank) * len(UNITS):,} clips, "
        f"{seconds:.0f} s of speech.",
        f"- Natural captions: {len(spoken)} recordings by {len(TRAIN_VOICES)} voices, "
        f"{sum(natural):.0f} s, {min(natural):.1f} to {max(natural):.1f} s each.",
        f"- 8 kHz, mono. Made with {versions()}.",
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
