"""Figures of numbers: training runs, maps of the space, tables, bars.

Each returns a matplotlib ``Figure`` with its alt text. Numbers that depend on training
stand in notes, never in titles: titles are compared when a notebook is checked.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from xmodal_lab.datasets.scenes import CLASSES, RGB
from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.charts.looks import PAPER, WIDEST
from xmodal_lab.workbook.kit.figures import described
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
    fig = Figure(figsize=(9.6, 6.8))
    (left, right), (then, now) = fig.subplots(2, 2, height_ratios=(1, 1.15))
    left.plot(range(1, len(losses) + 1), losses, color=COLOURS["grey"], lw=0.9, linestyle="-")
    left.set(title="loss", xlabel="step", ylabel="loss / nats", ylim=(0, None))
    if easy_steps:
        left.axvline(easy_steps, color="black", linestyle=":", lw=1.2)
        across = left.get_xaxis_transform()
        note = "  scenes of two things come in"
        left.text(easy_steps, 0.96, note, va="top", fontsize=9, transform=across, bbox=PAPER)
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
                bbox=PAPER,
                zorder=1.5,  # below the curves
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
    then.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3, markerscale=1.6)
    lines = {name: tuple(zip(*values, strict=True)) for name, values in recalls.items()}
    levels = {name: floors[name] for name in recalls if name in floors}
    return described(
        fig,
        f"Loss in nats against the step: {say.course(range(1, len(losses) + 1), losses)}"
        f"{_entry(losses, easy_steps)}. R@1 in per "
        f"cent on scenes never seen, against the step. {say.courses(lines)}. Level lines of CCA: "
        f"{say.values(levels, levels.values()) or 'none'}. Below, maps before the first step and "
        f"now. {_maps({'before': places[0], 'now': places[-1]}, links)}.",
    )


def _entry(losses: Sequence[float], easy_steps: int) -> str:
    """What the loss does where harder rows come in."""
    if not 0 < easy_steps < len(losses):
        return ""
    before, behind = (say.number(losses[row]) for row in (easy_steps - 1, easy_steps))
    return f"; scenes of two things come in after step {easy_steps}: {before} before, {behind} then"


def _maps(panels: Mapping[str, Mapping[str, Points]], links: Sequence[int]) -> str:
    return "; ".join(
        f"{title}: {say.listed(places)}, {say.apart(places)}{_linked(places, links)}"
        for title, places in panels.items()
    )


def _linked(places: Mapping[str, Points], links: Sequence[int]) -> str:
    if not len(links) or len(places) < 2:
        return ""
    corners = np.stack([np.asarray(points)[list(links)] for points in places.values()])
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=-1).mean()
    share = sides / say.span(np.concatenate([np.asarray(points) for points in places.values()]))
    what = say.several(len(links), "linked scene")
    return f", the lines of {what} are on average {say.number(share)} of the map long"


def maps(panels: Mapping[str, Mapping[str, Points]], links: Sequence[int] = ()) -> Figure:
    """Maps of the same points side by side, one panel each."""
    fig = Figure(figsize=(4.7 * len(panels), 4.6))
    maps_on(fig, panels, links)
    return described(fig, f"Maps of the same points. {_maps(panels, links)}.")


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
    fig, told = Figure(figsize=(9.6, 4.8)), []
    for axis, (attribute, numbers) in zip(
        fig.subplots(1, len(labels)), labels.items(), strict=True
    ):
        groups = {
            name: np.concatenate([p[np.array(numbers) == number] for p in places.values()])
            for number, name in enumerate(CLASSES[attribute])
        }
        told.append(f"By {attribute}, {say.listed(groups)}: {say.apart(groups)}")
        for number, (name, points) in enumerate(groups.items()):
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
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3, fontsize=10,
                    columnspacing=0.7, handletextpad=0.1, markerscale=1.4)  # fmt: skip
    return described(fig, f"One map of {say.listed(places)}, painted again. {'. '.join(told)}.")


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
    best = "; ".join(
        f"{say.line(column)}: "
        + say.extremes({name: row[column] for name, row in rows.items() if column in row})
        for column in columns
    )
    told = "; ".join(f"{name}: {say.values(row, row.values())}" for name, row in rows.items())
    heading = f"{title}: a" if title else "A"
    return described(
        fig, f"{heading} table of per cents. Column by column, {best}. Row by row, {told}."
    )


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
    fig = Figure(figsize=(min(max(7.0, 1.6 + 1.5 * len(categories)), WIDEST), 3.6))
    axis = fig.subplots()
    width = 0.8 / len(groups)
    levels = dict.fromkeys(categories, chance) if isinstance(chance, (int, float)) else chance
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
        for x, category, height in zip(middles, categories, heights, strict=True):
            # The line of chance must not cross the number.
            crossed = levels is not None and height < levels[category] < height + 7.5
            place = levels[category] if crossed else height
            axis.text(x, place + 1.5, f"{height:.1f}", ha="center", fontsize=9)
    if levels is not None:
        for place, category in enumerate(categories):
            axis.plot(
                [place - 0.45, place + 0.45],
                [levels[category]] * 2,
                color="black",
                linestyle="--",
                marker="",
                label="chance" if place == 0 else None,
            )
    axis.set_xticks(range(len(categories)), [textwrap.fill(name, 12) for name in categories])
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, 112))
    axis.grid(axis="y")
    lines = max(label.get_text().count("\n") for label in axis.get_xticklabels())
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2 - 0.06 * lines), ncols=3)
    told = "; ".join(
        f"{say.line(category)}: {say.values(groups, (row[category] for row in groups.values()))}"
        + ("" if levels is None else f", chance {say.number(levels[category])}")
        for category in categories
    )
    return described(fig, f"Bars of {ylabel} by {xlabel}. {told}.")
