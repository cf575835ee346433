"""Every chart tells in words what it shows: names, numbers, and nothing that its data deny."""

import re

import numpy as np
import pytest
from gallery import FIGURES, figure

from xmodal_lab.workbook import charts, show
from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.kit.figures import alt_of

SEEDS = range(5)


def plain(text):
    return " ".join(text.lower().replace("−", "-").split())


def words_of(fig):
    """What stands at the axes and in the legends, one entry each."""
    for axis in fig.axes:
        if axis.get_label() != "<colorbar>" and axis.get_visible():
            labels = [axis.get_xlabel(), axis.get_ylabel()] if axis.axison else []
            yield from (label for label in labels if label)
            yield from (text.get_text() for text in getattr(axis.get_legend(), "texts", ()))


def test_every_chart_is_tried():
    drawing_on_a_part = {"maps_on", "spoken_search_on"}
    assert set(FIGURES) == set(charts.__all__) - drawing_on_a_part


@pytest.mark.parametrize("name", FIGURES)
def test_a_chart_brings_an_alt_text_that_names_axes_and_series(name, capsys):
    fig = figure(name)
    told = plain(alt_of(fig))
    for label in words_of(fig):
        for word in re.findall(r"[^\W\d_]{4,}", plain(label)):
            assert word in told, f"{word!r} of the label {label!r} is not in: {told}"
    assert "nan" not in told.split() and "no values" not in told and ". ." not in told
    show(fig)
    assert capsys.readouterr().out.startswith("Figure")


@pytest.mark.parametrize("name", FIGURES)
def test_an_alt_text_follows_the_data(name):
    assert alt_of(figure(name, 1)) != alt_of(figure(name, 2))


def near(told, value):
    """Whether a number as told is ``value``, to the three digits that are told."""
    return float(told.replace("−", "-").replace(",", "")) == pytest.approx(
        value, rel=6e-3, abs=6e-4
    )


@pytest.mark.parametrize("value", [0.0, -0.25, 1e-9, 99.96, 100.4, -1234.5, 0.000712, 4.1589])
def test_numbers_are_told_to_three_digits(value):
    assert near(say.number(value), value)
    assert "e" not in say.number(value)


def test_what_is_no_number_is_called_so():
    assert say.number(float("nan")) == say.number(float("inf")) == "no number"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("length", [1, 5, 8, 300])
def test_a_course_begins_ends_and_peaks_where_the_curve_does(seed, length):
    generator = np.random.default_rng(seed)
    x, y = np.arange(1, length + 1), generator.normal(size=length).cumsum()
    pairs = re.findall(r"([−\d.,]+) at ([−\d.,]+\d|\d)", told := say.course(x, y))
    assert near(pairs[0][0], y[0]) and near(pairs[0][1], x[0])
    for value, place in pairs:
        assert near(value, y[int(float(place.replace(",", ""))) - 1])
    if length <= say.TOLD_WHOLE:
        assert len(pairs) == length
    else:
        high, low = re.search(r"highest (\S+) at .* lowest (\S+) at", told).groups()
        assert near(high, y.max()) and near(low, y.min())


def test_a_course_leaves_out_what_is_no_number():
    assert say.course([1, 2, 3], [2.0, float("nan"), 4.0]) == "2 at 1, 4 at 3"
    assert say.course([1], [float("inf")]) == "no values"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_table_names_the_best_of_each_column(seed):
    generator = np.random.default_rng(seed)
    rows = {r: {c: 100 * generator.random() for c in "xyz"} for r in ("one", "two", "three")}
    told = charts.results_table(rows).alt
    for column in "xyz":
        high, value, low = re.search(
            rf"{column}: highest (\w+), (\S+); lowest (\w+),", told
        ).groups()
        ordered = sorted(rows, key=lambda row: rows[row][column])
        assert (low, high) == (ordered[0], ordered[-1]) and near(value, rows[high][column])
    assert all(f"{name}: x {say.number(row['x'])}" in told for name, row in rows.items())


def test_the_best_of_a_column_may_be_several_and_gaps_are_no_best():
    assert say.extremes({"a": 1, "b": 3, "c": 3}) == "highest b and c, 3; lowest a, 1"
    assert say.extremes({"a": float("nan"), "b": 2}) == "all 2"


@pytest.mark.parametrize("seed", SEEDS)
def test_apart_counts_who_is_nearest_to_whom(seed):
    generator = np.random.default_rng(seed)
    groups = {name: generator.normal(size=(9, 2)) for name in "abc"}
    points, label = np.concatenate([*groups.values()]), np.repeat(range(3), 9)
    distances = np.linalg.norm(points[:, None] - points, axis=-1) + 1e9 * np.eye(27)
    share = 100 * (label[distances.argmin(axis=1)] == label).mean()
    assert f"in {share:.0f} % of all cases" in say.apart(groups)
    assert f"({100 * 8 / 26:.0f} % if they were dealt out at random)" in say.apart(groups)


def test_islands_and_twins_are_told_apart():
    cloud = np.random.default_rng(0).normal(size=(20, 2))
    assert "in 100 % of all cases" in say.apart({"a": cloud, "b": cloud + 50})
    assert "in 0 % of all cases" in say.apart({"a": cloud, "b": cloud + 1e-6})


@pytest.mark.parametrize("seed", SEEDS)
def test_a_matrix_is_told_by_its_diagonal_its_frames_and_the_rest(seed):
    matrix = np.random.default_rng(seed).normal(size=(6, 6))
    inside = [matrix[i, i ^ 1] for i in range(6)]
    rest = (matrix.sum() - matrix.trace() - sum(inside)) / 24
    told = re.findall(r"[\d.]*−?[\d.]+", say.diagonal(matrix, blocks=2).split("means")[1])
    for number, value in zip(told, (matrix.trace() / 6, np.mean(inside), rest), strict=True):
        assert near(number, value)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mined_row_counts_what_lies_above_the_partner(seed):
    values = np.random.default_rng(seed).uniform(-1, 1, 50)
    told = charts.mining(values, 3, 0.3, {"hard": int(values.argmax())}).alt
    above, inside = map(int, re.search(r"(\d+) are above it and (\d+) within", told).groups())
    assert above == (values > values[3]).sum()
    assert inside == ((values < values[3]) & (values > values[3] - 0.3)).sum()


@pytest.mark.parametrize("right", [0, 4, 99])
def test_a_search_says_where_the_right_answer_is(right):
    from xmodal_lab.datasets import scenes

    data = scenes.from_scenes(scenes.sample_scenes("test", 6, 3), seed=3)
    told = charts.spoken_search(data.waveforms[0], "words", data, [3, 0, 4], right).alt
    assert ("The right one is not among them" in told) == (right == 99)
    if right != 99:
        assert f"{data.captions[right]}, the right one" in told


@pytest.mark.parametrize("easy_steps", [0, 2, 9])
def test_a_training_tells_the_step_at_which_harder_scenes_come_in(easy_steps):
    points = {kind: np.random.default_rng(0).normal(size=(5, 2)) for kind in ("text", "image")}
    recalls = {"text→image R@1": [(0, 1.0), (4, 30.0)]}
    losses = [4.0, 3.0, 3.5, 2.0]
    told = charts.training(losses, recalls, {}, [points, points], easy_steps=easy_steps).alt
    assert ("after step 2: 3 before, 3.5 then" in told) == (easy_steps == 2)
    assert ("two things" in told) == (easy_steps == 2)


@pytest.mark.parametrize("margin", [0.1, 0.4])
def test_shapes_say_where_the_slope_jumps(margin):
    fig = charts.shapes(0.1, margin)
    lead, slope = fig.axes[1].lines[0].get_data()
    jump = float(re.search(r"jumps from 0 to 1 at −(\S+);", fig.alt).group(1))
    assert -jump == pytest.approx(lead[slope > 0.5].min(), abs=0.011)


def test_darkest_cells_are_the_largest():
    values = np.array([[0, 3, 1], [0, 0, 0]])
    told = charts.matrices({"counts": values}, ["cat", "dog"], ["the", "milk", "a"]).alt
    assert "cat, milk 3, a 1; dog, none" in told


def test_a_logarithmic_axis_has_a_tick_at_every_point_and_is_named():
    fig = charts.curves({"R@1": ([1, 3, 15], [4.0, 9.0, 12.0])}, "rivals", "%", logarithmic=True)
    assert [tick.get_text() for tick in fig.axes[0].get_xticklabels()] == ["1", "3", "15"]
    assert "logarithmic" in fig.alt and "9 at 3" in fig.alt


@pytest.mark.parametrize("name", FIGURES)
def test_a_chart_fits_on_a_page(name):
    assert figure(name).get_size_inches()[0] <= 9.6
