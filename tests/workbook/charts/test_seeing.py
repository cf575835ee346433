"""Figures of what a network sees show the numbers, frames and hot places that they are given."""

import numpy as np
import pytest

from xmodal_lab.workbook import charts
from xmodal_lab.workbook.kit.figures import alt_of


def panels(fig):
    return [axis for axis in fig.axes if axis.images]


def picture(seed=0):
    return np.random.default_rng(seed).integers(0, 255, (3, 32, 32)).astype(np.uint8)


def test_windows_write_every_number_and_frame_the_first_window_and_its_answer():
    patch, kernel = np.arange(20.0).reshape(4, 5), np.array([[-1.0, 0.25], [2, 0]])
    fig = charts.windows(patch, kernel, np.ones((3, 4)))
    written = [[text.get_text() for text in axis.texts] for axis in fig.axes]
    assert written == [
        [f"{n}" for n in range(20)],
        ["−1", "0.25", "2", "0"],
        ["1"] * 12,
    ]
    frames = [[(p.get_width(), p.get_height()) for p in axis.patches] for axis in fig.axes]
    assert frames == [[(2, 2)], [], [(1, 1)]]


def test_maps_with_signs_are_centred_at_zero_and_others_are_grey():
    signed = np.linspace(-1, 3, 16).reshape(4, 4)
    fig = charts.answers(picture(), {"edges": signed, "blur": signed + 1})
    _, edges, blur = (axis.images[0] for axis in panels(fig))
    assert edges.norm.vmin == -edges.norm.vmax and edges.get_cmap().name == "PuOr_r"
    assert blur.norm.vmin == 0 and blur.get_cmap().name == "gray"
    assert "25 % negative" in alt_of(fig)


@pytest.mark.parametrize("things", [True, False])
def test_the_hottest_pixel_is_told_to_lie_where_it_does(things):
    masks = np.zeros((2, 32, 32), bool)
    masks[:, 20:30, 2:9] = True
    maps = np.zeros((2, 32, 32))
    maps[0, 25, 5], maps[1, 3, 30] = 1, 2
    fig = charts.heats(
        np.stack([picture()] * 2), {"mine": maps}, ["ring", "moon"], masks if things else None
    )
    on, beside = (" on the outlined thing", " beside the outlined thing") if things else ("", "")
    assert f"mine: ring: lower left{on}; moon: upper right{beside}." in alt_of(fig)


def test_a_map_without_heat_is_called_cold():
    fig = charts.heats(picture()[None], {"blind": np.zeros((1, 32, 32))})
    assert "blind: cold everywhere" in alt_of(fig)


def test_many_pictures_stand_in_columns_and_one_has_its_maps_beside_it():
    def places(count):
        maps = {name: np.ones((count, 32, 32)) for name in ("a", "b")}
        fig = charts.heats(np.stack([picture()] * count), maps)
        return np.array([axis.get_position().p0 for axis in panels(fig)])

    many, one = places(3), places(1)
    assert len(many) == 9 and len(one) == 3
    assert len(np.unique(many[:, 0].round(3))) == 3 and len(np.unique(many[:, 1].round(3))) == 3
    assert len(np.unique(one[:, 0].round(3))) == 3 and len(np.unique(one[:, 1].round(3))) == 1


def test_the_frame_of_a_field_is_the_computed_one():
    strength = np.zeros((32, 32))
    strength[10:12, 5:9] = 1
    fig = charts.fields(picture(), {"conv1": strength}, {"conv1": (10, 11, 5, 8)})
    (frame,) = panels(fig)[1].patches
    assert frame.get_xy() == (4.5, 9.5) and (frame.get_width(), frame.get_height()) == (4, 2)
    assert "half of the strength lies in 4 of 1024 pixels" in alt_of(fig)


def test_pictures_without_maps_are_told_by_their_titles():
    fig = charts.heats(np.stack([picture()] * 2), {}, ["as it is", "mirrored"])
    assert alt_of(fig) == "Pictures: as it is; mirrored."


def test_each_row_is_compared_with_what_is_outlined_in_it():
    left, right = np.zeros((2, 1, 32, 32), bool)
    left[:, 5:20, 2:9], right[:, 5:20, 20:30] = True, True
    hot = np.zeros((1, 32, 32))
    hot[0, 6, 25] = 1
    fig = charts.heats(picture()[None], {"a": hot, "b": hot}, (), {"a": left, "b": right})
    assert "a: upper right beside the outlined thing" in alt_of(fig)
    assert "b: upper right on the outlined thing" in alt_of(fig)


@pytest.mark.parametrize(("line", "told"), [(2, True), (30, False)])
def test_a_mark_is_told_where_it_is_hottest(line, told):
    marks, hot = np.zeros((1, 32, 32), bool), np.zeros((1, 32, 32))
    marks[:, 1:5, 1:5], hot[0, line, 2] = True, 1
    fig = charts.heats(picture()[None], {"a": hot}, marks=marks)
    assert ("on the mark" in alt_of(fig)) is told


def test_kernels_that_cancel_out_are_counted_row_by_row():
    weights = np.ones((5, 3, 3, 3))
    edges = weights.copy()
    edges[:2, :, :, 0], edges[:2, :, :, 1] = -1, 0
    fig = charts.filters({"before": weights, "after": edges})
    assert "5 in each row" in alt_of(fig) and "before: 0; after: 2" in alt_of(fig)
