"""Figures of two opinions that meet: their plane, a voice's tracks, a threshold and its price.

Each returns a matplotlib ``Figure`` with its alt text. Measured numbers stand in notes, never in
titles: titles are compared when a notebook is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.charts.looks import WIDEST, line_look
from xmodal_lab.workbook.kit.figures import described
from xmodal_lab.workbook.kit.style import COLOURS

Opinions = Float[np.ndarray, "rows 2"]
Rule = Callable[[Opinions], Float[np.ndarray, " rows"]]
SAID = ListedColormap(["#FFFFFF", "#E3DCEB"])  # no, yes: pale enough for dots on top
KINDS = (("yes", "purple", "o"), ("no", "black", "x"))


def opinions(
    points: Opinions,
    truth: Bool[np.ndarray, " rows"],
    rules: Mapping[str, Rule],
    axes: tuple[str, str],
    kinds: tuple[str, str] = ("ironic", "plain"),
    most: int = 160,
) -> Figure:
    """The plane of two opinions, once a rule: shaded where the rule says yes.

    Args:
        points: what each of two judges thinks of each row.
        truth: True where yes is right.
        rules: title → score of points, yes above 0. Given None for a panel of the points alone.
        axes: what the two judges are.
        kinds: what yes and no are called.
        most: dots to draw of each kind; the share of right answers counts all rows.
    """
    points, truth = np.asarray(points, dtype=float), np.asarray(truth, dtype=bool)
    reach = 1.15 * max(np.abs(points).max(), 1e-6)
    grid = np.linspace(-reach, reach, 121)
    plane = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    side = min(3.4, (WIDEST - 0.4) / len(rules))
    fig, told = Figure(figsize=(side * len(rules) + 0.4, side + 1.25)), []
    panels = np.ravel(fig.subplots(1, len(rules), sharey=True, squeeze=False))
    for axis, (title, rule) in zip(panels, rules.items(), strict=True):
        said = (rule(plane) > 0).reshape(121, 121)
        axis.imshow(
            said, origin="lower", cmap=SAID, vmin=0, vmax=1, extent=(-reach, reach) * 2,
            aspect="equal",
        )  # fmt: skip
        right = (rule(points) > 0) == truth
        _dots(axis, points, truth, kinds, most)
        note = f"{100 * right.mean():.0f} % right"
        axis.set_title(title, pad=20)
        axis.text(0.5, 1.03, note, ha="center", fontsize=10, transform=axis.transAxes)
        axis.set(xlabel=axes[0], xlim=(-reach, reach), ylim=(-reach, reach))
        axis.set(xticks=[0], yticks=[0])
        axis.grid(color="#999999", lw=0.8)
        told.append(f"{title}: {say.number(100 * right.mean())} % right, {_corners(points, said)}")
    panels[0].set_ylabel(axes[1])
    for axis in panels[1:]:
        axis.set_ylabel(axes[1])
        axis.yaxis.label.set_visible(False)
    handles = [
        *panels[0].get_legend_handles_labels()[0],
        Patch(facecolor=SAID(1), edgecolor="#999999", label=f"the rule says {kinds[0]}"),
    ]
    fig.legend(handles=handles, loc="outside upper center", ncols=3)
    drawn = sum(min(most, int(rows.sum())) for rows in (truth, ~truth))
    return described(
        fig,
        f"{say.several(drawn, 'dot')}, {kinds[0]} or {kinds[1]}, in the plane of two "
        f"opinions: {axes[0]} across, {axes[1]} up. Shares are of {len(points)}. "
        f"Shaded where the rule says {kinds[0]}. "
        f"{'. '.join(told)}.",
    )


def _dots(axis: Axes, points: Opinions, truth, kinds: tuple[str, str], most: int) -> None:
    for (_, tone, marker), kind, rows in zip(KINDS, kinds, (truth, ~truth), strict=True):
        shown = points[rows][:most]
        axis.scatter(
            *shown.T,
            s=20,
            marker=marker,
            color=COLOURS[tone],
            alpha=0.7,
            linewidths=0.9,
            label=kind,
        )


def _corners(points: Opinions, said: Bool[np.ndarray, "rows columns"]) -> str:
    """Which quarters of the plane are mostly shaded."""
    half = said.shape[0] // 2
    quarters = {
        "lower left": said[:half, :half],
        "lower right": said[:half, half:],
        "upper left": said[half:, :half],
        "upper right": said[half:, half:],
    }
    shaded = [name for name, part in quarters.items() if part.mean() > 0.5]
    return f"mostly shaded: {say.listed(shaded) or 'none'}"


def tracks(
    sounds: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
) -> Figure:
    """Tracks of several sounds below each other, one panel a quantity, on one axis of time.

    Args:
        sounds: name of the sound → quantity and unit → (seconds, values); NaN where there is none.
    """
    quantities = list(next(iter(sounds.values())))
    fig, told = Figure(figsize=(8.6, 0.7 + 1.6 * len(quantities))), []
    axes = fig.subplots(len(quantities), 1, sharex=True, squeeze=False)[:, 0]
    for axis, quantity in zip(axes, quantities, strict=True):
        for number, (name, found) in enumerate(sounds.items()):
            seconds, values = (np.asarray(part, dtype=float) for part in found[quantity])
            axis.plot(seconds, values, label=name, **line_look(number, marker=False))
            told.append(f"{quantity}, {name}: {_middle(seconds, values)}")
        axis.set(xlabel="time / s", ylabel=quantity)
        axis.grid()
    for axis in axes[:-1]:
        axis.xaxis.label.set_visible(False)
    axes[0].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(sounds))
    return described(fig, f"Tracks against time / s. {'. '.join(told)}.")


def _middle(seconds, values) -> str:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return "none found"
    low, middle, high = np.percentile(finite, (10, 50, 90))
    return (
        f"half above {say.number(middle)}, from {say.number(low)} to {say.number(high)} but for a "
        f"tenth at either end, over {say.number(seconds[-1])} s"
    )


def confusion(
    panels: Mapping[str, Sequence[Sequence[int]]],
    names: Sequence[str],
    axes: tuple[str, str] = ("said", "true"),
) -> Figure:
    """Confusion matrices side by side: rows are the truth, columns what was said; in counts.

    A cell is the darker, the larger its share of its row.
    """
    side = min(2.9, WIDEST / len(panels))
    fig, told = Figure(figsize=(side * len(panels), side + 0.2)), []
    for axis, (title, counts) in zip(
        np.ravel(fig.subplots(1, len(panels), squeeze=False)), panels.items(), strict=True
    ):
        counts = np.asarray(counts)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axis.imshow(shares, cmap="Purples", vmin=0, vmax=1.25)
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.65 else "black"
            weight = "bold" if row == column else "normal"
            axis.text(column, row, f"{count:,}", ha="center", va="center", color=colour,
                      weight=weight)  # fmt: skip
        axis.set_xticks(range(len(names)), names)
        axis.set_yticks(range(len(names)), names, rotation=90, va="center")
        axis.set(title=title, xlabel=axes[0], ylabel=axes[1])
        axis.tick_params(length=0)
        cells = (
            f"{axes[1]} {names[row]}, {axes[0]} {names[column]}: {count:,}"
            for (row, column), count in np.ndenumerate(counts)
        )
        told.append(f"{title}: {'; '.join(cells)}")
    return described(
        fig, f"Tables of counts, rows {axes[1]}, columns {axes[0]}. {'. '.join(told)}."
    )


def threshold(
    scores: Float[np.ndarray, " rows"],
    truth: Bool[np.ndarray, " rows"],
    at: float,
    figures: Mapping[str, Sequence[float]],
    grid: Sequence[float],
    names: tuple[str, str] = ("ironic", "plain"),
) -> Figure:
    """Where a threshold cuts the scores of two classes, and what it costs.

    Args:
        scores: of each row, from 0 to 1.
        truth: True for the rare class.
        at: the threshold; yes from there on.
        figures: name of a measure → its value in per cent at each threshold of ``grid``.
        grid: thresholds.
        names: of the rare class and of the other.
    """
    fig = Figure(figsize=(WIDEST, 3.5))
    left, right = fig.subplots(1, 2, width_ratios=(1.1, 1))
    bins = np.linspace(0, 1, 21)
    for number, (name, rows) in enumerate(zip(names[::-1], (~truth, truth), strict=True)):
        left.hist(
            scores[rows], bins, label=f"{name}: {rows.sum()}",
            color=COLOURS[("sky", "vermilion")[number]],
            hatch=("", "///")[number], edgecolor="white", alpha=0.9,
        )  # fmt: skip
    left.set(xlabel=f"score: how sure of {names[0]}", ylabel="sentences", xlim=(0, 1))
    left.set_yscale("symlog", linthresh=10)
    left.set_yticks([0, 10, 100], ["0", "10", "100"])
    for number, (name, values) in enumerate(figures.items()):
        right.plot(grid, values, label=name, **line_look(number, marker=False))
    right.set(xlabel="threshold", ylabel="per cent", xlim=(0, 1), ylim=(-3, 103))
    right.grid()
    for axis in (left, right):
        axis.axvline(at, color="black", lw=1.2, ls=":", marker="")
    left.legend(loc="upper center")
    right.legend(loc="lower center", fontsize=9)
    said = scores >= at
    here = {name: float(np.interp(at, grid, values)) for name, values in figures.items()}
    return described(
        fig,
        f"Left, how many sentences have which score (score: how sure of {names[0]}), the scale of "
        f"counts logarithmic: {int(truth.sum())} {names[0]}, {int((~truth).sum())} {names[1]}. At "
        f"the threshold {say.number(at)} {int(said.sum())} are called {names[0]}, "
        f"{int((said & truth).sum())} of them rightly. Right, per cent against the threshold; "
        f"there: {say.values(here, here.values())}.",
    )
