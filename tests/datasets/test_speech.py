"""Speech: the same everywhere, never clipped, and honest about what it cannot say."""

import json
import shutil

import numpy as np
import pytest

from xmodal_lab.datasets.scenes import speech
from xmodal_lab.datasets.scenes.factors import (
    TRAIN_VOICES,
    VOICE_COUNT,
    sample_scenes,
    split_of,
    stream,
)
from xmodal_lab.datasets.scenes.language import UNITS, describe, parse
from xmodal_lab.datasets.shipped import DamagedFileError, data_folder

CAPTION = "a small crimson star to the left of a large cyan disc"
BANKS = ("word_bank", "natural_captions")


@pytest.fixture
def data_copy(tmp_path, monkeypatch):
    """A copy of the shipped speech that a test may damage."""
    for path in data_folder().iterdir():
        shutil.copy(path, tmp_path / path.name)
    monkeypatch.setenv("XMODAL_DATA", str(tmp_path))
    return tmp_path


def utterances(count):
    scenes = sample_scenes("train", count, things=2)
    return [
        speech.speak(describe(scene, stream(i)), i % VOICE_COUNT, stream(i, 1))
        for i, scene in enumerate(scenes)
    ]


def spectrum(sound):
    """Mean log power (dB) in 64 bands, levels removed."""
    frames = np.lib.stride_tricks.sliding_window_view(sound.astype(float), 256)[::80]
    power = (np.abs(np.fft.rfft(frames * np.hanning(256))) ** 2).mean(0)[:128].reshape(64, 2)
    decibels = 10 * np.log10(power.mean(1) + 1)
    return decibels - decibels.mean()


# --- what is said -------------------------------------------------------------------------------


def test_speech_depends_on_text_voice_and_generator_alone():
    first = speech.speak(CAPTION, 3, stream(5))
    speech.speak("a big moon", 3, stream(6))  # what was said before must not matter
    again = speech.speak(CAPTION, 3, stream(5))
    assert first.dtype == np.int16
    np.testing.assert_array_equal(first, again)
    others = (
        speech.speak(CAPTION, 3, stream(6)),
        speech.speak(CAPTION, 4, stream(5)),
        speech.speak(CAPTION.replace("cyan", "blue"), 3, stream(5)),
    )
    assert all(len(first) != len(other) or (first != other).any() for other in others)


def test_case_and_punctuation_do_not_change_speech():
    np.testing.assert_array_equal(
        speech.speak("A tiny, golden ring.", 1, stream(2)),
        speech.speak("a tiny golden ring", 1, stream(2)),
    )


def test_only_random_is_drawn_from_the_generator():
    class OnlyRandom(np.random.Generator):
        """Other methods may give other values under another version of NumPy."""

        calls = 0

        def __getattribute__(self, name):
            if name != "random" and not name.startswith("_"):
                raise AssertionError(f"speech drew from {name}()")
            OnlyRandom.calls += name == "random"
            return super().__getattribute__(name)

    spoken = speech.speak(CAPTION, 0, OnlyRandom(stream(9).bit_generator))
    assert OnlyRandom.calls > 0
    np.testing.assert_array_equal(spoken, speech.speak(CAPTION, 0, stream(9)))


def test_two_things_take_about_three_seconds():
    seconds = [len(sound) / speech.SAMPLE_RATE for sound in utterances(300)]
    assert 2.6 < np.mean(seconds) < 3.2
    assert min(seconds) > 1.5 and max(seconds) < 4.5


def test_nothing_is_clipped_and_nothing_is_silent():
    for sound in utterances(120):
        level = np.abs(sound.astype(int))
        assert 500 < level.max() < speech.FULL_SCALE
        assert np.sqrt(np.mean(level**2.0)) > 200


def test_a_sound_that_would_clip_is_made_softer_instead():
    sound = np.linspace(-3, 2, 1001, dtype=np.float32)
    steps = speech._quantise(sound, gain=10.0).astype(float)
    assert steps.min() == -speech.FULL_SCALE
    np.testing.assert_allclose(steps / speech.FULL_SCALE, sound / 3, atol=1e-4)


def test_without_a_generator_the_clips_stand_plain_between_even_pauses():
    clips = [speech._word_bank(data_folder())[2][1][unit] for unit in ("a", "tiny", "ring")]
    sound = speech.speak("a tiny ring", 2)
    pause = round(0.0215 * speech.SAMPLE_RATE)
    start = 0
    for clip in clips:
        assert not sound[start : start + pause].any()
        start += pause
        np.testing.assert_allclose(sound[start : start + len(clip)] / 32767, clip, atol=2e-5)
        start += len(clip)
    assert not sound[start:].any() and len(sound) == start + pause


def test_speech_varies_in_rate_loudness_and_noise():
    sounds = [speech.speak(CAPTION, 0, stream(i)).astype(float) for i in range(60)]
    lengths = np.array([len(sound) for sound in sounds]) / len(speech.speak(CAPTION, 0))
    assert 0.85 < lengths.min() < 0.93 and 1.08 < lengths.max() < 1.18
    loudness = np.array([20 * np.log10(np.sqrt(np.mean(sound**2))) for sound in sounds])
    assert 8 < np.ptp(loudness) < 14
    # The first 5 ms are a pause: what is heard there is the noise, 15 to 35 dB below the speech.
    ratio = loudness - [20 * np.log10(np.std(sound[:38]) + 1e-3) for sound in sounds]
    assert 12 < ratio.min() < 19 and 31 < ratio.max() < 38


@pytest.mark.parametrize("rate", [0.88, 0.97, 1.0, 1.12])
def test_change_of_rate_interpolates_linearly(rate):
    sound = stream(1).random(5000).astype(np.float32)
    changed = speech._change_rate(sound, rate)
    places = np.arange(len(changed)) * rate
    assert len(sound) - 1 - 2 * rate <= places[-1] <= len(sound) - 1
    oracle = np.interp(places, np.arange(len(sound)), sound.astype(float))
    np.testing.assert_allclose(changed, oracle, atol=1e-6)


def test_noise_is_white_and_long_enough_for_any_text():
    noise = speech._noise(50_000, 0.3)
    assert abs(noise.mean()) < 0.03 and abs(noise.std() - 1) < 0.03
    assert abs(np.mean(noise[1:] * noise[:-1])) < 0.03
    long_text = " ".join(["a tiny turquoise triangle"] * 20)
    assert len(speech.speak(long_text, 0, stream(0))) > speech.TAPE_LENGTH


@pytest.mark.parametrize("offset", [0.0, 0.5, np.nextafter(1, 0)])
@pytest.mark.parametrize("count", [1, speech.TAPE_LENGTH, speech.TAPE_LENGTH + 1, 300_000])
def test_noise_has_the_length_asked_for(count, offset):
    assert len(speech._noise(count, offset)) == count


# --- who says it --------------------------------------------------------------------------------


def test_every_voice_has_recorded_every_unit():
    assert len(speech.voices()) == len(set(speech.voices())) == VOICE_COUNT
    for voice in range(VOICE_COUNT):
        for unit in UNITS:
            sound = speech.speak(unit, voice)
            assert 0.05 < len(sound) / speech.SAMPLE_RATE < 0.9, (voice, unit)
            assert np.abs(sound).max() > 5000, (voice, unit)


def test_no_two_voices_sound_alike():
    tones = np.array([spectrum(speech.speak(CAPTION, voice)) for voice in range(VOICE_COUNT)])
    apart = np.sqrt(((tones[:, None] - tones[None]) ** 2).mean(-1))
    np.fill_diagonal(apart, np.inf)
    # Where espeak-ng ignores a variant, pitch and speed alone put voices 0.7 to 1.6 dB apart.
    assert apart.min() > 2


@pytest.mark.parametrize("voice", [-1, VOICE_COUNT, True, False])
def test_unknown_voices_are_refused(voice):
    with pytest.raises(ValueError, match="whole number from 0 to 23"):
        speech.speak("a", voice)


@pytest.mark.parametrize("voice", [np.True_, 3.0, np.float32(3), "3", None])
def test_a_voice_is_a_whole_number(voice):
    # Asked of the inner function: with type checks on, speak() refuses these in its own words.
    with pytest.raises(ValueError, match="whole number from 0 to 23"):
        speech.known_voice(voice)


def test_numpy_integers_are_voices():
    np.testing.assert_array_equal(speech.speak("ring", np.int64(5)), speech.speak("ring", 5))


@pytest.mark.parametrize(
    ("text", "message"),
    [("a smal ring", "'small'"), ("", "empty"), ("to the ring", "part of")],
)
def test_unknown_words_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        speech.speak(text, 0)


# --- natural captions ---------------------------------------------------------------------------


def test_natural_captions_tell_test_scenes_in_training_voices():
    recordings = speech.natural_captions()
    assert len(recordings) >= 100
    assert {r.voice for r in recordings} == set(TRAIN_VOICES)
    assert len({parse(r.text).key for r in recordings}) > 90
    for text, _, waveform in recordings:
        scene = parse(text)
        assert len(scene.things) == 2 and split_of(scene) == "test"
        assert waveform.dtype == np.int16 and 1 < len(waveform) / speech.SAMPLE_RATE < 4
        assert 5000 < np.abs(waveform.astype(int)).max() <= speech.FULL_SCALE


def test_changing_a_recording_does_not_change_the_next_one_given_out():
    first = speech.natural_captions()[0].waveform
    kept = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(speech.natural_captions()[0].waveform, kept)


# --- damaged files ------------------------------------------------------------------------------


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


DAMAGES = {
    "missing": lambda path: path.unlink(),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-1000]),
    "empty": lambda path: path.write_bytes(b""),
    "changed": flip_a_byte,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.parametrize("end", ["ogg", "json"])
@pytest.mark.parametrize("bank", BANKS)
def test_damaged_files_are_refused_with_the_way_to_mend_them(data_copy, bank, end, damage):
    damage(data_copy / f"{bank}.{end}")
    with pytest.raises(DamagedFileError, match=rf"git checkout -- data/{bank}\.{end}"):
        speech.natural_captions() if bank == "natural_captions" else speech.speak("a", 0)


def lose_a_unit(index):
    del index["voices"][7]["clips"]["amber"]


def lose_a_voice(index):
    index["voices"].pop()


def overrun(index):
    index["voices"][3]["clips"]["ring"][1] = 10**9


def another_length(index):
    index["samples"] -= 1


def no_clips(index):
    index["voices"][0].pop("clips")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lose_a_unit, "voice 7 has no amber"),
        (lose_a_voice, "23 voices instead of 24"),
        (overrun, "outside the recording"),
        (another_length, "samples at 8000 Hz"),
        (no_clips, "clips"),
    ],
)
def test_an_index_of_another_bank_is_refused(data_copy, tools, change, message):
    path = data_copy / "word_bank.json"
    index = json.loads(path.read_text())
    change(index)
    path.write_text(json.dumps(index))
    tools("checksums").update("word_bank.json")  # a maintainer rendered only one of the two
    with pytest.raises(DamagedFileError, match=f"do not belong together: .*{message}") as refusal:
        speech.speak("a", 0)
    assert "tools/render_word_bank.py" in str(refusal.value)


def test_a_natural_caption_without_its_sound_is_refused(data_copy, tools):
    path = data_copy / "natural_captions.json"
    index = json.loads(path.read_text())
    index["recordings"][5]["start"] = -3
    path.write_text(json.dumps(index))
    tools("checksums").update("natural_captions.json")
    with pytest.raises(DamagedFileError, match="do not belong together"):
        speech.natural_captions()


def test_a_mended_bank_is_read_without_a_restart(data_copy):
    whole = (data_copy / "word_bank.ogg").read_bytes()
    (data_copy / "word_bank.ogg").write_bytes(whole[:-10])
    with pytest.raises(DamagedFileError):
        speech.speak("a", 0)
    (data_copy / "word_bank.ogg").write_bytes(whole)
    assert len(speech.speak("a", 0)) > 0
