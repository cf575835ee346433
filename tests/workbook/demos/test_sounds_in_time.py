"""The widgets of sound: what is heard is what is drawn and what is answered."""

import base64
import datetime
import io
import re

import numpy as np
import pytest
import soundfile
import torch

from xmodal_lab.datasets.sounds import UnreadableSound
from xmodal_lab.workbook.demos import sounds_in_time as room
from xmodal_lab.workbook.demos.sounds_in_time import (
    Noisy,
    SpectrogramPlayer,
    TimeAndFrequency,
    Upload,
    clicks_and_tones,
    noisy,
)
from xmodal_lab.workbook.kit import exploring
from xmodal_lab.workbook.kit.figures import alt_of

RATE = 8000
TONE = 0.3 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)
SOUNDS = {"tone": TONE, "half": TONE[: RATE // 2], "steps": (8000 * TONE).astype(np.int16)}
CLASSES = ["low", "high", "silence"]


def answer(waveform):
    """Sure of 'low' and 'high' by what it hears; remembers it."""
    answer.heard = waveform
    strongest = np.abs(np.fft.rfft(waveform)).argmax() / len(waveform) * RATE
    return torch.tensor([0.9, 0.1, 0.0] if strongest < 1000 else [0.2, 0.7, 0.1])


def played(page) -> np.ndarray:
    """The samples behind a page's player."""
    sound = base64.b64decode(re.search(r"audio/wav;base64,([^\"]+)", page)[1])
    samples, rate = soundfile.read(io.BytesIO(sound))
    assert rate == RATE
    return samples


# --- the player -------------------------------------------------------------------------------


def test_the_player_plays_what_it_shows():
    page = SpectrogramPlayer(SOUNDS, RATE).play("half")
    np.testing.assert_allclose(played(page), SOUNDS["half"], atol=1e-4)
    assert alt_of(page) == (
        "A player of “half”, 0.5 s; below it its waveform, its log-mel spectrogram."
    )
    assert f'alt="{alt_of(page)}"' in page and "image/png;base64" in page


def test_traces_are_those_of_the_sound_that_plays(monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        room.hearing, "gates", lambda s, r, f, traces, words: drawn.update(traces) or _figure(words)
    )
    words = {"tone": [("one", 0.1, 0.2)]}
    page = SpectrogramPlayer(SOUNDS, RATE, lambda s: {"length": np.full(4, len(s))}, words)
    assert "and the traces length" in alt_of(page.play("half"))
    assert drawn["length"].tolist() == [4000] * 4


def _figure(words):
    from matplotlib.figure import Figure

    assert words == ()  # those of another sound are not marked
    return Figure()


def test_a_pointer_moves_over_the_panels():
    page = SpectrogramPlayer(SOUNDS, RATE).play()
    assert "ontimeupdate" in page and "left:8.5%" in page
    assert "ontimeupdate" not in Noisy(SOUNDS, RATE, answer, CLASSES).play()


@pytest.mark.parametrize("count", [1, 200, 255])
def test_a_sound_shorter_than_a_window_is_shown(count):
    assert "0.0 s" in alt_of(SpectrogramPlayer({"a": TONE[:count]}, RATE).play())


def test_a_sound_that_is_not_there():
    with pytest.raises(ValueError, match="no sound 'none': choose one of tone, half, steps"):
        SpectrogramPlayer(SOUNDS, RATE).play("none")


# --- time against frequency -------------------------------------------------------------------


def parted(power, first: int, second: int) -> float:
    """How many dB lie between two places and the deepest one between them."""
    levels = 10 * np.log10(power[first : second + 1])
    return float(min(levels[0], levels[-1]) - levels.min())


@pytest.mark.parametrize("milliseconds", [2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 32, 64, 128])
def test_no_window_parts_both_the_clicks_and_the_tones(milliseconds):
    samples = clicks_and_tones()
    levels = TimeAndFrequency({"both": samples}, RATE, hop=0.001).levels(samples, milliseconds)
    power, bins = 10 ** (levels / 10), levels.shape[1]
    clicks = parted(power[:, bins * 3 // 4 :].mean(1), 250, 258)  # from 3 kHz on: no tone there
    places = [round(hertz * (bins - 1) / 4000) for hertz in (1425, 1575)]
    tones = parted(power[80:170].mean(0), *places)  # before the clicks
    assert min(clicks, tones) < 4
    assert (clicks > 15) == (milliseconds <= 10) and (tones > 10) == (milliseconds >= 20)


def test_a_steady_tone_has_one_level_through_every_window():
    picture = TimeAndFrequency(SOUNDS, RATE)
    peaks = [picture.levels(TONE, ms)[200:300].max() for ms in (8, 32, 128)]
    assert np.ptp(peaks) < 0.5 and peaks[0] == pytest.approx(20 * np.log10(0.3), abs=0.5)


def test_windows_are_compared_side_by_side():
    fig = TimeAndFrequency(SOUNDS, RATE).compare([4, 64], "half")
    titles = [axis.get_title() for axis in fig.axes[:2]]
    assert titles == ["window of 4 ms", "window of 64 ms"]
    assert "“half”" in alt_of(fig) and "a window of 64 ms tells apart 31.2 Hz and 64 ms" in fig.alt
    with pytest.raises(ValueError, match="window of 0 ms has 0 samples"):
        TimeAndFrequency(SOUNDS, RATE).look(milliseconds=0)


# --- noise ------------------------------------------------------------------------------------


@pytest.mark.parametrize("decibels", [-5, 0, 20])
def test_the_noise_is_as_loud_as_asked(decibels):
    noise = noisy(TONE, decibels) - TONE
    found = 10 * np.log10(np.square(TONE).mean() / np.square(noise).mean())
    assert found == pytest.approx(decibels, abs=1e-6)
    assert np.corrcoef(noise, noisy(TONE, decibels + 10) - TONE)[0, 1] == pytest.approx(1)


def test_what_is_played_is_what_is_answered():
    page = Noisy(SOUNDS, RATE, answer, CLASSES).play("tone", 6)
    assert answer.heard.dtype == np.float32
    peak = max(1, np.abs(answer.heard).max())
    np.testing.assert_allclose(played(page), answer.heard / peak, atol=1e-4)
    assert "tone, noise at 6 dB" in page
    assert "low ≈ 0.90, high ≈ 0.10, silence ≈ 0.00" in alt_of(page)


def test_sixteen_bit_steps_reach_the_recogniser_as_parts_of_1():
    Noisy(SOUNDS, RATE, answer, CLASSES).play("steps", 60)
    assert np.abs(answer.heard).max() == pytest.approx(8000 * 0.3 / 32768, rel=0.05)


def test_of_many_classes_the_likeliest_are_told_on_a_live_page_alone(monkeypatch):
    found = np.linspace(0, 1, 40)
    names = [f"word {i}" for i in range(40)]
    page = Noisy(SOUNDS, RATE, lambda _: found, names)
    monkeypatch.setattr(room, "is_static", lambda: False)
    assert "the answer: word 39 ≈ 1.00, word 38" in alt_of(page.play())
    assert "word 10" not in alt_of(page.play())
    monkeypatch.setattr(room, "is_static", lambda: True)
    assert alt_of(page.play()).endswith("the answer: the highest as bars.")


def test_another_number_of_probabilities():
    with pytest.raises(ValueError, match="3 classes need as many probabilities, got 2"):
        Noisy(SOUNDS, RATE, lambda _: np.ones(2), CLASSES).play()


# --- a file of one's own ----------------------------------------------------------------------


def wave(samples, rate=RATE, kind="WAV") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind)
    return buffer.getvalue()


def uploaded(content, version, name="mine.wav"):
    """The value of a FileUpload of either version of ipywidgets."""
    if version == 7:
        return {name: {"metadata": {"name": name}, "content": content}}
    now = datetime.datetime.now(datetime.timezone.utc)
    return ({"name": name, "type": "audio/wav", "size": len(content), "last_modified": now,
             "content": memoryview(content)},)  # fmt: skip


@pytest.mark.parametrize("version", [7, 8])
@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG"])
def test_a_file_is_heard_at_the_recognisers_rate(version, kind):
    high = 0.3 * np.sin(2 * np.pi * 2000 * np.arange(22050) / 44100)
    page = Upload(answer, CLASSES, RATE).hear(uploaded(wave(high, 44100, kind), version))
    assert len(answer.heard) == pytest.approx(RATE / 2, abs=2)
    assert "“mine.wav”, 0.5 s" in alt_of(page) and "high ≈ 0.70" in alt_of(page)


@pytest.mark.parametrize("empty", ["", (), {}])
def test_before_a_file_is_chosen_the_limits_are_told(empty):
    page = Upload(answer, CLASSES, RATE, seconds=3, megabytes=1).hear(empty)
    assert "choose a WAV, FLAC or Ogg file of up to 3 seconds and 1 megabytes" in page


def test_a_file_that_is_none_too_long_or_too_large():
    upload = Upload(answer, CLASSES, RATE, seconds=1, megabytes=0.03)
    for content, said in (
        (b"no sound", "^mine.wav is no WAV"),
        (wave(np.zeros(RATE + 1)), "^mine.wav lasts 1 s, the limit is 1 s"),
        (wave(np.zeros(2 * RATE)), r"^mine.wav has 0.0 MB, the limit is 0.03"),
    ):
        with pytest.raises(UnreadableSound, match=said):
            upload.hear(uploaded(content, 8))


def test_a_name_cannot_smuggle_in_a_script():
    page = Upload(answer, CLASSES, RATE).hear(uploaded(wave(TONE), 8, "<script>x</script>.wav"))
    assert "<script>" not in page


def test_the_button_in_a_live_notebook(monkeypatch):
    """Nothing to press where a notebook is recorded; a file changes the page where it is live."""
    import ipywidgets

    upload = Upload(answer, CLASSES, RATE)
    assert upload.control() == ""
    monkeypatch.setattr(room, "is_static", lambda: False)
    monkeypatch.setattr(room, "in_notebook", lambda: True)
    button = upload.control()
    assert isinstance(button, ipywidgets.FileUpload) and button.accept == ".wav,.flac,.ogg"
    box = exploring.view(upload.hear, None, {"file": button})
    page = box.children[3]
    assert "No sound yet" in page.value
    button.set_trait("value", uploaded(wave(TONE), int(ipywidgets.__version__.split(".")[0])))
    assert "mine.wav" in page.value and "low ≈ 0.90" in page.value
    button.set_trait("value", uploaded(b"no", int(ipywidgets.__version__.split(".")[0])))
    assert "mine.wav is no WAV" in box.children[1].value and page.value == ""
