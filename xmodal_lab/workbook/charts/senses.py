"""Figures of what a model learns about words in their sentences: curves, senses, dots.

Each returns a matplotlib ``Figure`` with its alt text. Groups are told by colour and by marker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from xmodal_lab.datasets.corpus import Occurrence
from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.charts.basic import Points
from xmodal_lab.workbook.charts.looks import PAPER, dot_look
from xmodal_lab.workbook.kit.figures import described
from xmodal_lab.workbook.kit.style import COLOURS


def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    floors: Mapping[str, float] | None = None,
    ylim: tuple[float | None, float | None] = (None, None),
    mark: tuple[float, str] | None = None,
    logarithmic: bool = False,
) -> Figure:
    """Curves over time, with level lines to compare them with.

    Args:
        lines: name → (x, y).
        xlabel, ylabel: quantity and unit.
        floors: name → level, drawn across.
        ylim: bounds of the y axis; None where matplotlib may choose.
        mark: an x to be marked, and what for.
        logarithmic: True for an x axis of equal ratios, with a tick at every point.
    """
    fig = Figure(figsize=(7.4, 3.6))
    axis = fig.subplots()
    for name, (x, y) in lines.items():
        axis.plot(x, y, label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=ylim)
    for name, level in (floors or {}).items():
        axis.axhline(level, color=COLOURS["grey"], linestyle=(0, (1, 2)), lw=1.4)
        # Above its line, unless it might leave the picture there.
        shift = 4 if level < sum(axis.get_ylim()) / 2 else -12
        axis.annotate(
            name, (1, level), xycoords=("axes fraction", "data"), xytext=(-4, shift),
            textcoords="offset points", ha="right", fontsize=9, color="#444444", bbox=PAPER,
        )  # fmt: skip
    if mark is not None:
        axis.axvline(mark[0], color="black", linestyle=":", lw=1.2)
        axis.text(mark[0], 0.9, f"  {mark[1]}", transform=axis.get_xaxis_transform(), fontsize=10)
    if all(float(place).is_integer() for x, _ in lines.values() for place in x):
        # As matplotlib does by itself, but without halves of a step or of a layer.
        whole = MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True)
        axis.xaxis.set_major_locator(whole)
    if logarithmic:
        ticks = sorted({place for x, _ in lines.values() for place in x})
        axis.set_xscale("log")
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
    axis.grid()
    if len(lines) > 1:
        axis.legend(loc="best")
    scale = " on a logarithmic axis" if logarithmic else ""
    level = f" Level lines: {say.values(floors, floors.values())}." if floors else ""
    marked = f" Marked at {say.number(mark[0])}: {mark[1]}." if mark else ""
    return described(
        fig, f"{ylabel} against {xlabel}{scale}, as lines. {say.courses(lines)}.{level}{marked}"
    )


def probed(
    ways: Mapping[str, Float[Tensor, "occurrences _dim"]],
    occurrences: Sequence[Occurrence],
    word: str,
    seed: int = 0,
) -> Figure:
    """One word's occurrences, seen along the direction in which a linear probe tells its senses.

    Half of the stories train the probe; drawn are the occurrences in the others.

    Args:
        ways: how vectors were made → one vector an occurrence.
        occurrences: with their senses.
        word: whose occurrences are drawn.
        seed: decides which stories train.
    """
    rows = [i for i, o in enumerate(occurrences) if o.word == word]
    senses = [occurrences[i].sense for i in rows]
    homes = sorted({occurrences[i].story for i in rows})
    trains = set(np.random.default_rng(seed).permutation(homes)[: len(homes) // 2].tolist())
    train = np.array([occurrences[i].story in trains for i in rows])
    fig = Figure(figsize=(3.2 * len(ways), 3.6))
    axes, told = np.ravel(fig.subplots(1, len(ways))), []
    for axis, (title, vectors) in zip(axes, ways.items(), strict=True):
        places = along_probe(vectors[rows].double().cpu().numpy(), np.array(senses), train)
        for number, sense in enumerate(dict.fromkeys(senses)):
            shown = ~train & (np.array(senses) == sense)
            axis.scatter(*places[shown].T, s=30, alpha=0.65, label=sense, **dot_look(number))
        axis.axvline(0, color=COLOURS["grey"], linestyle="--", lw=1.2)
        width = max(1.0, 1.1 * np.abs(places[~train, 0]).max())
        height = max(1.0, 1.15 * np.abs(places[~train, 1]).max())
        axis.set(title=title, xlim=(-width, width), ylim=(-height, height))
        axis.set(xlabel="along the probe", ylabel="widest other direction")
        axis.tick_params(labelbottom=False, labelleft=False, length=0)
        axis.spines[["top", "right"]].set_visible(True)
        sides = {
            sense: places[~train & (np.array(senses) == sense), 0] > 0
            for sense in dict.fromkeys(senses)
        }
        told.append(f"{title}: {_sides(sides)}{_one_point(places[~train])}")
    axes[-1].legend(loc="upper right", bbox_to_anchor=(1.0, -0.12), ncols=4)
    return described(
        fig,
        f"Occurrences of “{word}” as dots, painted by sense, along the probe and along the widest "
        f"other direction; a dashed line is the probe's cut. {'. '.join(told)}.",
    )


def _sides(sides: Mapping[str, np.ndarray]) -> str:
    return ", ".join(
        f"of {len(right)} with the sense {sense} {int(right.sum())} lie right of the cut"
        for sense, right in sides.items()
    )


def _one_point(places: Points) -> str:
    return "; all lie in one point" if np.ptp(places, axis=0).max() < 1e-6 else ""


def along_probe(
    vectors: Float[np.ndarray, "rows dim"], labels: np.ndarray, train: np.ndarray
) -> Points:
    """Rows by a probe's verdict (its cut at 0), and by the widest direction that is left.

    Args:
        vectors: rows to place.
        labels: the class of each.
        train: True for rows that train the probe.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows = StandardScaler().fit(vectors[train]).transform(vectors)
    probe = LogisticRegression(C=0.1, max_iter=1000).fit(rows[train], labels[train])
    direction = probe.coef_[0] / max(np.linalg.norm(probe.coef_[0]), 1e-12)
    rest = rows - np.outer(rows @ direction, direction)
    rest = rest - rest.mean(axis=0)
    _, _, axes = np.linalg.svd(rest, full_matrices=False)
    return np.stack([probe.decision_function(rows), rest @ axes[0]], axis=1)


def dots(
    groups: Mapping[str, Mapping[str, float]], xlabel: str, ylabel: str, scale: float = 1
) -> Figure:
    """One row an item, one marker a method: where the methods stand on each item."""
    items = list(next(iter(groups.values())))
    fig = Figure(figsize=(8.6, 1.3 + 0.36 * len(items)))
    axis = fig.subplots()
    for number, (name, values) in enumerate(groups.items()):
        xs = [scale * values[item] for item in items]
        axis.scatter(
            xs, range(len(items)), s=60, alpha=0.85, label=name, zorder=3, **dot_look(number)
        )
    axis.set_yticks(range(len(items)), items)
    axis.set_ylim(len(items) - 0.5, -0.5)
    axis.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, 1.03 * scale))
    axis.grid()
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    scaled = {name: {i: scale * v for i, v in values.items()} for name, values in groups.items()}
    told = "; ".join(
        f"{name}, mean {say.number(np.mean([*values.values()]))}: "
        f"{say.values(items, (values[item] for item in items))}"
        for name, values in scaled.items()
    )
    return described(fig, f"Dots: {xlabel}, for each {ylabel}. {told}.")
