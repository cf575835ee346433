"""Figures of sound put every sample, band and word where it belongs."""

import numpy as np
import pytest
import torch
from matplotlib.image import AxesImage

from xmodal_lab.encoders.audio import LogMel
from xmodal_lab.workbook import charts
from xmodal_lab.workbook.charts import hearing
from xmodal_lab.workbook.kit.figures import alt_of

TONE = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)


def brightest(axis) -> tuple[float, float]:
    """Where on the axes the brightest cell of a picture has its middle."""
    (image,) = (i for i in axis.images if isinstance(i, AxesImage))
    cells = np.asarray(image.get_array())
    row, column = np.unravel_index(cells.argmax(), cells.shape)
    left, right, low, high = image.get_extent()
    return (
        left + (column + 0.5) * (right - left) / cells.shape[1],
        low + (row + 0.5) * (high - low) / cells.shape[0],
    )


def test_16_bit_steps_are_parts_of_the_loudest_possible():
    steps = np.array([-32768, 0, 16384], np.int16)
    assert hearing.level(steps).tolist() == [-1, 0, 0.5]
    fig = charts.waveforms({"steps": steps}, 8000)
    assert fig.axes[0].lines[0].get_ydata().tolist() == [-1, 0, 0.5]


def test_waveforms_share_time_and_pressure_unless_told_otherwise():
    heard = {"long": 0.5 * TONE, "short and soft": 0.01 * TONE[:4000]}
    fig = charts.waveforms(heard, 8000)
    assert {axis.get_xlim() for axis in fig.axes} == {(0, 1)}
    assert len({axis.get_ylim() for axis in fig.axes}) == 1
    assert fig.axes[1].lines[0].get_xdata()[-1] == pytest.approx(0.5, abs=1e-3)
    own = charts.waveforms(heard, 8000, shared=False).axes[1].get_ylim()
    assert own == pytest.approx((-0.0105, 0.0105))
    assert "short and soft: 0.5 s, largest 0.01" in alt_of(fig)


def test_few_samples_are_seen_one_by_one():
    one = charts.waveforms({"a": TONE}, 8000, (0.1, 0.102)).axes[0]
    assert one.get_xlim() == (0.1, 0.102) and one.lines[0].get_marker() == "o"
    assert charts.waveforms({"a": TONE}, 8000).axes[0].lines[0].get_marker() in ("", "None")


def test_silence_can_be_drawn():
    assert "largest 0" in alt_of(charts.waveforms({"nothing": np.zeros(100)}, 8000))


def test_a_tone_stands_at_its_frequency():
    spectrum = torch.stft(torch.from_numpy(TONE), 256, 160, window=torch.hann_window(256).double(),
                          center=False, return_complex=True)  # fmt: skip
    fig = charts.spectrogram({"tone": spectrum.abs().log().T.numpy()}, 0.02, 4000)
    assert brightest(fig.axes[0])[1] == pytest.approx(1000, abs=4000 / 128)
    assert "and 1,000 Hz" in alt_of(fig)


@pytest.mark.parametrize("hertz", [300, 1000, 3000])
def test_on_the_mel_scale_too(hertz):
    transform = LogMel()
    tone = np.sin(2 * np.pi * hertz * np.arange(8000) / 8000)
    frames = transform.mel(torch.from_numpy(tone).float()).log().T.numpy()
    fig = charts.spectrogram({"tone": frames}, 0.02, 4000, "mel")
    axis = fig.axes[0]
    ticks = dict(
        zip((t.get_text() for t in axis.get_yticklabels()), axis.get_yticks(), strict=True)
    )
    assert [*ticks] == ["0", "250", "500", "1000", "2000", "4000"]
    places, wanted = list(ticks.values()), [float(t) for t in ticks]
    found = np.interp(brightest(axis)[1], places, wanted)
    assert found == pytest.approx(hertz, rel=0.15)


def test_a_loud_moment_stands_at_its_time():
    levels = np.zeros((50, 20))
    levels[30] = 1
    levels[30, 4] = 2
    fig = charts.spectrogram({"one": levels, "other": levels - 5}, 0.02, 1900)
    for axis in fig.axes[:2]:
        assert brightest(axis) == pytest.approx((0.61, 400))
    one, other = (axis.images[0] for axis in fig.axes[:2])
    assert one.get_clim() == other.get_clim() == (-5, 2)  # one scale of colours


def test_few_filters_are_lines_and_many_are_rows():
    few, many = np.eye(129)[:, ::10], np.eye(129)[:, ::4]
    fig = charts.filter_bank({"few": few, "many": many}, 4000)
    lines = fig.axes[0].lines
    assert len(lines) == 13 and not fig.axes[0].images
    assert lines[3].get_xdata()[lines[3].get_ydata().argmax()] == pytest.approx(30 * 4000 / 128)
    assert np.asarray(fig.axes[1].images[0].get_array()).shape == (33, 129)
    assert "13 filters, their strongest frequencies from 0 to 3,750 Hz" in alt_of(fig)


@pytest.mark.parametrize("steps", [3, 25])
def test_traces_and_words_share_the_time_of_the_waveform(steps):
    units = np.stack([np.arange(steps), np.arange(steps) + 2.0], axis=1)
    fig = charts.gates(TONE, 8000, np.zeros((49, 40)), {"update": units}, [("one", 0.2, 0.6)])
    assert {axis.get_xlim() for axis in fig.axes} == {(0, 1)}
    line = fig.axes[2].lines[0]
    np.testing.assert_allclose(line.get_xdata(), (np.arange(steps) + 0.5) / steps)
    np.testing.assert_allclose(line.get_ydata(), np.arange(steps) + 1)
    for axis in fig.axes:
        assert [mark.get_xdata()[0] for mark in axis.lines[-2:]] == [0.2, 0.6]
    assert fig.axes[0].texts[0].get_position()[0] == pytest.approx(0.4)
    assert "“one” from 0.2 to 0.6 s" in alt_of(fig)


def test_a_player_knows_where_its_panels_begin_and_end():
    fig = charts.gates(TONE, 8000, np.zeros((49, 40)), {"update": np.zeros(5)})
    fig.canvas.draw()
    for axis in fig.axes:
        place = axis.get_position()
        assert (place.x0, place.x1) == pytest.approx((hearing.LEFT, hearing.RIGHT))


def test_without_a_network_there_are_two_panels():
    assert len(charts.gates(TONE, 8000, np.zeros((49, 40)), {}).axes) == 2
