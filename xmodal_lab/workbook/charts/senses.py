"""Figures of what a model learns about words in their sentences: curves, senses, dots.

Each returns a matplotlib ``Figure``. Groups are told by colour and by marker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from xmodal_lab.datasets.corpus import Occurrence
from xmodal_lab.workbook.charts.words import Points, look
from xmodal_lab.workbook.kit.style import COLOURS


def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    floors: Mapping[str, float] | None = None,
    ylim: tuple[float | None, float | None] = (None, None),
    mark: tuple[float, str] | None = None,
) -> Figure:
    """Curves over time, with level lines to compare them with.

    Args:
        lines: name → (x, y).
        xlabel, ylabel: quantity and unit.
        floors: name → level, drawn across.
        ylim: bounds of the y axis; None where matplotlib may choose.
        mark: an x to be marked, and what for.
    """
    fig = Figure(figsize=(7.4, 3.6))
    axis = fig.subplots()
    for name, (x, y) in lines.items():
        axis.plot(x, y, label=name)
    for name, level in (floors or {}).items():
        axis.axhline(level, color=COLOURS["grey"], linestyle=(0, (1, 2)), lw=1.4)
        axis.annotate(
            name, (1, level), xycoords=("axes fraction", "data"), xytext=(-4, -12),
            textcoords="offset points", ha="right", fontsize=9, color="#444444",
        )  # fmt: skip
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=ylim)
    if mark is not None:
        axis.axvline(mark[0], color="black", linestyle=":", lw=1.2)
        axis.text(mark[0], 0.9, f"  {mark[1]}", transform=axis.get_xaxis_transform(), fontsize=10)
    axis.grid()
    if len(lines) > 1:
        axis.legend(loc="best")
    return fig


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
    fig = Figure(figsize=(3.9 * len(ways), 3.8))
    axes = np.ravel(fig.subplots(1, len(ways)))
    for axis, (title, vectors) in zip(axes, ways.items(), strict=True):
        places = along_probe(vectors[rows].double().cpu().numpy(), np.array(senses), train)
        for number, sense in enumerate(dict.fromkeys(senses)):
            shown = ~train & (np.array(senses) == sense)
            axis.scatter(*places[shown].T, s=30, alpha=0.65, label=sense, **look(number))
        axis.axvline(0, color=COLOURS["grey"], linestyle="--", lw=1.2)
        width = max(1.0, 1.1 * np.abs(places[~train, 0]).max())
        height = max(1.0, 1.15 * np.abs(places[~train, 1]).max())
        axis.set(title=title, xlim=(-width, width), ylim=(-height, height))
        axis.set(xlabel="along the probe", ylabel="widest other direction")
        axis.tick_params(labelbottom=False, labelleft=False, length=0)
        axis.spines[["top", "right"]].set_visible(True)
    axes[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="sense")
    return fig


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
        axis.scatter(xs, range(len(items)), s=60, alpha=0.85, label=name, zorder=3, **look(number))
    axis.set_yticks(range(len(items)), items)
    axis.invert_yaxis()
    axis.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, 1.03 * scale))
    axis.grid()
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig
