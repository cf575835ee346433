"""Figures and cards of scenes: what they show is what was asked for."""

import re

import numpy as np
import pytest
import torch

from xmodal_lab.datasets import scenes
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.workbook import charts
from xmodal_lab.workbook.charts import pictures
from xmodal_lab.workbook.demos.answers import Answers, cards
from xmodal_lab.workbook.kit.figures import render


@pytest.fixture(scope="module")
def data():
    return scenes.from_scenes(scenes.sample_scenes("test", 8, 3), seed=3)


def test_cards_show_the_rows_in_order_with_words_and_sounds(data):
    page = cards(data, [5, 2], scores=[0.913, 0.5], heading="found <these>")
    alts = re.findall(r'<img alt="([^"]*)"', page)
    assert alts == [f"Picture 1: {data.captions[5]}", f"Picture 2: {data.captions[2]}"]
    assert page.count("<audio") == 2
    assert data.transcripts[5] in page
    assert "≈ 0.91" in page
    assert "found &lt;these&gt;" in page


def test_cards_show_only_what_is_asked_for(data):
    assert "<audio" not in cards(data, [0], show=["image"])
    assert "<img" not in cards(data, [0], show=["audio"])


def test_the_right_answer_alone_is_framed(data):
    fig = pictures.spoken_search(data.waveforms[0], "words", data, [3, 0, 5], right=0)
    framed = [bool(axis.patches) for axis in fig.axes[1:]]
    assert framed == [False, True, False]


def test_a_grid_shows_each_picture_as_it_is(data):
    fig = pictures.scene_grid(data, [4, 1, 7], columns=2)
    shown = [axis.images[0].get_array() for axis in fig.axes if axis.images]
    for row, image in zip([4, 1, 7], shown, strict=True):
        assert np.array_equal(image, data.images[row].transpose(1, 2, 0))


def test_a_spectrogram_of_a_tone_peaks_at_its_pitch():
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / scenes.SAMPLE_RATE)
    from matplotlib.figure import Figure

    axis = Figure().subplots()
    pictures.spectrogram(axis, tone)
    levels = axis.images[0].get_array()
    bottom, top = axis.images[0].get_extent()[2:]
    peak = (levels.mean(axis=1).argmax() / (levels.shape[0] - 1)) * (top - bottom) + bottom
    assert peak == pytest.approx(1.0, abs=0.05)


def test_a_table_writes_every_number():
    fig = charts.results_table({"a": {"x": 1.25, "y": 99.0}, "b": {"x": 50.0}})
    written = {text.get_text() for text in fig.axes[0].texts}
    assert {"1.2", "99.0", "50.0", "–"} <= written


def test_a_training_figure_draws_all_curves_and_floors():
    points = {m: np.random.default_rng(0).normal(size=(5, 2)) for m in ("text", "image", "audio")}
    curves = {"text→image R@1": [(0, 1.0), (40, 60.0)], "audio→image R@1": [(0, 1.0), (40, 30.0)]}
    fig = charts.training(
        [5.0, 4.0, 1.0], curves, {"text→image R@1": 9.0}, [points, points], links=[0], steps=480
    )
    loss, recall, then, now = fig.axes
    assert loss.get_xlim() == recall.get_xlim() == (0, 480)
    assert list(loss.lines[0].get_ydata()) == [5.0, 4.0, 1.0]
    drawn = [list(line.get_ydata()) for line in recall.lines]
    assert sorted(drawn) == [[1.0, 30.0], [1.0, 60.0], [9.0, 9.0]]  # two curves and one floor
    assert len(then.collections) >= 3 and len(now.collections) >= 3
    assert render(fig)[0].startswith(b"\x89PNG")


def test_bars_stand_as_high_as_they_should():
    groups = {"seen": {"colour": 99.0, "shape": 60.0}, "new": {"colour": 98.0, "shape": 30.0}}
    axis = charts.bars(groups, "attribute", "accuracy / %", {"colour": 12.5, "shape": 12.5}).axes[0]
    assert [patch.get_height() for patch in axis.patches] == [99.0, 60.0, 98.0, 30.0]


@pytest.mark.parametrize("height", [2.0, 8.0, 12.0, 13.0, 40.0])
def test_the_line_of_chance_does_not_cross_a_number(height):
    axis = charts.bars({"seen": {"shape": height}}, "attribute", "right / %", 12.5).axes[0]
    (number,) = (text for text in axis.texts if text.get_text() == f"{height:.1f}")
    axis.figure.canvas.draw()
    low, high = axis.transData.inverted().transform(number.get_window_extent())[:, 1]
    assert low > height and not low < 12.5 < high


def test_what_is_asked_for_is_hidden_in_the_gallery_and_framed(data):
    torch.manual_seed(0)
    answers = Answers(JointSpace.standard(), data)
    page = answers.ask("a tiny red box over a huge blue disc", pictures=10, voices=10)
    # All eight and two guests are shown, so the guests are among them, in both modalities.
    assert page.count("<img") == page.count("<audio") == 10
    assert page.count("✓ asked for") == page.count("⇄ its twin") == 2
    assert "10 pictures (✓ asked for is number" in page.alt and "10 players" in page.alt
    heard = answers.hear("a tiny red box", voice=21, pictures=9)
    assert heard.count("<img") == 9 and heard.count("<audio") == 1
    assert heard.count("✓ asked for") == 1 and "⇄" not in heard
    assert heard.alt.startswith("A player of voice 21.")
    place = int(re.search(r"✓ asked for is number (\d)", heard.alt).group(1))
    cards_found = heard.split("<img")[1:]
    assert ["✓ asked for" in card for card in cards_found].index(True) + 1 == place
    for wrong, told in (("a tiny redd box", "did you mean 'red'"), ("red box", "cannot read")):
        with pytest.raises(ValueError, match=told):
            answers.ask(wrong)
