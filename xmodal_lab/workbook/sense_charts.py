"""Figures of what a model learns about words in their sentences: curves, senses, dots.

Each returns a matplotlib ``Figure``. Groups are told by colour and by marker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from xmodal_lab.workbook.style import COLOURS
from xmodal_lab.workbook.word_charts import Points, look


def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    floors: Mapping[str, float] | None = None,
    ylim: tuple[float | None, float | None] = (None, None),
) -> Figure:
    """Curves over time, with level lines to compare them with.

    Args:
        lines: name → (x, y).
        xlabel, ylabel: quantity and unit.
        floors: name → level, drawn across.
        ylim: bounds of the y axis; None where matplotlib may choose.
    """
    fig = Figure(figsize=(7.4, 3.6))
    axis = fig.subplots()
    for name, (x, y) in lines.items():
        axis.plot(x, y, label=name)
    for name, level in (floors or {}).items():
        axis.axhline(level, color=COLOURS["grey"], linestyle=(0, (1, 2)), lw=1.4)
        axis.annotate(
            name, (1, level), xycoords=("axes fraction", "data"), xytext=(-4, 3),
            textcoords="offset points", ha="right", fontsize=9, color="#444444",
        )  # fmt: skip
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=ylim)
    axis.grid()
    axis.legend(loc="best")
    return fig


def widest(vectors: Float[Tensor, "rows dim"]) -> Points:
    """Rows in their own two widest directions (PCA)."""
    centred = (vectors - vectors.mean(0)).double().cpu()
    left, values, _ = torch.linalg.svd(centred, full_matrices=False)
    return (left[:, :2] * values[:2]).numpy()


def senses(panels: Mapping[str, Points], labels: Sequence[str]) -> Figure:
    """Occurrences of one word, painted by the sense it has there; one panel a method."""
    fig = Figure(figsize=(4.3 * len(panels), 4.2))
    axes = np.ravel(fig.subplots(1, len(panels)))
    for axis, (title, places) in zip(axes, panels.items(), strict=True):
        places = np.asarray(places)
        for number, sense in enumerate(dict.fromkeys(labels)):
            rows = [i for i, label in enumerate(labels) if label == sense]
            axis.scatter(*places[rows].T, s=26, alpha=0.6, label=sense, **look(number))
        axis.set_title(title)
        axis.axis("off")
        if np.ptp(places) < 1e-3:  # what is left is rounding: no zoom into it
            axis.set(xlim=(-1, 1), ylim=(-1, 1))
            axis.text(0, -0.2, "one word, one point", ha="center")
    axes[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="sense")
    return fig


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
