"""A recogniser to play with: what is heard is what is answered."""

import base64
import datetime
import io
import re

import numpy as np
import pytest
import soundfile
import torch

from xmodal_lab.datasets.sounds import UnreadableSound
from xmodal_lab.workbook.demos import recognising as room
from xmodal_lab.workbook.demos.recognising import Noisy, Upload, noisy
from xmodal_lab.workbook.kit import exploring
from xmodal_lab.workbook.kit.figures import alt_of

RATE = 8000
TONE = 0.3 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)
SOUNDS = {"tone": TONE, "steps": (8000 * TONE).astype(np.int16)}
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
    assert "tone, noise at 6 dB" in page and "ontimeupdate" not in page
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
