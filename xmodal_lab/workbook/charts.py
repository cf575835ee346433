"""Figures of numbers: training runs, maps of the space, tables, bars, matrices.

Each returns a matplotlib ``Figure``. Numbers that depend on training stand in notes, never in
titles: titles are compared when a notebook is checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from xmodal_lab.workbook.style import COLOURS, MODALITY

Points = Float[np.ndarray, "points 2"]


def training(
    losses: Sequence[float],
    recalls: Mapping[str, Sequence[tuple[int, float]]],
    floors: Mapping[str, float],
    places: Mapping[str, Points],
    links: Sequence[int] = (),
) -> Figure:
    """A training run at a glance: loss, recall against its floors, and a map of the space.

    Args:
        losses: one value a step, from step 1.
        recalls: name → (step, per cent) pairs; the name begins with the modality that asks.
        floors: name → per cent, drawn as level lines.
        places: modality → places of the same scenes on a map.
        links: rows whose modalities are linked by lines on the map.
    """
    fig = Figure(figsize=(12, 3.7))
    left, middle, right = fig.subplots(1, 3, width_ratios=(1, 1, 1.1))
    left.plot(range(1, len(losses) + 1), losses, color=COLOURS["grey"], lw=0.8, linestyle="-")
    left.grid()
    middle.grid()
    left.set(title="loss", xlabel="step", ylabel="loss / nats", ylim=(0, None))
    for name, values in recalls.items():
        look = MODALITY[name.split("→")[0].split()[0]]
        label = name.split(" R@")[0]
        middle.plot(*zip(*values, strict=True), **look.line, label=label)
    for (name, level), style in zip(floors.items(), (":", "--"), strict=False):
        middle.axhline(level, color=COLOURS["grey"], linestyle=style, linewidth=1.4)
        middle.text(0, level + 1.5, name, color=COLOURS["grey"], fontsize=9)
    middle.set(title="scenes never seen", xlabel="step", ylabel="R@1 / %", ylim=(-3, 103))
    middle.legend(loc="lower right")
    scatter(right, places, links)
    right.set_title("map of the space (PCA)")
    return fig


def maps(
    panels: Mapping[str, Mapping[str, Points]], links: Sequence[int] = (), note: str = ""
) -> Figure:
    """Maps of the same points side by side, one panel each."""
    fig = Figure(figsize=(5.6 * len(panels), 5.2))
    maps_on(fig, panels, links)
    if note:
        fig.supxlabel(note, fontsize=9)
    return fig


def maps_on(fig: FigureBase, panels, links: Sequence[int] = ()) -> None:
    """The same on a figure, or a part of one, that exists already."""
    axes = np.ravel(fig.subplots(1, len(panels)))
    for axis, (title, places) in zip(axes, panels.items(), strict=True):
        scatter(axis, places, links)
        axis.set_title(title)
    axes[0].legend(loc="best", markerscale=1.6)


def scatter(axis: Axes, places: Mapping[str, Points], links: Sequence[int] = ()) -> None:
    """Points of every modality, with some scenes' modalities linked by lines."""
    for modality, points in places.items():
        look = MODALITY[modality]
        axis.scatter(*points.T, s=16, alpha=0.6, linewidths=0, label=modality, **look.dot)
    for row in links:
        corners = np.stack([points[row] for points in places.values()])
        closed = np.concatenate([corners, corners[:1]])
        axis.plot(*closed.T, color="black", linewidth=1, linestyle="-", marker="", zorder=3)
        for (x, y), modality in zip(corners, places, strict=True):
            look = MODALITY[modality]
            axis.scatter(x, y, s=60, edgecolors="black", linewidths=1, zorder=4, **look.dot)
    axis.set_aspect("equal")
    axis.axis("off")


def painted_map(
    places: Mapping[str, Points], classes: Sequence[str], paint: Mapping[str, str], title: str
) -> Figure:
    """One map, every point painted and marked by its class."""
    fig = Figure(figsize=(7.2, 5.2))
    axis = fig.subplots()
    names = np.array(classes)
    marks = "os^*PXDv"
    for number, (name, colour) in enumerate(paint.items()):
        points = np.concatenate([p[names == name] for p in places.values()])
        axis.scatter(
            *points.T,
            s=26,
            color=colour,
            marker=marks[number % len(marks)],
            edgecolors="#555555",
            linewidths=0.3,
            label=name,
        )
    axis.set(aspect="equal", title=title)
    axis.axis("off")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return fig


def results_table(rows: Mapping[str, Mapping[str, float]], title: str = "") -> Figure:
    """A table of per cents whose cells are the darker the higher the number."""
    columns = list(next(iter(rows.values())))
    values = np.array([[row.get(column, np.nan) for column in columns] for row in rows.values()])
    fig = Figure(figsize=(2.6 + 1.05 * len(columns), 0.9 + 0.46 * len(rows)))
    axis = fig.subplots()
    axis.imshow(values, cmap="Blues", vmin=0, vmax=135, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        shown = "–" if np.isnan(value) else f"{value:.1f}"
        colour = "white" if value > 85 else "black"
        axis.text(column, row, shown, ha="center", va="center", color=colour)
    labels = [column.replace(" R@", "\nR@") for column in columns]
    axis.set_xticks(range(len(columns)), labels, fontsize=10)
    axis.set_yticks(range(len(rows)), list(rows), fontsize=10)
    axis.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    for side in axis.spines.values():
        side.set_visible(False)
    if title:
        fig.suptitle(title, fontsize=12)
    return fig


def bars(
    groups: Mapping[str, Mapping[str, float]],
    xlabel: str,
    ylabel: str,
    chance: Mapping[str, float] | float | None = None,
) -> Figure:
    """Grouped bars in per cent, with the level of chance drawn across each category.

    Args:
        groups: legend entry → category → per cent.
        xlabel, ylabel: what the categories are, and what the height is.
        chance: level of guessing, one for all categories or one for each.
    """
    categories = list(next(iter(groups.values())))
    fig = Figure(figsize=(max(7.0, 1.6 + 1.5 * len(categories)), 3.6))
    axis = fig.subplots()
    width = 0.8 / len(groups)
    hatches, tones = ("", "//", "..", "xx"), ("blue", "vermilion", "green", "orange")
    for number, (name, values) in enumerate(groups.items()):
        middles = np.arange(len(categories)) + (number - (len(groups) - 1) / 2) * width
        heights = [values[category] for category in categories]
        axis.bar(
            middles,
            heights,
            width * 0.92,
            color=COLOURS[tones[number]],
            hatch=hatches[number],
            edgecolor="white",
            label=name,
        )
        for x, height in zip(middles, heights, strict=True):
            axis.text(x, height + 1.5, f"{height:.0f}", ha="center", fontsize=9)
    if chance is not None:
        levels = chance if isinstance(chance, Mapping) else dict.fromkeys(categories, chance)
        for place, category in enumerate(categories):
            axis.plot(
                [place - 0.45, place + 0.45],
                [levels[category]] * 2,
                color="black",
                linestyle="--",
                marker="",
                label="chance" if place == 0 else None,
            )
    axis.set_xticks(range(len(categories)), categories)
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, 112))
    axis.grid(axis="y")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=4)
    return fig


def similarities(matrix: Float[np.ndarray, "rows columns"], rows, columns, title: str) -> Figure:
    """A small matrix of cosines with its entries written in."""
    fig = Figure(figsize=(1.9 + 1.1 * len(columns), 1.2 + 0.62 * len(rows)))
    axis = fig.subplots()
    axis.imshow(matrix, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(np.asarray(matrix)):
        colour = "white" if abs(value) > 0.7 else "black"
        axis.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
    axis.set_xticks(range(len(columns)), columns)
    axis.set_yticks(range(len(rows)), rows)
    axis.set_title(title)
    return fig
