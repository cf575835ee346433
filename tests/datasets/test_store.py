"""Loading is a pure function of its arguments: the same rows anywhere, at any time."""

import inspect

import numpy as np
import pytest
from digest import digest

from xmodal_lab.datasets.scenes import (
    HELD_OUT_VOICES,
    MODALITIES,
    SPLITS,
    TRAIN_VOICES,
    load,
    minimal_pairs,
    natural_captions,
    parse,
    sample_scenes,
    split_of,
)
from xmodal_lab.tasks.order import order_questions

COUNT = 6
START = "from digest import digest; from xmodal_lab.datasets import scenes; "


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("split", SPLITS)
def test_loading_twice_gives_the_same_bytes(split):
    made = load(split, COUNT, 2)
    assert len(made) == COUNT and made.modalities == MODALITIES
    assert digest(made) == digest(load(split, COUNT, 2))
    assert split == "natural" or digest(made) != digest(load(split, COUNT, 3))


@pytest.mark.slow
def test_two_processes_at_once_anywhere_with_any_hash_seed_give_the_same_bytes(
    tmp_path, folder, python
):
    # Both find an empty cache and write the same files at the same time.
    code = START + f"print(*(digest(scenes.load(s, {COUNT}, 2)) for s in scenes.SPLITS))"
    started = [
        python(code, cwd=tmp_path, environment={"PYTHONHASHSEED": str(seed)}) for seed in (1, 2)
    ]
    ended = [process.communicate(timeout=120) for process in started]
    assert [notices for _, notices in ended] == ["", ""]
    expected = [digest(load(split, COUNT, 2)) for split in SPLITS]
    assert [output.split() for output, _ in ended] == [expected, expected]
    assert files(folder) and all(name.endswith(".safetensors") for name in files(folder))


def test_a_longer_data_set_starts_with_the_shorter_one():
    for split in SPLITS:
        few, many = load(split, 3, 4), load(split, 7, 4)
        assert digest(many.select(range(3))) == digest(few), split


@pytest.mark.parametrize("wanted", [(), ("text",), ("image",), ("audio",), ("audio", "text")])
def test_a_modality_is_the_same_with_and_without_the_others(wanted):
    for split in ("train", "natural"):
        whole, part = load(split, COUNT), load(split, COUNT, modalities=wanted)
        assert part.modalities == tuple(m for m in MODALITIES if m in wanted)
        assert part.scenes == whole.scenes
        if "text" in wanted:
            assert part.captions == whole.captions
        if "image" in wanted:
            np.testing.assert_array_equal(part.images, whole.images)
        if "audio" in wanted:
            np.testing.assert_array_equal(part.waveforms.samples, whole.waveforms.samples)
            assert (part.transcripts, part.voices) == (whole.transcripts, whole.voices)


def test_rows_mean_what_they_say():
    data = load("val", 12, 1)
    for row, scene in enumerate(data.scenes):
        assert parse(data.captions[row]).key == parse(data.transcripts[row]).key == scene.key
        assert len(data.waveforms[row]) > 4000
    assert data.images.shape == (12, 3, 32, 32) and data.images.dtype == np.uint8


def test_what_is_spoken_is_drawn_independently_of_what_is_written():
    data = load("train", 200, 1, ["text", "audio"], things=2)
    written, spoken = (
        np.array([parse(text) != s for text, s in zip(texts, data.scenes, strict=True)])
        for texts in (data.captions, data.transcripts)
    )
    assert 0.35 < written.mean() < 0.65 and 0.35 < spoken.mean() < 0.65
    assert 0.35 < (written == spoken).mean() < 0.65
    assert sum(a == b for a, b in zip(data.captions, data.transcripts, strict=True)) < 10


def test_training_voices_train_and_held_out_voices_speak_new_voices_only():
    for split in SPLITS:
        voices = load(split, 90, modalities=["audio"], things=None).voices
        allowed = HELD_OUT_VOICES if split == "new_voices" else TRAIN_VOICES
        assert set(voices) <= set(allowed)
        assert len(set(voices)) > 0.8 * len(allowed), split


def test_natural_captions_are_the_recordings_as_they_are():
    recordings = natural_captions()
    data = load("natural", len(recordings), modalities=["text", "audio"])
    for row, (text, voice, waveform) in enumerate(recordings):
        assert (data.transcripts[row], data.voices[row]) == (text, voice)
        assert parse(text) == data.scenes[row] and parse(data.captions[row]).key == parse(text).key
        np.testing.assert_array_equal(data.waveforms[row], waveform)
        assert split_of(data.scenes[row]) == "test"
    assert load("natural", 5, seed=1).captions != load("natural", 5, seed=2).captions
    assert load("natural", 5, things=2).scenes == data.scenes[:5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "dev"}, "unknown split 'dev': choose one of train.*natural"),
        ({"modalities": ["text", "video"]}, r"unknown modalities \['video'\].*text, image, audio"),
        ({"count": -1}, "got -1"),
        ({"things": 3}, "got 4 and 3"),
        ({"seed": -1}, "non-negative"),
        ({"split": "natural", "count": 10_000}, "there are 100 natural .*got count=10000"),
        ({"split": "natural", "count": -1}, "got count=-1"),
        ({"split": "natural", "things": 1}, "all of two things: got count=4, things=1"),
        ({"split": "natural", "things": 3}, "things=3"),
    ],
)
def test_what_does_not_exist_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        load(**{"count": 4, **arguments})


def test_a_single_name_is_not_a_list_of_modalities():
    with pytest.raises(ValueError, match="unknown modalities"):
        load("train", 2, modalities="image")


@pytest.mark.parametrize("split", ["train", "natural"])
def test_no_rows_are_a_data_set_too(split):
    for _ in range(2):
        data = load(split, 0)
        assert len(data) == len(data.waveforms) == 0 and data.images.shape == (0, 3, 32, 32)


@pytest.mark.parametrize("function", [load, sample_scenes, minimal_pairs, order_questions])
def test_split_count_and_seed_come_in_one_order(function):
    names = list(inspect.signature(function).parameters)
    place = names.index("split")
    assert names[place : place + 3] == ["split", "count", "seed"]
