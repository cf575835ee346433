"""Tables, and bars and dots of spaces and losses: seeds, chance, hubs, swaps.

Each returns a matplotlib ``Figure`` with its alt text. Measured numbers stand in notes, never in
titles: titles are compared when a notebook is checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.charts.looks import WIDEST, line_look
from xmodal_lab.workbook.kit.figures import described
from xmodal_lab.workbook.kit.style import COLOURS


def spread(
    rows: Mapping[str, Sequence[float]], xlabel: str, ylabel: str, levels: Mapping[str, float]
) -> Figure:
    """One line an item: every seed as a dot, their mean as a bar; levels to compare with."""
    fig = Figure(figsize=(8.8, 0.95 + 0.33 * len(rows)))
    axis = fig.subplots()
    for place, values in enumerate(rows.values()):
        axis.scatter(
            values, [place] * len(values), s=34, alpha=0.7, color=COLOURS["blue"], zorder=3
        )
        axis.scatter(np.mean(values), place, s=240, marker="|", color="black", zorder=4)
    for number, (name, level) in enumerate(levels.items()):
        axis.axvline(level, **line_look(number + 1, marker=False), lw=1.5, label=name)
    axis.set_yticks(range(len(rows)), list(rows))
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set(xlabel=xlabel, xlim=(0, None), ylabel=ylabel)
    axis.grid(axis="x")
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    told = "; ".join(
        f"{name}: mean {say.number(np.mean(values))}, "
        f"dots {say.number(min(values))} to {say.number(max(values))}"
        for name, values in rows.items()
    )
    return described(
        fig,
        f"Dots of {xlabel}, one row for each {ylabel}. {told}. Levels to compare with: "
        f"{say.values(levels, levels.values()) or 'none'}.",
    )


def draws(
    panels: Mapping[str, Mapping[str, Mapping[int, Sequence[float]]]],
    xlabel: str,
    ylabel: str,
    chance: Mapping[str, float],
) -> Figure:
    """Panels side by side: a line through the means, and every draw as a dot beside it.

    Args:
        panels: title → name of the line → x → one value a draw.
        xlabel, ylabel: of all panels; x on an axis of equal ratios, y in per cent.
        chance: title → level of guessing.
    """
    fig, told = Figure(figsize=(WIDEST, 3.7)), []
    axes = np.ravel(fig.subplots(1, len(panels), sharey=True))
    for axis, (title, lines) in zip(axes, panels.items(), strict=True):
        for number, (name, found) in enumerate(lines.items()):
            look, means = line_look(number), [np.mean(values) for values in found.values()]
            axis.plot(list(found), means, **look, label=name)
            beside = 1.12 ** (2 * number + 1 - len(lines) or 1)  # not hidden by the mean's marker
            for x, values in found.items():
                dots = {"color": look["color"], "marker": look["marker"], "s": 16, "alpha": 0.45}
                axis.scatter([x * beside] * len(values), values, **dots)
            told.append(f"{title}, {name}: {_draws_told(found)}")
        axis.axhline(chance[title], color="black", lw=1, ls=(0, (1, 2)), marker="", label="chance")
        ticks = sorted({x for found in lines.values() for x in found})
        axis.set_xscale("log")
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
        axis.set(title=title, xlabel=xlabel, ylabel=ylabel, ylim=(0, 103))
        axis.grid()
    axes[-1].legend(loc="lower right")
    levels = say.values(chance, chance.values())
    return described(fig, f"{ylabel} against {xlabel}. {'. '.join(told)}. Chance: {levels}.")


def _draws_told(found: Mapping[int, Sequence[float]]) -> str:
    return ", ".join(
        f"{say.number(np.mean(values))} with {x} (draws {say.number(min(values))} to "
        f"{say.number(max(values))})"
        for x, values in found.items()
    )


def lists_entered(counts: Mapping[str, Sequence[int]], k: int) -> Figure:
    """How many first-k lists each picture is in, the most popular first."""
    fig = Figure(figsize=(7.4, 3.2))
    axis = fig.subplots()
    for number, (name, entered) in enumerate(counts.items()):
        ordered = sorted((int(n) for n in entered), reverse=True)
        axis.plot(ordered, **line_look(number, marker=False), label=name)
    axis.axhline(k, color="black", lw=1, ls=(0, (1, 2)), marker="", label="if all were equal")
    axis.set(xlabel="pictures, most popular first", ylabel=f"lists of {k} it is in")
    axis.set_yscale("symlog", linthresh=k)
    top = 1.6 * max(k, *(int(max(entered)) for entered in counts.values()))
    ticks = [tick for tick in (0, k // 2, k, 3 * k, 10 * k, 30 * k) if tick <= top]
    axis.set_yticks(ticks, [str(tick) for tick in ticks])
    axis.set_ylim(0, top)
    axis.grid()
    axis.legend(loc="upper right")
    told = "; ".join(_popularity(name, entered, k) for name, entered in counts.items())
    return described(
        fig,
        f"Curves: how many lists of {k} each of the pictures is in, most popular first. {told}. A "
        f"line at {k}: if all were equal.",
    )


def _popularity(name: str, entered: Sequence[int], k: int) -> str:
    entered = np.asarray([int(n) for n in entered])
    return (
        f"{name}: the most popular of {len(entered)} is in {entered.max()}, the middle one in "
        f"{say.number(np.median(entered))}, {(entered >= 3 * k).sum()} in {3 * k} or more, "
        f"{(entered == 0).sum()} in none"
    )


def table_with_nulls(rows: Mapping[str, Mapping[str, tuple[float, float | None]]]) -> Figure:
    """Figures, and below each in small what shuffled data give (where there is such a null)."""
    columns = list(next(iter(rows.values())))
    fig = Figure(figsize=(2.0 + 0.95 * len(columns), 0.9 + 0.56 * len(rows)))
    axis = fig.subplots()
    for y, cells in enumerate(rows.values()):
        for x, column in enumerate(columns):
            value, null = cells[column]
            _cell(axis, x, y, value, null)
        axis.hlines(y + 0.5, -0.5, len(columns) - 0.5, color="#DDDDDD", lw=0.8)
    axis.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axis.set_xticks(range(len(columns)), columns, fontsize=10)
    axis.set_yticks(range(len(rows)), list(rows), fontsize=10)
    axis.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    for side in axis.spines.values():
        side.set_visible(False)
    told = "; ".join(f"{name}: {_told(cells)}" for name, cells in rows.items())
    return described(
        fig, f"A table of {len(rows)} rows and {len(columns)} columns, with chance. {told}."
    )


def _told(cells: Mapping[str, tuple[float, float | None]]) -> str:
    return ", ".join(
        f"{say.line(column)} {say.number(value)}"
        + ("" if null is None else f" (chance {say.number(null)})")
        for column, (value, null) in cells.items()
    )


def _cell(axis: Axes, x: int, y: int, value: float, null: float | None) -> None:
    def shown(number: float) -> str:
        text = f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"
        return text.replace("-0.00", "0.00").replace("-", "−")

    axis.text(x, y - (0.12 if null is not None else 0), shown(value), ha="center", va="center")
    if null is not None:
        note = f"chance {shown(null)}"
        axis.text(x, y + 0.26, note, ha="center", va="center", fontsize=9, color="#555555")


def before_and_after(
    image: np.ndarray, captions: Sequence[str], cosines: Mapping[str, Sequence[float]]
) -> Figure:
    """A picture, its true and its wrong caption, and how near each is, model by model."""
    fig = Figure(figsize=(9.4, 1.5 + 0.8 * len(cosines)))
    seen, told = fig.subplots(1, 2, width_ratios=(1, 2.3))
    seen.imshow(np.asarray(image).transpose(1, 2, 0))
    seen.axis("off")
    looks = (("true", "blue", ""), ("wrong", "orange", "//"))
    for number, (kind, tone, hatch) in enumerate(looks):
        places = [2.4 * row + 0.85 * number for row in range(len(cosines))]
        values = [pair[number] for pair in cosines.values()]
        told.barh(places, values, 0.8, color=COLOURS[tone], hatch=hatch, edgecolor="white",
                  label=f"{kind}: {captions[number]}")  # fmt: skip
        for place, value in zip(places, values, strict=True):
            told.text(max(value, 0) + 0.02, place, f"{value:.3f}".replace("-", "−"), va="center")
    told.set_yticks([2.4 * row + 0.42 for row in range(len(cosines))], list(cosines))
    told.invert_yaxis()
    told.axvline(0, color="black", lw=0.8, ls="-")
    told.set(xlabel="cosine to the picture", ylabel="model")
    told.set_xlim(min(0, *(min(pair) for pair in cosines.values())) - 0.05, 1.15)
    told.legend(loc="upper center", bbox_to_anchor=(0.35, -0.22), fontsize=9)
    bars = "; ".join(
        f"{name}: {say.values(['true', 'wrong'], pair)}" for name, pair in cosines.items()
    )
    return described(
        fig,
        f"A picture, and bars of its cosine to the true caption, “{captions[0]}”, and to the wrong "
        f"one, “{captions[1]}”, model by model. {bars}.",
    )
