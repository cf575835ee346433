"""Figures of transformers: two architectures, where a token looks, a graph of messages.

Each returns a matplotlib ``Figure`` with its alt text. What depends on training stands in notes,
never in titles: titles are compared when a notebook is checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int64, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.charts.looks import WIDEST, dot_look, line_look
from xmodal_lab.workbook.kit.figures import described
from xmodal_lab.workbook.kit.style import COLOURS, MODALITY

Place = tuple[float, float]
Row = Sequence[tuple[Place, str]]  # tokens of one layer: where each stands, and its modality
OTHER = {"color": COLOURS["black"], "marker": "D"}  # a token that is of no modality
DARK = 0.25  # how much of a picture is left where nothing looks


def architectures(words: Sequence[str], cells: int, layers: int) -> Figure:
    """Who looks at whom, from below to above: one stream of all tokens, and two streams.

    Args:
        words: of the question.
        cells: how many of the picture are drawn.
        layers: how many.
    """
    fig = Figure(figsize=(WIDEST, 1.9 + 1.3 * layers))
    one, two = fig.subplots(1, 2)
    _one_stream(one, words, cells, layers)
    _two_streams(two, words, cells, layers)
    for axis in (one, two):
        axis.axis("off")
    told = f"{say.listed(words)}, and {say.several(cells, 'cell')}"
    return described(
        fig,
        f"Two networks of {say.several(layers, 'layer')} over the words {told}. Single-stream: "
        "[CLS], words and cells stand in one row, and lines lead from each to each in every layer. "
        "Two-stream: words and cells stand in rows of their own, each behind a diamond of its own; "
        "in every layer lines cross from each row to the other first, marked across, and then lead "
        "from each to each within a row, marked self.",
    )


def _one_stream(axis: Axes, words: Sequence[str], cells: int, layers: int) -> None:
    names = ["[CLS]", *words, *[f"cell {n}" for n in range(1, cells + 1)]]
    kinds = ["", *["text"] * len(words), *["image"] * cells]
    rows = [[((x, y), kind) for x, kind in enumerate(kinds)] for y in range(layers + 1)]
    for below, above in pairwise(rows):
        _lines(axis, below, above, COLOURS["grey"], "-")
    for row in rows:
        _tokens(axis, row)
    _names(axis, rows[0], names)
    _arrow(axis, (0, layers + 0.12), (0, layers + 0.55))
    axis.text(0, layers + 0.6, "answer", ha="center", va="bottom")
    axis.set(title="single-stream: all in one row", xlim=(-0.8, len(names) - 0.2))
    axis.set_ylim(-1.4, layers + 1)


def _two_streams(axis: Axes, words: Sequence[str], cells: int, layers: int) -> None:
    text = [((x, 0.0), "text" if x else "") for x in range(len(words) + 1)]
    start = len(text) + 1
    image = [((start + x, 0.0), "image" if x else "") for x in range(cells + 1)]
    for layer in range(layers):
        across, own = ([_lifted(row, layer + y) for row in (text, image)] for y in (0.5, 1.0))
        text_now, image_now = _lifted(text, layer), _lifted(image, layer)
        _lines(axis, image_now, across[0], MODALITY["image"].colour, "-")
        _lines(axis, text_now, across[1], MODALITY["text"].colour, "--")
        for below, above in zip(across, own, strict=True):
            _lines(axis, below, above, COLOURS["grey"], "-")
        for row in (text_now, image_now, *across):
            _tokens(axis, row)
        for y, name in ((0.25, "across"), (0.75, "self")):
            axis.text(-0.75, layer + y, name, ha="right", va="center", fontsize=9)
    for row in (_lifted(text, layers), _lifted(image, layers)):
        _tokens(axis, row)
        _arrow(axis, (row[0][0][0], layers + 0.12), (start / 2 - 0.5, layers + 0.55))
    axis.text(start / 2 - 0.5, layers + 0.6, "answer", ha="center", va="bottom")
    names = ["[own]", *words], ["[own]", *[f"cell {n}" for n in range(1, cells + 1)]]
    for row, mine in zip((text, image), names, strict=True):
        _names(axis, row, mine)
    axis.set(title="two-stream: each its own row", xlim=(-2.4, start + cells + 0.8))
    axis.set_ylim(-1.4, layers + 1)


def _lifted(row: Row, by: float) -> Row:
    return [((x, y + by), kind) for (x, y), kind in row]


def _lines(axis: Axes, below: Row, above: Row, colour: str, style) -> None:
    for (x0, y0), _ in below:
        for (x1, y1), _ in above:
            axis.plot([x0, x1], [y0, y1], style, color=colour, lw=0.6, alpha=0.45, marker="")


def _tokens(axis: Axes, row: Row) -> None:
    for place, kind in row:
        dot = MODALITY[kind].dot if kind else OTHER
        axis.scatter(*place, s=46, zorder=3, edgecolors="white", linewidths=0.6, **dot)


def _names(axis: Axes, row: Row, names: Sequence[str]) -> None:
    for ((x, y), _), name in zip(row, names, strict=True):
        axis.text(x + 0.15, y - 0.18, name, rotation=50, ha="right", va="top", fontsize=9)


def _arrow(axis: Axes, start: Place, end: Place, **look) -> None:
    look = {"arrowstyle": "-|>", "mutation_scale": 12, "color": "black", "lw": 1.3} | look
    axis.add_patch(FancyArrowPatch(start, end, **look))


def race(
    runners: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    finished: Mapping[str, Place],
    chance: float,
    xlabel: str,
    ylabel: str,
) -> Figure:
    """Who gets how far, and when: curves, and single points of those who have arrived.

    Args:
        runners: name → (x, y), one curve each.
        finished: name → (x, y), one point each.
        chance: y of guessing, drawn across.
        xlabel, ylabel: quantity and unit.
    """
    fig = Figure(figsize=(8.4, 3.8))
    axis = fig.subplots()
    for number, (name, (x, y)) in enumerate(runners.items()):
        axis.plot(x, y, label=name, markersize=5, **line_look(number))
    for number, (name, place) in enumerate(finished.items(), start=len(runners)):
        look = dot_look(number) | {"marker": "*", "s": 260, "edgecolors": "black", "zorder": 4}
        axis.scatter(*place, label=name, **look)
    axis.axhline(chance, color=COLOURS["grey"], ls=(0, (1, 2)), lw=1.4, marker="", label="guessing")
    axis.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, None), ylim=(0, 105))
    axis.grid()
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    points = "; ".join(
        f"{name}: {say.number(y)} at {say.number(x)}" for name, (x, y) in finished.items()
    )
    return described(
        fig,
        f"{ylabel} against {xlabel}, as lines. {say.courses(runners)}. As a star, {points}. "
        f"Guessing: {say.number(chance)}.",
    )


def looking_around(
    image: UInt8[np.ndarray, "3 size size"],
    cells: Float[np.ndarray, "lines columns"],
    words: Mapping[str, float],
    asks: str,
    note: str = "",
) -> Figure:
    """Where one head of one token looks: a picture, lit by the cells' weights, and words as bars.

    Args:
        image: as it is.
        cells: weights of a grid over it; the picture is lit on a scale of its own.
        words: token → weight; repeats need names of their own.
        asks: who looks.
        note: below, such as the answer.
    """
    cells = np.asarray(cells, dtype=float)
    fig = Figure(figsize=(9.2, max(3.1, 1.3 + 0.26 * len(words))))
    plain, lit, bars = fig.subplots(1, 3, width_ratios=(1, 1, 1.1))
    size = image.shape[-1]
    step = size // len(cells)
    shares = np.kron(cells / max(cells.max(), 1e-12), np.ones((step, step)))
    shown = np.asarray(image).transpose(1, 2, 0) / 255
    plain.imshow(shown)
    lit.imshow(shown * (DARK + (1 - DARK) * shares[..., None]))
    line, column = np.unravel_index(cells.argmax(), cells.shape)
    frame = {"fill": False, "ec": "white", "lw": 1.8}
    lit.add_patch(Rectangle((column * step - 0.5, line * step - 0.5), step, step, **frame))
    for axis, title in ((plain, "picture"), (lit, "attention to cells\n(frame: the most)")):
        axis.set_title(title)
        axis.axis("off")
    look = MODALITY["text"]
    bars.barh(range(len(words)), list(words.values()), 0.7, color=look.colour)
    bars.set_yticks(range(len(words)), list(words))
    bars.set(
        xlim=(0, 1),
        ylim=(len(words) - 0.4, -0.6),
        xlabel="weight",
        ylabel="token",
        title="attention to words",
    )
    fig.suptitle(asks, fontsize=12)
    if note:
        fig.supxlabel(note, fontsize=11)
    noted = f" {note}." if note else ""
    return described(
        fig,
        f"{asks}: the picture, and again, lit where the head looks at cells; brightest in line "
        f"{line + 1}, column {column + 1}, with {say.number(cells.max())}. Bars of its weight "
        f"at each token: {say.values(words, words.values())}.{noted}",
    )


def message_graph(
    nodes: Mapping[str, str],
    edges: Int64[np.ndarray, "2 edges"],
    weights: Float[np.ndarray, " edges"],
) -> Figure:
    """Nodes in a ring, and the messages that reach them: the wider an arrow, the more it counts.

    Args:
        nodes: name → its modality, or '' for none.
        edges: from (first line) and to (second line); loops are not drawn.
        weights: of the edges, 0 to 1.
    """
    fig = Figure(figsize=(6.4, 4.6))
    axis = fig.subplots()
    turns = np.pi / 2 - 2 * np.pi * np.arange(len(nodes)) / len(nodes)
    places = np.stack([1.35 * np.cos(turns), np.sin(turns)], 1)
    for (source, target), weight in zip(np.asarray(edges).T, weights, strict=True):
        if source != target:
            look = {"lw": 0.5 + 5 * float(weight), "shrinkA": 13, "shrinkB": 13, "alpha": 0.75}
            look |= {"connectionstyle": "arc3,rad=0.12", "color": COLOURS["grey"]}
            _arrow(axis, places[source], places[target], **look)
    for (x, y), (name, kind) in zip(places, nodes.items(), strict=True):
        dot = MODALITY[kind].dot if kind else OTHER
        axis.scatter(x, y, s=190, zorder=3, edgecolors="white", **dot)
        axis.text(1.2 * x, 1.2 * y, name, ha="center", va="center")
    axis.set(xlim=(-2.1, 2.1), ylim=(-1.45, 1.45))
    axis.axis("off")
    names = list(nodes)
    told = "; ".join(
        f"{names[source]} to {names[target]} {say.number(weight)}"
        for (source, target), weight in zip(np.asarray(edges).T, weights, strict=True)
    )
    return described(
        fig, f"A graph of {say.listed(names)}; arrows are messages with their weights: {told}."
    )
