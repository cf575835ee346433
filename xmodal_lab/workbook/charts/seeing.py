"""Figures of what a convolutional network sees: windows, answers, receptive fields, heat maps.

Each returns a matplotlib ``Figure`` with its alt text. What depends on training stands in notes,
never in titles: titles are compared when a notebook is checked.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.charts.looks import WIDEST
from xmodal_lab.workbook.kit.figures import described
from xmodal_lab.workbook.kit.style import COLOURS

Picture = UInt8[np.ndarray, "3 height width"] | Float[np.ndarray, "height width"]
Map = Float[np.ndarray, "lines columns"]
Masks = Bool[np.ndarray, "count size size"]


def windows(
    patch: Float[np.ndarray, "h w"], kernel: Float[np.ndarray, "kh kw"], answer: Map
) -> Figure:
    """Three grids with their numbers: a piece of a picture, a kernel, and what the kernel answers.

    The first window and the number it makes are framed.
    """
    fig = Figure(figsize=(WIDEST, 3.3))
    parts = [np.asarray(part, dtype=float) for part in (patch, kernel, answer)]
    axes = fig.subplots(1, 3, width_ratios=[part.shape[1] + 0.6 for part in parts])
    titles = ("levels of the picture", "kernel", "answer")
    for axis, part, title in zip(axes, parts, titles, strict=True):
        levels = title.startswith("levels")
        edge = 1.6 * max(
            np.abs(part).max(), 1e-9
        )  # paler than the scale's ends: numbers stay legible
        look = (
            {"cmap": "gray", "vmin": 0, "vmax": 255}
            if levels
            else {"cmap": "PuOr_r", "vmin": -edge, "vmax": edge}
        )
        axis.imshow(part, **look)
        for (row, column), value in np.ndenumerate(part):
            colour = "white" if levels and value < 128 else "black"
            axis.text(
                column, row, _short(value), ha="center", va="center", color=colour, fontsize=10
            )
        axis.set_title(title)
        axis.axis("off")
    height, width = parts[1].shape
    for axis, size in ((axes[0], (width, height)), (axes[2], (1, 1))):
        axis.add_patch(_frame((-0.5, -0.5), *size))
    told = "; ".join(
        f"{title}: " + " / ".join(" ".join(_short(v) for v in row) for row in part)
        for title, part in zip(titles, parts, strict=True)
    )
    return described(
        fig,
        f"Three grids of numbers, line by line. {told}. The first window and its answer are "
        "framed.",
    )


def _short(value: float) -> str:
    return (
        f"{value:.3g}".replace("-", "−") if abs(value) < 1000 else f"{value:.0f}".replace("-", "−")
    )


def _frame(corner: tuple[float, float], width: float, height: float) -> Rectangle:
    """A frame that is seen on any colour."""
    look = {"fill": False, "edgecolor": COLOURS["vermilion"], "linewidth": 2.5, "linestyle": "--"}
    below = [withStroke(linewidth=4.5, foreground="white")]
    return Rectangle(corner, width, height, path_effects=below, zorder=4, **look)


def answers(picture: Picture, found: Mapping[str, Map], columns: int = 3) -> Figure:
    """A picture, and beside it maps made of it: orange is positive, purple negative.

    A map without anything negative is drawn in grey, as brightness.

    Args:
        picture: (3, height, width) levels, or (height, width) in grey.
        found: title → map, each on a scale of its own.
        columns: panels side by side.
    """
    rows = -(-(1 + len(found)) // columns)
    tall = np.shape(picture)[-2] / np.shape(picture)[-1]
    wide = WIDEST / columns
    fig = Figure(figsize=(WIDEST, rows * (wide * tall + 0.3)))
    axes = np.ravel(fig.subplots(rows, columns, squeeze=False))
    for axis in axes:
        axis.axis("off")
    _show(axes[0], picture)
    axes[0].set_title("the picture", fontsize=11)
    for axis, (title, values) in zip(axes[1:], found.items(), strict=False):
        _signed(axis, np.asarray(values, dtype=float))
        axis.set_title(title, fontsize=11)
    told = "; ".join(f"{title}: {_signs(np.asarray(values))}" for title, values in found.items())
    return described(
        fig, f"A picture beside maps made of it, orange positive and purple negative. {told}."
    )


def _show(axis: Axes, picture: Picture) -> None:
    picture = np.asarray(picture)
    if picture.ndim == 3:
        axis.imshow(np.clip(picture.transpose(1, 2, 0), 0, 255).astype(np.uint8))
    else:
        axis.imshow(picture, cmap="gray", vmin=0, vmax=255)


def _signed(axis: Axes, values: Map) -> None:
    if values.min() >= 0:
        axis.imshow(values, cmap="gray", vmin=0, vmax=max(values.max(), 1e-9))
        return
    edge = max(np.quantile(np.abs(values), 0.995), 1e-9)  # one wild cell must not pale all others
    axis.imshow(values, cmap="PuOr_r", vmin=-edge, vmax=edge)


def _signs(values: Map) -> str:
    up, down = (100 * np.mean(side) for side in (values > 0, values < 0))
    return (
        f"{values.shape[0]} × {values.shape[1]} cells from {say.number(values.min())} to "
        f"{say.number(values.max())}, {say.number(up)} % positive and {say.number(down)} % negative"
    )


def heats(
    images: UInt8[np.ndarray, "count 3 size size"],
    maps: Mapping[str, Float[np.ndarray, "count size size"]],
    titles: Sequence[str] = (),
    things: Masks | Mapping[str, Masks] | None = None,
    marks: Masks | None = None,
) -> Figure:
    """Pictures, and below them a row for every model: where it looks, brighter is hotter.

    Args:
        images: one a column.
        maps: name of the row → a map for each picture; each on a scale of its own.
        titles: above the columns.
        things: outlined in every map, to compare with; or name of the row → what is outlined
            there.
        marks: outlined too, with dashes.
    """
    names = ["picture", *maps]
    things = {} if things is None else things
    things = things if isinstance(things, Mapping) else dict.fromkeys(maps, things)
    fig, grid = _grid(len(images), len(names), bool(len(titles)))
    for column, image in enumerate(images):
        _show(grid[0, column], image)
        if len(titles):
            grid[0, column].set_title(textwrap.fill(titles[column], 14), fontsize=9)
        for axis, (name, heat) in zip(grid[1:, column], maps.items(), strict=True):
            _heat(axis, image, np.asarray(heat[column], dtype=float))
            for masks, style in ((things.get(name), "-"), (marks, "--")):
                if masks is not None:
                    look = {"colors": "white", "linewidths": 1.3, "linestyles": style}
                    axis.contour(masks[column], levels=[0.5], **look)
    for axis in grid.flat:
        axis.axis("off")
    for axis, name in zip(grid[:, 0], names, strict=True):
        if len(images) == 1:
            axis.set_title(name, fontsize=11)
        else:
            place = {"xy": (-0.08, 0.5), "xycoords": "axes fraction", "ha": "right", "va": "center"}
            axis.annotate(textwrap.fill(name, 15), **place, fontsize=10)
    return described(fig, _where(maps, titles, things, marks))


def _grid(count: int, rows: int, titled: bool) -> tuple[Figure, np.ndarray]:
    """Room for ``count`` pictures in columns; a single picture has its maps beside it."""
    if count == 1:
        fig = Figure(figsize=(2.6 * rows, 2.9))
        return fig, fig.subplots(1, rows, squeeze=False).T
    side = min(1.55, (WIDEST - 1.3) / count)
    fig = Figure(figsize=(side * count + 1.3, (side + 0.12) * rows + 0.35 * titled))
    return fig, fig.subplots(rows, count, squeeze=False)


def _heat(axis: Axes, image, heat: Map) -> None:
    """A picture in grey under its heat: hot places are bright and opaque."""
    grey = np.asarray(image, dtype=float).mean(axis=0)
    axis.imshow(grey, cmap="gray", vmin=0, vmax=255)
    share = heat / max(heat.max(), 1e-12)
    axis.imshow(share, cmap="inferno", vmin=0, vmax=1, alpha=0.35 + 0.5 * np.clip(share, 0, 1))


def _where(maps, titles, things, marks) -> str:
    """For every row, in which part of each picture its hottest pixel lies."""
    if not maps:
        return f"Pictures: {'; '.join(map(say.line, titles))}."
    told = []
    for name, heat in maps.items():
        places = []
        for column, values in enumerate(np.asarray(heat, dtype=float)):
            spot = np.unravel_index(values.argmax(), values.shape)
            place = _part(values, spot)
            if name in things and values.max() > 0:
                place += " on" if things[name][column][spot] else " beside"
                place += " the outlined thing"
            if marks is not None and marks[column][spot]:
                place += " on the mark"
            places.append(f"{say.line(titles[column])}: {place}" if len(titles) else place)
        told.append(f"{say.line(name)}: {'; '.join(places)}")
    return (
        f"Pictures, and maps of where each model looks. The hottest pixels of {'. Of '.join(told)}."
    )


def _part(values: np.ndarray, spot: tuple[int, int]) -> str:
    if values.max() <= 0:
        return "cold everywhere"
    low, right = (at >= side / 2 for at, side in zip(spot, values.shape, strict=True))
    return f"{'lower' if low else 'upper'} {'right' if right else 'left'}"


def fields(
    picture: Picture,
    strengths: Mapping[str, Float[np.ndarray, "height width"]],
    spans: Mapping[str, tuple[int, int, int, int]],
) -> Figure:
    """Receptive fields: how strongly each pixel moves one cell, and a frame around what it can see.

    Args:
        picture: what the network reads.
        strengths: layer → gradient strength of every pixel.
        spans: layer → first and last line, first and last column of the computed field.
    """
    fig = Figure(figsize=(WIDEST, WIDEST / (1 + len(strengths)) + 0.45))
    axes = fig.subplots(1, 1 + len(strengths))
    _show(axes[0], picture)
    axes[0].set_title("the picture", fontsize=11)
    for axis in axes:
        axis.axis("off")
    told = []
    for axis, (layer, strength) in zip(axes[1:], strengths.items(), strict=True):
        strength = np.asarray(strength, dtype=float)
        axis.imshow(np.sqrt(strength / max(strength.max(), 1e-12)), cmap="magma", vmin=0, vmax=1)
        top, bottom, left, right = spans[layer]
        axis.add_patch(_frame((left - 0.5, top - 0.5), right - left + 1, bottom - top + 1))
        axis.set_title(layer, fontsize=11)
        half = _half(strength)
        told.append(
            f"{layer}: lines {top} to {bottom} and columns {left} to {right} can be seen; half of "
            f"the strength lies in {half} of {strength.size} pixels"
        )
    return described(
        fig,
        "A picture, and for one cell of each layer how strongly every pixel moves it, in a frame "
        f"around the computed field. {'; '.join(told)}.",
    )


def _half(strength: np.ndarray) -> int:
    """How few pixels hold half of the sum."""
    falling = np.sort(strength.ravel())[::-1].cumsum()
    return int(np.searchsorted(falling, falling[-1] / 2) + 1)


def filters(rows: Mapping[str, Float[np.ndarray, "count 3 h w"]]) -> Figure:
    """Kernels that read colours, each as a small picture: grey is 0, each on its own scale.

    Args:
        rows: name of the row → its kernels, equally many in each.
    """
    rows = {name: np.asarray(weights, dtype=float) for name, weights in rows.items()}
    count = len(next(iter(rows.values())))
    side = (WIDEST - 1.1) / count
    fig = Figure(figsize=(WIDEST, (side + 0.1) * len(rows) + 0.2))
    grid = fig.subplots(len(rows), count, squeeze=False)
    for axes, (name, weights) in zip(grid, rows.items(), strict=True):
        place = {"xy": (-0.2, 0.5), "xycoords": "axes fraction", "ha": "right", "va": "center"}
        axes[0].annotate(textwrap.fill(name, 9), **place, fontsize=10)
        for axis, kernel in zip(axes, weights, strict=True):
            axis.axis("off")
            share = kernel / max(np.abs(kernel).max(), 1e-12)
            axis.imshow(0.5 + 0.5 * share.transpose(1, 2, 0))
    told = "; ".join(f"{name}: {_cancelling(weights)}" for name, weights in rows.items())
    return described(
        fig,
        f"Kernels as small coloured pictures, {count} in each row. Those of whose weights more "
        f"than half cancel out over the window: {told}.",
    )


def _cancelling(weights: Float[np.ndarray, "count 3 h w"]) -> int:
    """How many kernels ask for an edge: one that asks for a colour keeps a part of itself."""
    sums, sizes = np.abs(weights.sum((2, 3))).sum(1), np.abs(weights).sum((1, 2, 3))
    return int((sums < 0.5 * sizes).sum())
