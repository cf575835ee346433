"""A line to turn and a threshold to move do what they say."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from xmodal_lab.workbook.demos.two_opinions import LEVELS, StraightLine, Threshold

CORNERS = np.array([[-3.0, -1.0], [-3.0, 1.0], [3.0, -1.0], [3.0, 1.0]])
XOR = np.array([False, True, True, False])


def test_no_straight_line_is_right_on_four_corners_of_xor():
    line = StraightLine(CORNERS, XOR, ("voice", "words"))
    found = {line.right(a, s) for a in range(0, 360, 5) for s in np.linspace(-2, 2, 41)}
    assert max(found) == 75 and min(found) == 25
    angle, shift, right = line.best()
    assert right == 75 == line.right(angle, shift)


def test_a_line_is_right_where_one_opinion_decides():
    line = StraightLine(CORNERS, CORNERS[:, 1] > 0, ("voice", "words"))
    assert line.right(90, 0) == 100 and line.right(270, 0) == 0 and line.right(0, 0) == 50


def test_what_is_drawn_is_what_is_counted():
    line = StraightLine(CORNERS, XOR, ("voice", "words"))
    fig = line.draw(135, 0.5)
    assert fig.axes[0].texts[0].get_text() == f"{line.right(135, 0.5):.0f} % right" == "75 % right"
    assert "mostly shaded: upper left" in fig.alt


@pytest.fixture
def judged():
    generator = np.random.default_rng(0)
    truth = generator.random(600) < 0.5
    return 1 / (1 + np.exp(-2 * truth + 1 - generator.normal(size=600))), truth


def test_figures_are_those_of_the_rows_that_stay(judged):
    scores, truth = judged
    cutter = Threshold(scores, truth)
    right = cutter.cut(0.5, 10).axes[1]
    few = np.flatnonzero(truth)[: round((~truth).sum() / 9)]
    rows = np.concatenate([np.flatnonzero(~truth), few])
    said = scores[rows] >= LEVELS[20]
    lines = {line.get_label(): line.get_ydata()[20] for line in right.lines[:-1]}
    assert lines["precision"] == pytest.approx(100 * precision_score(truth[rows], said))
    assert lines["recall"] == pytest.approx(100 * recall_score(truth[rows], said))
    assert lines["F1"] == pytest.approx(100 * f1_score(truth[rows], said))
    assert lines["accuracy"] == pytest.approx(100 * (said == truth[rows]).mean())


def test_precision_falls_with_the_rare_class_and_recall_need_not(judged):
    cutter = Threshold(*judged)
    at = {share: cutter.cut(0.5, share).axes[1].lines[1].get_ydata()[24] for share in (40, 10, 2)}
    assert at[40] > at[10] > at[2]


@pytest.mark.parametrize("rare", [0, 100, 90])
def test_an_impossible_share_is_refused(judged, rare):
    with pytest.raises(ValueError, match=f"cannot make {rare} % of these rows ironic"):
        Threshold(*judged).cut(0.5, rare)
