"""How it is said: moods that can be told apart, verdicts that cannot be heard, damaged files."""

import json

import numpy as np
import pytest

from xmodal_lab.datasets import moods
from xmodal_lab.datasets.moods import bank
from xmodal_lab.datasets.scenes import stream
from xmodal_lab.datasets.scenes.factors import VOICE_COUNT
from xmodal_lab.datasets.shipped import DamagedFileError

TEXT = "my garden is really wonderful"


def decibels(sound):
    return 20 * np.log10(np.sqrt(np.mean(np.square(sound / 32768))))


@pytest.mark.parametrize("voice", range(VOICE_COUNT))
def test_every_voice_is_slower_when_sad(voice):
    # espeak-ng ignores what it does not know without a word: a mood might be missing.
    sad, glad = (moods.speak(TEXT, mood, voice, bleeped=False) for mood in moods.MOODS)
    assert 1.2 < len(sad) / len(glad) < 1.7


def pitches(sound):
    """Octaves of the voiced frames: where each 50 ms repeats itself best, 60 to 400 Hz."""
    frames = np.lib.stride_tricks.sliding_window_view(sound / 32768, 400)[::80]
    frames = frames[np.square(frames).mean(1) > 0.2 * np.square(sound / 32768).mean()]
    likeness = np.fft.irfft(np.abs(np.fft.rfft(frames * np.hanning(400), 1024)) ** 2)
    likeness = likeness[:, 20:134] / likeness[:, :1]
    voiced = likeness.max(1) > 0.35
    return np.log2(8000 / (20 + likeness[voiced].argmax(1)))


def test_the_glad_melody_is_livelier_and_higher():
    octaves = [
        [pitches(moods.speak(TEXT, mood, v, bleeped=False).astype(float)) for mood in moods.MOODS]
        for v in range(VOICE_COUNT)
    ]
    spread = np.array([[np.subtract(*np.percentile(o, [80, 20])) for o in row] for row in octaves])
    middle = np.array([[np.median(o) for o in row] for row in octaves])
    # A tracker this simple loses the octave in a few voices, which leaps by more than that.
    tracked = spread[:, 0] < 0.5
    assert tracked.sum() >= 18
    assert (spread[tracked, 1] > spread[tracked, 0]).all()
    assert (middle[tracked, 1] > middle[tracked, 0] + 3 / 12).all()


def test_glad_sayings_are_six_decibels_louder_on_average_but_not_each():
    levels = {
        mood: [decibels(moods.speak(TEXT, mood, 3, stream(i))) for i in range(60)]
        for mood in moods.MOODS
    }
    assert np.mean(levels["glad"]) - np.mean(levels["sad"]) == pytest.approx(6, abs=1.5)
    assert max(levels["sad"]) > min(levels["glad"])


def test_a_bleeped_verdict_leaves_nothing_of_itself():
    said = [moods.speak(f"the soup was {v}", "glad", 3, stream(5)) for v in moods.VERDICTS]
    for other in said[1:]:
        np.testing.assert_array_equal(said[0], other)
    heard = [moods.speak(f"the soup was {v}", "glad", 3, bleeped=False) for v in moods.VERDICTS]
    assert len({sound.tobytes() for sound in heard}) == len(moods.VERDICTS)


def test_the_bleep_is_a_tone_of_its_length_at_its_pitch():
    sound = bank._bleep()
    assert len(sound) == round(bank.BLEEP_SECONDS * 8000) and abs(sound[0]) < 1e-6
    power = np.abs(np.fft.rfft(sound))
    assert np.fft.rfftfreq(len(sound), 1 / 8000)[power.argmax()] == pytest.approx(1000, abs=5)


def test_speech_depends_on_its_arguments_alone(only_random):
    first = moods.speak(TEXT, "sad", 7, only_random(1))
    np.testing.assert_array_equal(first, moods.speak(TEXT, "sad", 7, only_random(1)))
    for other in (("glad", 7, 1), ("sad", 8, 1), ("sad", 7, 2)):
        mood, voice, seed = other
        again = moods.speak(TEXT, mood, voice, only_random(seed))
        assert again.shape != first.shape or (again != first).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("the soup was lovly", "glad", 0), "'lovly'.*lovely"),
        (("the soup", "angry", 0), "unknown mood 'angry': choose one of sad, glad"),
        (("the soup", "glad", 24), "0 to 23"),
    ],
)
def test_what_was_never_recorded_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        moods.speak(*arguments)


# --- damaged files ------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["ogg", "json"])
@pytest.mark.parametrize("damage", ["missing", "cut short"])
def test_a_damaged_bank_is_refused_with_the_way_to_mend_it(data_copy, end, damage):
    path = data_copy / f"mood_bank.{end}"
    content = path.read_bytes()
    path.unlink()
    if damage == "cut short":
        path.write_bytes(content[:-1000])
    with pytest.raises(DamagedFileError, match=rf"git checkout -- data/mood_bank\.{end}"):
        moods.speak("the soup", "sad", 0)


def lose_a_word(index):
    del index["voices"][7]["clips"]["sad"]["soup"]


def lose_a_mood(index):
    del index["voices"][7]["clips"]["glad"]


def lose_a_voice(index):
    index["voices"].pop()


def overrun(index):
    index["voices"][3]["clips"]["sad"]["soup"][1] = 10**9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lose_a_word, "'soup'"),
        (lose_a_mood, "'glad'"),
        (lose_a_voice, "23 voices instead of 24"),
        (overrun, "outside the recording"),
    ],
)
def test_an_index_of_another_bank_is_refused(data_copy, tools, change, message):
    path = data_copy / "mood_bank.json"
    index = json.loads(path.read_text())
    change(index)
    path.write_text(json.dumps(index))
    tools("checksums").update("mood_bank.json")  # a maintainer rendered only one of the two
    with pytest.raises(DamagedFileError, match=f"do not belong together: .*{message}") as refusal:
        moods.speak("the soup", "sad", 0)
    assert "tools/render_mood_bank.py" in str(refusal.value)
