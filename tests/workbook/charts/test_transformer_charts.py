"""Figures of transformers draw the tokens, weights and messages that they are given."""

import numpy as np
import pytest

from xmodal_lab.workbook import charts
from xmodal_lab.workbook.kit.figures import alt_of


def picture():
    return np.random.default_rng(0).integers(0, 255, (3, 32, 32)).astype(np.uint8)


def dots(axis):
    return sum(len(found.get_offsets()) for found in axis.collections)


@pytest.mark.parametrize(("words", "cells", "layers"), [(2, 3, 1), (4, 2, 3)])
def test_every_token_stands_in_every_layer_and_lines_lead_from_each_to_each(words, cells, layers):
    fig = charts.architectures([f"word{n}" for n in range(words)], cells, layers)
    one, two = fig.axes
    tokens = words + cells + 1
    assert dots(one) == tokens * (layers + 1) and len(one.lines) == layers * tokens**2
    text, image = words + 1, cells + 1
    assert dots(two) == (text + image) * (2 * layers + 1)
    assert len(two.lines) == layers * (2 * text * image + text**2 + image**2)


def test_the_lit_cell_is_the_one_with_the_highest_weight():
    cells = np.zeros((4, 4))
    cells[2, 1] = 0.5
    fig = charts.looking_around(picture(), cells, {"star": 0.25, "moon": 0.1}, "“red” asks")
    plain, lit, bars = fig.axes
    before, after = (np.asarray(axis.images[0].get_array()) for axis in (plain, lit))
    kept = after.sum(-1) / before.sum(-1)
    assert kept[16:24, 8:16].min() == pytest.approx(1)
    assert kept[:16].max() < 0.5
    assert [bar.get_width() for bar in bars.patches] == [0.25, 0.1]
    assert "line 3, column 2, with 0.5" in alt_of(fig)


def test_an_arrow_is_the_wider_the_more_its_message_counts_and_loops_are_not_drawn():
    nodes = {"picture": "image", "word": "text", "sum": ""}
    edges = np.array([[0, 1, 2], [2, 2, 2]])
    fig = charts.message_graph(nodes, edges, np.array([0.7, 0.2, 0.1]))
    (axis,) = fig.axes
    widths = [arrow.get_linewidth() for arrow in axis.patches]
    assert len(widths) == 2 and widths[0] > widths[1]
    assert "picture to sum 0.7; word to sum 0.2; sum to sum 0.1" in alt_of(fig)


def test_who_has_arrived_is_a_star_of_its_own_beside_the_curves():
    fig = charts.race({"slow": ([0, 9], [10, 60])}, {"quick": (3, 90)}, 25, "t / s", "right / %")
    (axis,) = fig.axes
    assert axis.lines[0].get_xydata().tolist() == [[0, 10], [9, 60]]
    assert axis.collections[0].get_offsets().tolist() == [[3, 90]]
    assert list(axis.lines[1].get_ydata()) == [25, 25]
    assert "quick: 90 at 3" in alt_of(fig)
