"""The widgets that show sounds in time: what is heard is what is drawn."""

import base64
import io
import re

import numpy as np
import pytest
import soundfile

from xmodal_lab.workbook.demos import sounds_in_time as room
from xmodal_lab.workbook.demos.sounds_in_time import (
    SpectrogramPlayer,
    TimeAndFrequency,
    clicks_and_tones,
)
from xmodal_lab.workbook.kit.figures import alt_of

RATE = 8000
TONE = 0.3 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)
SOUNDS = {"tone": TONE, "half": TONE[: RATE // 2]}


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

    def gates(samples, rate, frames, traces, words, ylabel):
        drawn.update(traces, ylabel=ylabel)
        return _figure(words)

    monkeypatch.setattr(room.hearing, "gates", gates)
    words = {"tone": [("one", 0.1, 0.2)]}
    page = SpectrogramPlayer(
        SOUNDS, RATE, lambda s: {"length": np.full(4, len(s))}, words, "samples"
    )
    assert "and the traces length" in alt_of(page.play("half"))
    assert drawn["ylabel"] == "samples"
    assert drawn["length"].tolist() == [4000] * 4


def _figure(words):
    from matplotlib.figure import Figure

    assert words == ()  # those of another sound are not marked
    return Figure()


def test_a_pointer_moves_over_the_panels():
    page = SpectrogramPlayer(SOUNDS, RATE).play()
    assert "ontimeupdate" in page and "left:8.5%" in page


@pytest.mark.parametrize("count", [1, 200, 255])
def test_a_sound_shorter_than_a_window_is_shown(count):
    assert "0.0 s" in alt_of(SpectrogramPlayer({"a": TONE[:count]}, RATE).play())


def test_a_sound_that_is_not_there():
    with pytest.raises(ValueError, match="no sound 'none': choose one of tone, half"):
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
