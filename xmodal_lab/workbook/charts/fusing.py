"""Figures of fusion and attention: where a question looks, who is listened to, ways to join.

Each returns a matplotlib ``Figure`` with its alt text. What depends on training stands in notes,
never in titles: titles are compared when a notebook is checked.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.patheffects import withStroke

from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.charts.looks import WIDEST
from xmodal_lab.workbook.kit.figures import described
from xmodal_lab.workbook.kit.style import COLOURS, MODALITY

Map = Float[np.ndarray, "lines columns"]
Box = Float[np.ndarray, "4"]
HATCHES = {"text": "//", "image": "", "audio": ".."}
DARK = 0.25  # how much of a picture is left where nothing looks


def spotlights(
    images: UInt8[np.ndarray, "count 3 size size"],
    looks: Mapping[str, Float[np.ndarray, "count lines columns"]],
    questions: Sequence[str] = (),
    notes: Sequence[str] = (),
    boxes: Mapping[str, Float[np.ndarray, "count 4"]] | None = None,
    arrows: bool = False,
) -> Figure:
    """Pictures, and for every look the same picture, lit where the weights are.

    Args:
        images: one a column; of a single one the looks stand beside it.
        looks: name → weights of the cells of a grid; each map on a scale of its own.
        questions: above the columns.
        notes: below them, what was answered.
        boxes: name of a look → left, top, right and bottom edge in pixels, dashed.
        arrows: from the middle of each look's weights to the middle of the next one's.
    """
    count, names = len(images), ["picture", *looks]
    looks = {name: np.asarray(maps, dtype=float) for name, maps in looks.items()}
    fig, grid = _stage(count, len(names), bool(len(questions)), bool(len(notes)))
    for column, image in enumerate(images):
        top, bottom = (grid[0, column], grid[-1, column])
        if count > 1 and len(questions):
            top.set_title(textwrap.fill(questions[column], 22), fontsize=10)
        if count > 1 and len(notes):
            place = {"xycoords": "axes fraction", "ha": "center", "va": "top", "fontsize": 10}
            bottom.annotate(textwrap.fill(notes[column], 24), (0.5, -0.04), **place)
        _lit(top, image, None)
        last = None
        for axis, (name, maps) in zip(grid[1:, column], looks.items(), strict=True):
            _lit(axis, image, maps[column])
            if boxes is not None and name in boxes:
                _box(axis, boxes[name][column])
            middle = _middle(maps[column], image.shape[-1])
            if arrows and last is not None:
                _arrow(axis, last, middle)
            last = middle
    for axis, name in zip(grid[:, 0], names, strict=True):
        if count == 1:
            axis.set_title(name, fontsize=11)
        else:
            place = {"xycoords": "axes fraction", "ha": "right", "va": "center", "fontsize": 10}
            axis.annotate(textwrap.fill(name, 11), (-0.06, 0.5), **place)
    if count == 1 and (len(questions) or len(notes)):
        fig.suptitle("   ".join(f"“{q}”" for q in questions), fontsize=12)
        fig.supxlabel("   ".join(notes), fontsize=11)
    return described(fig, _told(looks, questions, notes, boxes or {}, images.shape[-1]))


def _stage(count: int, rows: int, titled: bool, noted: bool) -> tuple[Figure, np.ndarray]:
    if count == 1:
        fig = Figure(figsize=(min(2.9 * rows, WIDEST), min(2.9, WIDEST / rows) + 0.75))
        axes = fig.subplots(1, rows, squeeze=False).T
    else:
        side = min(2.2, (WIDEST - 1.0) / count)
        high = (side + 0.06) * rows + 0.6 * titled + 0.4 * noted
        fig = Figure(figsize=(side * count + 1.0, high))
        axes = fig.subplots(rows, count, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    return fig, axes


def _lit(axis: Axes, image: UInt8[np.ndarray, "3 size size"], weights: Map | None) -> None:
    """A picture in its own colours, dark where the weights are small."""
    shown = np.asarray(image, dtype=float).transpose(1, 2, 0) / 255
    if weights is not None:
        share = weights / max(weights.max(), 1e-12)
        across = shown.shape[0] // share.shape[0], shown.shape[1] // share.shape[1]
        light = DARK + (1 - DARK) * np.kron(share, np.ones(across))
        shown = shown * light[..., None]
    axis.imshow(shown)


def _box(axis: Axes, box: Box) -> None:
    left, top, right, bottom = (float(edge) for edge in box)
    if not np.isfinite([left, top, right, bottom]).all():
        return
    look = {"fill": False, "edgecolor": "white", "linewidth": 1.4, "linestyle": (0, (3, 2))}
    axis.add_patch(Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, **look))


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    stroke = [withStroke(linewidth=4, foreground="black")]
    look = {"arrowstyle": "-|>", "mutation_scale": 13, "color": "white", "linewidth": 1.6}
    axis.add_patch(FancyArrowPatch(start, end, path_effects=stroke, shrinkB=9, **look))


def _middle(weights: Map, size: int) -> tuple[float, float]:
    """Column and line of the heaviest cell's middle, in pixels."""
    line, column = np.unravel_index(weights.argmax(), weights.shape)
    return (column + 0.5) * size / weights.shape[1] - 0.5, (line + 0.5) * size / weights.shape[
        0
    ] - 0.5


def _told(looks, questions, notes, boxes, size: int) -> str:
    told = []
    for column in range(len(next(iter(looks.values())))):
        parts = [f"“{questions[column]}”" if len(questions) else f"picture {column + 1}"]
        for name, maps in looks.items():
            x, y = _middle(maps[column], size)
            where = f"{'upper' if y < size / 2 else 'lower'} {'left' if x < size / 2 else 'right'}"
            box = boxes[name][column] if name in boxes else None
            if box is not None and np.isfinite(np.asarray(box, dtype=float)).all():
                inside = box[0] <= x <= box[2] and box[1] <= y <= box[3]
                where += f", {'in' if inside else 'outside'} the dashed box"
            share = 100 * maps[column].max() / max(maps[column].sum(), 1e-12)
            parts.append(f"{name}: heaviest cell {where}, {say.number(share)} % of the weight")
        if len(notes):
            parts.append(notes[column])
        told.append("; ".join(parts))
    return f"Pictures, lit where the weights are. {'. '.join(told)}."


def weights_by_noise(
    panels: Mapping[str, Mapping[str, Sequence[float]]], levels: Sequence[float], xlabel: str
) -> Figure:
    """Who is listened to while one modality gets noisier, a panel for each that does.

    Args:
        panels: noisy modality → modality → its mean weight at each level.
        levels: of the noise.
        xlabel: what they are, and their unit.
    """
    fig, told = Figure(figsize=(WIDEST, 3.2)), []
    axes = np.ravel(fig.subplots(1, len(panels), sharey=True))
    for axis, (noisy, found) in zip(axes, panels.items(), strict=True):
        for name, weights in found.items():
            axis.plot(
                levels, weights, **MODALITY[name].line, label=name, lw=2.4 if name == noisy else 1.4
            )
        axis.axhline(1 / len(found), color=COLOURS["grey"], lw=1, ls=(0, (1, 2)))
        axis.set(title=f"noisy: {noisy}", xlabel=xlabel, ylabel="mean weight", ylim=(0, 1))
        axis.grid()
        told.append(
            f"Noisy {noisy}: "
            + "; ".join(f"{name}: {say.course(levels, w)}" for name, w in found.items())
        )
    axes[0].legend(loc="upper right")
    return described(
        fig,
        f"Mean weight of each modality against {xlabel}. {'. '.join(told)}. A dotted line: equal "
        "weights.",
    )


def joined(places: Mapping[str, int], dim: int) -> Figure:
    """Two ways to put modalities together: along the features, or along the places.

    Args:
        places: modality → how many places (words, cells, frames) it has.
        dim: numbers of a vector.
    """
    total = sum(places.values())
    fig = Figure(figsize=(WIDEST, 3.4))
    left, right = fig.subplots(1, 2, width_ratios=(1.6, 1))
    down = 0
    for number, (name, count) in enumerate(places.items()):
        _cells(left, name, 1, dim, number * dim, 0)
        left.text((number + 0.5) * dim, 1.3, name, ha="center", va="top")
        _cells(right, name, count, dim, 0, down)
        right.text(dim + 0.4, down + count / 2, name, va="center")
        down += count
    left.set(xlim=(-0.1, len(places) * dim + 0.1), ylim=(2.4, -0.1))
    right.set(xlim=(-0.1, dim + 4), ylim=(total + 0.1, -0.1))
    left.set_title(f"along features: 1 × {len(places) * dim}")
    right.set_title(f"along places: {total} × {dim}")
    for axis in (left, right):
        axis.set_aspect("equal")
        axis.axis("off")
    counts = ", ".join(f"{say.several(count, 'row')} of {name}" for name, count in places.items())
    return described(
        fig,
        f"Left, one vector of each modality, {say.listed(places)}, side by side: features, 1 × "
        f"{len(places) * dim}. Right, all places below each other, {counts}, each of {dim} "
        f"features: {total} × {dim} places.",
    )


def _cells(axis: Axes, name: str, lines: int, columns: int, left: int, top: int) -> None:
    colour = MODALITY[name].colour
    look = {"facecolor": colour, "edgecolor": "white", "hatch": HATCHES[name]}
    for line, column in np.ndindex(lines, columns):
        axis.add_patch(Rectangle((left + column, top + line), 1, 1, **look))


def mixture(
    words: str,
    picture: UInt8[np.ndarray, "3 size size"],
    frames: Float[np.ndarray, "frames bands"],
    weights: Mapping[str, float],
    answers: Mapping[str, tuple[str, bool]],
) -> Figure:
    """Noisy words, picture and sound of one thing; who is heard, and what each fusion answers.

    Args:
        words: the caption, as it arrives.
        picture: levels 0–255.
        frames: log-mel levels.
        weights: modality → its share.
        answers: fusion → its answer, and whether that is right.
    """
    fig = Figure(figsize=(WIDEST, 4.3))
    above, below = fig.subfigures(2, 1, height_ratios=(1.15, 1))
    read, seen, heard = above.subplots(1, 3)
    read.text(0.5, 0.5, textwrap.fill(f"“{words}”", 19), ha="center", va="center", fontsize=13)
    seen.imshow(picture.transpose(1, 2, 0))
    heard.imshow(frames.T, origin="lower", aspect="auto", cmap="magma")
    for axis, name in ((read, "text"), (seen, "image"), (heard, "audio")):
        axis.set_title(name)
        axis.axis("off")
    shares, told = below.subplots(1, 2, width_ratios=(1, 1.3))
    for place, (name, share) in enumerate(weights.items()):
        look = {"color": MODALITY[name].colour, "hatch": HATCHES[name], "edgecolor": "white"}
        shares.barh(place, share, 0.75, **look)
        shares.text(min(share, 0.86) + 0.02, place, f"{share:.2f}", va="center")
    shares.set_yticks(range(len(weights)), list(weights))
    shares.set(xlim=(0, 1), xlabel="weight by attention", ylabel="modality")
    shares.invert_yaxis()
    told.axis("off")
    for place, (name, (answer, right)) in enumerate(answers.items()):
        height = 1 - (place + 0.5) / len(answers)
        told.text(0.0, height, name, va="center")
        colour = COLOURS["green" if right else "vermilion"]
        told.text(0.42, height, f"{'✓' if right else '✗'} {answer}", va="center", color=colour)
    said = "; ".join(f"{n}: {a}, {'right' if r else 'wrong'}" for n, (a, r) in answers.items())
    return described(
        fig,
        f"What arrives: the text “{words}”, an image, audio. Weight by attention of each modality: "
        f"{say.values(weights, weights.values())}. Answers: {said}.",
    )
