"""Figures of attention light the cells with weight and frame the true thing."""

import numpy as np
import pytest

from xmodal_lab.workbook import charts
from xmodal_lab.workbook.charts.fusing import mixture
from xmodal_lab.workbook.kit.figures import alt_of


def picture(count=1):
    return np.full((count, 3, 16, 16), 200, np.uint8)


def spot(line, column, count=1):
    weights = np.zeros((count, 4, 4))
    weights[:, line, column] = 1
    return weights


def lights(axis):
    """How bright each cell of 4 × 4 is drawn, beside the picture itself."""
    shown = np.asarray(axis.images[0].get_array())[..., 0]
    return shown.reshape(4, 4, 4, 4).mean((1, 3)) / (200 / 255)


def test_only_the_cell_that_is_looked_at_is_as_bright_as_the_picture():
    plain, lit = charts.spotlights(picture(), {"look": spot(1, 2)}).axes
    np.testing.assert_allclose(lights(plain), 1)
    seen = lights(lit)
    assert seen[1, 2] == pytest.approx(1)
    assert np.delete(seen.ravel(), 6).max() < 0.5


@pytest.mark.parametrize(
    ("box", "told"), [((8, 4, 12, 8), ", in the"), ((0, 0, 4, 4), ", outside the")]
)
def test_the_heaviest_cell_is_told_to_lie_in_the_box_or_outside(box, told):
    fig = charts.spotlights(picture(), {"look": spot(1, 2)}, boxes={"look": np.array([box])})
    assert f"heaviest cell upper right{told} dashed box, 100 % of the weight" in alt_of(fig)
    (frame,) = fig.axes[1].patches
    assert (frame.get_x() + 0.5, frame.get_y() + 0.5) == box[:2]
    assert (frame.get_width(), frame.get_height()) == (4, 4)


def test_a_thing_that_is_not_there_has_no_box():
    fig = charts.spotlights(
        picture(), {"look": spot(0, 0)}, boxes={"look": np.full((1, 4), np.nan)}
    )
    assert not fig.axes[1].patches and "dashed" not in alt_of(fig)


def test_an_arrow_leads_from_look_to_look():
    looks = {"first": spot(0, 0), "second": spot(3, 2)}
    fig = charts.spotlights(picture(), looks, arrows=True)
    assert [len(axis.patches) for axis in fig.axes] == [0, 0, 1]
    assert fig.axes[2].patches[0]._posA_posB == [(1.5, 1.5), (9.5, 13.5)]


def test_several_questions_stand_in_columns_with_their_answers():
    looks = {"first": spot(0, 0, 3)}
    fig = charts.spotlights(picture(3), looks, ["a?", "b?", "c?"], ["red", "blue", "2"])
    assert [axis.get_title() for axis in fig.axes[:3]] == ["a?", "b?", "c?"]
    assert "“b?”" in alt_of(fig) and "blue" in alt_of(fig)


def test_weights_of_the_noisy_modality_are_drawn_thickest():
    found = {"text": [0.5, 0.2], "image": [0.5, 0.8]}
    fig = charts.weights_by_noise({"text": found, "image": found}, [0, 1], "noise")
    for axis, noisy in zip(fig.axes, ("text", "image"), strict=True):
        thickest = max(axis.lines, key=lambda line: line.get_linewidth())
        assert thickest.get_label() == noisy
        assert axis.get_title() == f"noisy: {noisy}"


def test_joined_along_features_is_wide_and_along_places_is_long():
    fig = charts.joined({"text": 3, "image": 9}, 4)
    wide, long = fig.axes
    assert len(wide.patches) == 2 * 4 and len(long.patches) == (3 + 9) * 4
    assert "1 × 8" in wide.get_title() and "12 × 4" in long.get_title()


def test_a_mixture_writes_the_share_of_each_and_marks_wrong_answers():
    answers = {"mean": ("red star", True), "gates": ("blue ring", False)}
    weights = {"text": 0.2, "image": 0.7, "audio": 0.1}
    fig = mixture("a red star", picture()[0], np.zeros((5, 4)), weights, answers)
    shares, told = fig.subfigs[1].axes
    assert [bar.get_width() for bar in shares.patches] == [0.2, 0.7, 0.1]
    assert [t.get_text() for t in told.texts] == ["mean", "✓ red star", "gates", "✗ blue ring"]
    assert "gates: blue ring, wrong" in alt_of(fig)
