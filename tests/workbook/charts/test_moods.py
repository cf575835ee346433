"""Figures of two opinions shade, count and cut where the data say."""

import re

import numpy as np
import pytest

from xmodal_lab.workbook import charts

CORNERS = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
XOR = np.array([False, True, True, False])
AXES = ("voice", "words")


def shaded(axis, x, y):
    """Whether the plane is shaded at a point."""
    (image,) = axis.images
    cells = np.asarray(image.get_array())
    left, right, low, high = image.get_extent()
    row = int((y - low) / (high - low) * cells.shape[0])
    column = int((x - left) / (right - left) * cells.shape[1])
    return bool(cells[row, column])


def test_the_plane_is_shaded_where_the_rule_says_yes():
    rules = {"right": lambda p: p[:, 0], "up": lambda p: p[:, 1], "product": lambda p: -p.prod(1)}
    fig = charts.opinions(CORNERS, XOR, rules, AXES)
    for axis, rule in zip(fig.axes, rules.values(), strict=True):
        said = [shaded(axis, *corner) for corner in CORNERS]
        assert said == (rule(CORNERS) > 0).tolist()
    assert [axis.texts[0].get_text() for axis in fig.axes] == [
        "50 % right",
        "50 % right",
        "100 % right",
    ]
    told = dict(re.findall(r"(right|up|product): [\d.]+ % right, mostly shaded: ([^.]*)", fig.alt))
    assert told == {
        "right": "lower right and upper right",
        "up": "upper left and upper right",
        "product": "lower right and upper left",
    }


def test_yes_and_no_are_told_by_marker_and_lie_where_they_should():
    fig = charts.opinions(CORNERS, XOR, {"": lambda p: p[:, 0]}, AXES, kinds=("odd", "even"))
    odd, even = fig.axes[0].collections
    np.testing.assert_array_equal(odd.get_offsets(), CORNERS[XOR])
    np.testing.assert_array_equal(even.get_offsets(), CORNERS[~XOR])
    assert not np.array_equal(odd.get_paths()[0].vertices, even.get_paths()[0].vertices)


def test_few_dots_are_drawn_and_all_are_counted():
    points = np.concatenate([CORNERS] * 25 + [[[1.0, 1.0]] * 100])
    truth = np.concatenate([XOR] * 25 + [[True] * 100])
    fig = charts.opinions(points, truth, {"": lambda p: -p.prod(1)}, AXES, most=10)
    assert [len(dots.get_offsets()) for dots in fig.axes[0].collections] == [10, 10]
    assert fig.alt.startswith("20 dots") and f"Shares are of {len(points)}" in fig.alt
    assert fig.axes[0].texts[0].get_text() == "50 % right"


def test_tracks_share_time_and_leave_gaps():
    gap = [100.0, np.nan, 120.0]
    sounds = {
        "glad": {"pitch / Hz": ([0, 1, 2], gap), "level / dB": ([0, 1, 2], [1, 2, 3])},
        "sad": {"pitch / Hz": ([0, 4], [80, 90]), "level / dB": ([0, 4], [0, 1])},
    }
    fig = charts.tracks(sounds)
    assert [axis.get_ylabel() for axis in fig.axes] == ["pitch / Hz", "level / dB"]
    assert fig.axes[0].get_xlim() == fig.axes[1].get_xlim()
    np.testing.assert_array_equal(fig.axes[0].lines[0].get_ydata(), gap)
    looks = {(line.get_color(), line.get_linestyle()) for line in fig.axes[0].lines}
    assert len({colour for colour, _ in looks}) == len({style for _, style in looks}) == 2
    assert "pitch / Hz, glad: half above 110" in fig.alt


def test_a_sound_without_any_pitch_is_said_to_have_none():
    silent = {"whisper": {"pitch / Hz": ([0, 1], [np.nan, np.nan])}}
    assert "pitch / Hz, whisper: none found" in charts.tracks(silent).alt


@pytest.mark.parametrize("transposed", [False, True])
def test_rows_of_a_confusion_are_the_truth(transposed):
    counts = np.array([[90, 4], [3, 7]])
    fig = charts.confusion({"test": counts.T if transposed else counts}, ["plain", "ironic"])
    missed = 4 if transposed else 3
    assert f"true ironic, said plain: {missed}" in fig.alt
    notes = {text.get_position(): text.get_text() for text in fig.axes[0].texts}
    assert notes[0, 1] == str(missed) and notes[0, 0] == "90"
    tones = np.asarray(fig.axes[0].images[0].get_array())
    np.testing.assert_allclose(tones.sum(1), 1)  # shares of a row


def test_a_confusion_without_rows_of_a_class_can_be_drawn():
    assert (
        "true ironic, said ironic: 0"
        in charts.confusion({"": [[5, 0], [0, 0]]}, ["plain", "ironic"]).alt
    )


def test_a_threshold_cuts_where_it_stands():
    scores, truth = np.array([0.1, 0.4, 0.6, 0.9]), np.array([False, True, False, True])
    figures = {"recall": [100.0, 50.0, 0.0]}
    fig = charts.threshold(scores, truth, 0.5, figures, [0.0, 0.5, 1.0])
    assert all(0.5 in axis.lines[-1].get_xdata() for axis in fig.axes)
    assert "2 are called ironic, 1 of them rightly" in fig.alt and "recall 50" in fig.alt
    bars = [sum(bar.get_height() for bar in c) for c in fig.axes[0].containers[:2]]
    assert bars == [truth.sum(), (~truth).sum()]
