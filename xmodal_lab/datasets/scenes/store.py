"""Loading scenes in bulk: made once, then read from the checked cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from xmodal_lab.datasets.cache import cached, fingerprint_of
from xmodal_lab.datasets.scenes import language, speech
from xmodal_lab.datasets.scenes.data import MODALITIES, SceneData, Waveforms
from xmodal_lab.datasets.scenes.drawing import draw
from xmodal_lab.datasets.scenes.factors import (
    HELD_OUT_VOICES,
    SPLITS,
    TRAIN_VOICES,
    Scene,
    choose,
    sample_scenes,
    stream,
)
from xmodal_lab.datasets.shipped import shipped_digest

IMAGE_SIZE = 32
# Streams of one scene's generator: 0 samples the scene itself (see factors).
DRAWING, CAPTION, TRANSCRIPT, SPEECH = 1, 2, 3, 4
# The code that makes the data. Read on import: a file edited later is not the code that runs.
CODE = fingerprint_of(
    *(
        Path(__file__).with_name(f"{room}.py").read_bytes()
        for room in ("factors", "language", "drawing", "speech", "store")
    )
)
WORD_BANK = ("word_bank.json", "word_bank.ogg")


def load(
    split: str = "train",
    count: int = 8000,
    seed: int = 0,
    modalities: Sequence[str] = MODALITIES,
    things: int | None = None,
) -> SceneData:
    """Load scenes with their pictures, captions and speech.

    Row i depends on (split, seed, i) alone: a longer data set starts with the shorter one.

    Args:
        split: 'train', 'val' or 'test' (never the same two-thing scenes), 'new_pairs' (a colour
            and a shape that were never seen together), 'new_voices' (test scenes, held-out
            voices), 'natural' (test scenes as captions spoken in one breath).
        count: number of scenes.
        seed: any non-negative integer.
        modalities: which of 'text', 'image', 'audio' to load.
        things: 1 or 2 to have only scenes of so many things.

    Raises:
        ValueError: for an unknown split or modality, or more natural recordings than there are.
        DamagedFileError: where speech is asked for and the recorded words are damaged, even if
            sound data lies in the cache: without them nobody knows what the data should be.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(SPLITS)}")
    if unknown := [m for m in modalities if m not in MODALITIES]:
        raise ValueError(f"unknown modalities {unknown}: choose from {', '.join(MODALITIES)}")
    if split == "natural":
        return _load_natural(count, seed, modalities, things)
    scenes = sample_scenes(split, count, seed, things)
    return _data_of(scenes, (seed, SPLITS.index(split)), modalities, f"{split}-{things or 'all'}")


def from_scenes(
    scenes: Sequence[Scene],
    seed: int = 0,
    modalities: Sequence[str] = MODALITIES,
    voices: Sequence[int] = TRAIN_VOICES,
    describe: Callable[[Scene, np.random.Generator], str] = language.describe,
) -> SceneData:
    """Draw, describe and speak given scenes.

    Args:
        scenes: what to show.
        seed: any non-negative integer; row i depends on the seed, i and its scene alone.
        modalities: which of 'text', 'image', 'audio' to make.
        voices: who may speak.
        describe: puts a scene into words, for captions and for speech.
    """
    return _make(list(scenes), (seed, len(SPLITS)), modalities, voices, describe)


def _data_of(scenes, place, modalities, label) -> SceneData:
    voices = HELD_OUT_VOICES if place[1] == SPLITS.index("new_voices") else TRAIN_VOICES
    data = _make(scenes, place, ["text"] if "text" in modalities else [], voices)
    columns = {"captions": data.captions}
    if "image" in modalities:
        name = f"scenes-{label}-{len(scenes)}-{place[0]}-image"
        columns["images"] = cached(
            name, _fingerprint(name), lambda: {"images": _draw_all(scenes, place)}
        )["images"]
    if "audio" in modalities:
        transcripts, speakers = _scripts(scenes, place, voices)
        name = f"scenes-{label}-{len(scenes)}-{place[0]}-audio"
        arrays = cached(
            name,
            _fingerprint(name, *WORD_BANK),
            lambda: vars(_speak_all(transcripts, speakers, place)),
        )
        columns["waveforms"] = Waveforms(arrays["samples"], arrays["ends"])
        columns["transcripts"], columns["voices"] = transcripts, speakers
    return SceneData(scenes, **columns)


def _make(scenes, place, modalities, voices, describe=language.describe) -> SceneData:
    columns = {}
    if "text" in modalities:
        columns["captions"] = [
            describe(scene, stream(*place, index, CAPTION)) for index, scene in enumerate(scenes)
        ]
    if "image" in modalities:
        columns["images"] = _draw_all(scenes, place)
    if "audio" in modalities:
        columns["transcripts"], columns["voices"] = _scripts(scenes, place, voices, describe)
        columns["waveforms"] = _speak_all(columns["transcripts"], columns["voices"], place)
    return SceneData(scenes, **columns)


def _draw_all(scenes, place) -> np.ndarray:
    images = np.empty((len(scenes), 3, IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    for index, scene in enumerate(scenes):
        images[index] = draw(scene, IMAGE_SIZE, stream(*place, index, DRAWING))
    return images


def _scripts(scenes, place, voices, describe=language.describe) -> tuple[list[str], list[int]]:
    """Who says what: the words of each scene's speech, and its voice."""
    generators = [stream(*place, index, TRANSCRIPT) for index in range(len(scenes))]
    transcripts = [describe(s, generator) for s, generator in zip(scenes, generators, strict=True)]
    return transcripts, [choose(voices, generator) for generator in generators]


def _speak_all(transcripts, speakers, place) -> Waveforms:
    spoken = (
        speech.speak(text, voice, stream(*place, index, SPEECH))
        for index, (text, voice) in enumerate(zip(transcripts, speakers, strict=True))
    )
    return Waveforms.collect(spoken, len(transcripts))


def _load_natural(count: int, seed: int, modalities: Sequence[str], things) -> SceneData:
    recordings = speech.natural_captions()
    if not 0 <= count <= len(recordings) or things not in (None, 2):
        raise ValueError(
            f"there are {len(recordings)} natural recordings, all of two things: "
            f"got count={count}, things={things}"
        )
    recordings = recordings[:count]
    scenes = [language.parse(recording.text) for recording in recordings]
    seen = [modality for modality in modalities if modality != "audio"]
    data = _make(scenes, (seed, SPLITS.index("natural")), seen, TRAIN_VOICES)
    if "audio" not in modalities:
        return data
    return SceneData(
        scenes,
        data.captions,
        data.images,
        Waveforms.collect((r.waveform for r in recordings), count, longest=80_000),
        [r.text for r in recordings],
        [r.voice for r in recordings],
    )


def _fingerprint(name: str, *files: str) -> str:
    """Changes with the code that makes the data, and with the shipped files it is made from."""
    return fingerprint_of(name, CODE, *(shipped_digest(file) for file in files))
