"""Figures of alignment draw what they are given, and can all be described."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from xmodal_lab.workbook import charts
from xmodal_lab.workbook.kit.exploring import view
from xmodal_lab.workbook.kit.figures import digest, render

DICE = np.random.default_rng(0)
POINTS = {"text": DICE.normal(size=(8, 2)), "image": DICE.normal(size=(8, 2))}
TEMPERATURES = {
    tau: {"matrix": np.eye(4), "entropy": tau, "gap": 1 - tau, "R@1": 30.0} for tau in (0.1, 0.5)
}
FRAMES = {0: np.zeros((4, 4)), 60: np.eye(4)}
FIGURES = {
    "loss_and_recall": lambda: charts.loss_and_recall(
        {"one": SimpleNamespace(losses=[2.0, 1.0], curve=[(1, 10.0), (2, 20.0)])},
        floors={"one": 0.0},
    ),
    "clouds": lambda: charts.clouds({"before": POINTS}, {"star": 2}, linked=True),
    "heat": lambda: charts.heat({"a": np.eye(4), "b": np.eye(4)}, "x", "y", blocks=2),
    "temperatures": lambda: charts.temperatures(TEMPERATURES, 0.5),
    "shapes": lambda: charts.shapes(0.1, 0.2),
    "mining": lambda: charts.mining([0.1, 0.9, 0.5], 1, 0.2, {"hard": 2}),
    "plans": lambda: charts.plans(
        np.zeros((3, 8, 8), np.uint8), ["a", "star"], {"softmax": np.full((2, 4), 0.25)}, side=2
    ),
    "film": lambda: charts.film(FRAMES, {"R@1": [1.0, 2.0]}, 60),
    "spread": lambda: charts.spread({"one": [1, 2, 3]}, "x", "loss", {"CCA": 2}),
    "draws": lambda: charts.draws(
        {"a": {"one": {10: [20.0, 40.0], 50: [60.0]}}}, "labels", "right / %", {"a": 10}
    ),
    "lists_entered": lambda: charts.lists_entered({"cosine": [3, 0, 1]}, 10),
    "table_with_nulls": lambda: charts.table_with_nulls(
        {"CCA": {"gap": (0.5, 0.1), "R@1": (42.0, None)}}
    ),
    "before_and_after": lambda: charts.before_and_after(
        np.zeros((3, 8, 8), np.uint8), ["true one", "wrong one"], {"ours": (0.9, -0.1)}
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn_with_labelled_axes(name):
    fig = FIGURES[name]()
    picture, width, height = render(fig)
    assert picture.startswith(b"\x89PNG") and width > 300 and height > 100
    for panel in digest(fig).split("] ["):
        if re.search(r"\d (line|point|bar)s?\b", panel):
            assert "x: –" not in panel and "y: –" not in panel, panel


def test_lines_of_draws_go_through_their_means():
    axis = FIGURES["draws"]().axes[0]
    assert [list(values) for values in axis.lines[0].get_data()] == [[10, 50], [30, 60]]
    dots = np.concatenate([dots.get_offsets() for dots in axis.collections])
    assert dots[:, 1].tolist() == [20, 40, 60]
    assert (dots[:, 0] / [10, 10, 50]).tolist() == pytest.approx([dots[0, 0] / 10] * 3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_dots_of_draws_lie_beside_their_mean_and_those_of_other_lines(count):
    lines = {f"line {number}": {10: [50.0, 50.0]} for number in range(count)}
    axis = charts.draws({"a": lines}, "labels", "right / %", {"a": 10}).axes[0]
    places = [10, *(dots.get_offsets()[0, 0] for dots in axis.collections)]
    apart = np.diff(np.sort(axis.transData.transform([(x, 50) for x in places])[:, 0]))
    assert len(apart) == count and apart.min() > 5  # pixels


def test_the_push_of_infonce_is_a_soft_switch_and_that_of_a_margin_a_hard_one():
    slopes = charts.shapes(temperature=0.1, margin=0.3).axes[1].lines
    lead, triplet = slopes[0].get_data()
    _, info_nce = slopes[1].get_data()
    assert set(np.round(triplet, 6)) == {0, 1}
    assert lead[triplet > 0].min() == pytest.approx(-0.3, abs=0.011)
    np.testing.assert_allclose(info_nce, 1 / (1 + np.exp(-lead / 0.1)), atol=1e-5)


def test_the_marked_temperature_is_the_chosen_one():
    fig = charts.temperatures(TEMPERATURES, 0.1)
    for axis, value in zip(fig.axes[1:], (0.1, 0.9, 30.0), strict=True):
        np.testing.assert_allclose(axis.collections[0].get_offsets(), [[0.1, value]])


def test_links_join_the_halves_of_each_pair():
    axis = charts.clouds({"before": POINTS}, linked=True).axes[0]
    for row, line in enumerate(axis.lines):
        halves = [POINTS[modality][row] for modality in ("text", "image")]
        np.testing.assert_allclose(line.get_xydata(), halves)


def test_chance_stands_only_where_there_is_one_and_zero_has_no_sign():
    table = {"CCA": {"CKA": (0.5, -0.001), "R@1": (42.0, None)}}
    texts = [text.get_text() for text in charts.table_with_nulls(table).axes[0].texts]
    assert texts == ["0.50", "chance 0.00", "42.0"]


def test_popular_pictures_come_first():
    line = charts.lists_entered({"cosine": torch.tensor([3, 0, 7])}, 10).axes[0].lines[0]
    assert list(line.get_ydata()) == [7, 3, 0]


def test_the_margin_explorer_is_live():
    pytest.importorskip("ipywidgets")
    widget = view(
        charts.shapes,
        None,
        {"temperature": (0.02, 0.5, 0.02), "margin": (0.05, 0.8, 0.05)},
    )
    controls, message, picture, _, spoken = widget.children
    before = picture.value
    controls.children[1].value = 0.6
    assert picture.value != before and message.value == ""
    assert "jumps from 0 to 1 at −0.6" in spoken.value


def test_a_level_before_training_stands_where_it_is_asked_for():
    axes = charts.temperatures(TEMPERATURES, 0.1, untrained={"gap": 0.4}).axes
    levels = [
        [line for line in axis.lines if list(line.get_ydata()) == [0.4, 0.4]] for axis in axes
    ]
    assert [len(found) for found in levels] == [0, 0, 1, 0]


def test_clouds_that_are_no_modalities_get_names_of_their_own():
    names = {"text": "x", "image": "y"}
    legend = charts.clouds({"before": POINTS}, labels=names).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["x", "y"]
