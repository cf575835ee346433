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

from xmodal_lab.datasets.scenes import CLASSES, RGB
from xmodal_lab.workbook.kit.style import COLOURS, MODALITY

Points = Float[np.ndarray, "points 2"]


def training(
    losses: Sequence[float],
    recalls: Mapping[str, Sequence[tuple[int, float]]],
    floors: Mapping[str, float],
    places: Sequence[Mapping[str, Points]],
    links: Sequence[int] = (),
    easy_steps: int = 0,
    steps: int | None = None,
) -> Figure:
    """A training run at a glance: loss, recall against its floors, maps of the space.

    Args:
        losses: one value a step, from step 1.
        recalls: name → (step, per cent) pairs; the name begins with the modality that asks.
        floors: name → per cent, drawn as level lines; the same colour as the curve of that name.
        places: two maps, at the start and now: modality → places of the same scenes.
        links: rows whose modalities are linked by lines on the maps.
        easy_steps: where the easy rows end; marked on the loss.
        steps: how many there will be; the axes end there from the beginning.
    """
    fig = Figure(figsize=(12.5, 6.6))
    (left, right), (then, now) = fig.subplots(2, 2, height_ratios=(1, 1.15))
    left.plot(range(1, len(losses) + 1), losses, color=COLOURS["grey"], lw=0.9, linestyle="-")
    left.set(title="loss", xlabel="step", ylabel="loss / nats", ylim=(0, None))
    if easy_steps:
        left.axvline(easy_steps, color="black", linestyle=":", lw=1.2)
        across = left.get_xaxis_transform()
        note = "  scenes of two things come in"
        left.text(easy_steps, 0.96, note, va="top", fontsize=9, transform=across)
    for name, values in recalls.items():
        look = MODALITY[name.split("→")[0]]
        right.plot(*zip(*values, strict=True), **look.line, label=name)
        if name in floors:
            right.axhline(floors[name], color=look.colour, linestyle=(0, (1, 3)), lw=1.6)
            right.text(
                1,
                floors[name] + 1.5,
                f"CCA, {name}",
                color=look.colour,
                fontsize=9,
                ha="right",
                transform=right.get_yaxis_transform(),
            )
    right.set(title="scenes never seen", xlabel="step", ylabel="R@1 / %", ylim=(-3, 103))
    right.legend(loc="upper left")
    for axis in (left, right):
        axis.set_xlim(0, steps)
        axis.grid()
    for axis, title, points in (
        (then, "map before the first step (PCA)", places[0]),
        (now, "map now (PCA)", places[-1]),
    ):
        scatter(axis, points, links)
        axis.set_title(title)
    then.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), markerscale=1.6)
    return fig


def maps(panels: Mapping[str, Mapping[str, Points]], links: Sequence[int] = ()) -> Figure:
    """Maps of the same points side by side, one panel each."""
    fig = Figure(figsize=(5.6 * len(panels), 5.2))
    maps_on(fig, panels, links)
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
            axis.scatter(x, y, s=42, edgecolors="black", linewidths=1, zorder=4, **look.dot)
    axis.set_aspect("equal")
    axis.axis("off")


def painted_maps(places: Mapping[str, Points], labels: Mapping[str, Sequence[int]]) -> Figure:
    """One map of one-thing scenes three times, painted by each attribute of ``scenes.CLASSES``."""
    fig = Figure(figsize=(13, 5.4))
    for axis, (attribute, numbers) in zip(
        fig.subplots(1, len(labels)), labels.items(), strict=True
    ):
        for number, name in enumerate(CLASSES[attribute]):
            points = np.concatenate([p[np.array(numbers) == number] for p in places.values()])
            axis.scatter(
                *points.T,
                s=20,
                color=_paint(name, number),
                marker="os^*PXDv"[number],
                edgecolors="#555555",
                linewidths=0.3,
                label=name,
            )
        axis.set(aspect="equal", title=attribute)
        axis.axis("off")
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=4, fontsize=9)
    return fig


def _paint(name: str, number: int):
    """A colour's own paint; other classes get colours that survive colour blindness."""
    if name in RGB:
        return tuple(level / 255 for level in RGB[name])
    tones = ("blue", "vermilion", "green", "orange", "purple", "sky", "black", "grey")
    return COLOURS[tones[number]]


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
            axis.text(x, height + 1.5, f"{height:.1f}", ha="center", fontsize=9)
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
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3)
    return fig


def arrows_and_cosines(
    captions: Float[np.ndarray, "items 2"],
    pictures: Float[np.ndarray, "items 2"],
    names: Sequence[str],
) -> Figure:
    """Unit arrows in the plane, captions dashed and pictures solid, and their cosines."""
    fig = Figure(figsize=(9.5, 3.7))
    plane, table = fig.subplots(1, 2, width_ratios=(1, 1.35))
    for modality, arrows in (("text", captions), ("image", pictures)):
        look = MODALITY[modality]
        for (x, y), name in zip(np.asarray(arrows), names, strict=True):
            plane.plot([0, x], [0, y], **look.line, markevery=[1], markersize=8)
            shown = f"“{name}”" if modality == "text" else name
            plane.text(1.22 * x, 1.22 * y, shown, ha="center", va="center", color=look.colour)
    plane.set(xlim=(-1.6, 1.6), ylim=(-1.45, 1.45), aspect="equal", title="captions ▲, pictures ●")
    plane.axis("off")
    cosines = np.asarray(captions) @ np.asarray(pictures).T
    table.imshow(cosines, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(cosines):
        colour = "white" if abs(value) > 0.7 else "black"
        shown = f"{value:.2f}".replace("-", "−")
        table.text(column, row, shown, ha="center", va="center", color=colour)
    table.set_xticks(range(len(names)), [f"picture: {name}" for name in names])
    table.set_yticks(range(len(names)), [f"“{name}”" for name in names])
    table.set_title("cosine: purple is near, orange is far")
    return fig
