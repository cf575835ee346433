"""Figures of matrices: cosines, counts, plans of words by regions, a matrix that learns.

Each returns a matplotlib ``Figure`` with its alt text. Measured numbers stand in notes, never in
titles: titles are compared when a notebook is checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.charts.looks import WIDEST, line_look
from xmodal_lab.workbook.kit.figures import described
from xmodal_lab.workbook.kit.style import MODALITY


def arrows_and_cosines(
    captions: Float[np.ndarray, "items 2"],
    pictures: Float[np.ndarray, "items 2"],
    names: Sequence[str],
) -> Figure:
    """Unit arrows in the plane, captions dashed and pictures solid, and their cosines."""
    captions, pictures = np.asarray(captions), np.asarray(pictures)
    cosines = captions @ pictures.T
    fig = Figure(figsize=(9.5, 3.7))
    plane, table = fig.subplots(1, 2, width_ratios=(1, 1.35))
    for modality, arrows in (("text", captions), ("image", pictures)):
        look = MODALITY[modality]
        for (x, y), name in zip(arrows, names, strict=True):
            plane.plot([0, x], [0, y], **look.line, markevery=[1], markersize=8)
            shown = f"“{name}”" if modality == "text" else name
            plane.text(1.22 * x, 1.22 * y, shown, ha="center", va="center", color=look.colour)
    plane.set(xlim=(-1.6, 1.6), ylim=(-1.45, 1.45), aspect="equal", title="captions ▲, pictures ●")
    plane.axis("off")
    table.imshow(cosines, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(cosines):
        colour = "white" if abs(value) > 0.7 else "black"
        shown = f"{value:.2f}".replace("-", "−")
        table.text(column, row, shown, ha="center", va="center", color=colour)
    table.set_xticks(range(len(names)), [f"picture: {name}" for name in names])
    table.set_yticks(range(len(names)), [f"“{name}”" for name in names])
    table.set_title("cosine: purple is near, orange is far")
    angles = "; ".join(
        f"{kind}: {say.values(names, np.rad2deg(np.arctan2(arrows[:, 1], arrows[:, 0])))}"
        for kind, arrows in (("captions", captions), ("pictures", pictures))
    )
    cells = "; ".join(
        f"caption {name}: {say.values([f'picture {other}' for other in names], row)}"
        for name, row in zip(names, cosines, strict=True)
    )
    return described(
        fig,
        f"Left, arrows from one point by their angles in degrees; {angles}. "
        f"Right, the matrix of their cosines; {cells}.",
    )


def heat(
    panels: Mapping[str, np.ndarray],
    xlabel: str,
    ylabel: str,
    low: float = -1,
    high: float = 1,
    blocks: int = 0,
) -> Figure:
    """Matrices on one scale, side by side.

    Args:
        panels: title → matrix.
        xlabel, ylabel: what columns and rows are.
        low, high: ends of the scale.
        blocks: frame squares of so many cells along the diagonal.
    """
    side = min(2.9, (WIDEST - 0.7) / len(panels))
    fig = Figure(figsize=(side * len(panels) + 0.7, side + 0.5))
    axes = np.ravel(fig.subplots(1, len(panels)))
    for axis, (title, matrix) in zip(axes, panels.items(), strict=True):
        image = _matrix(axis, matrix, "PuOr" if low < 0 else "Purples", low, high, blocks)
        axis.set(title=title, xlabel=xlabel, ylabel=ylabel)
    fig.colorbar(image, ax=axes.tolist(), shrink=0.75)
    told = "; ".join(f"{title}: {say.diagonal(m, blocks)}" for title, m in panels.items())
    return described(
        fig, f"Matrices of numbers as colours, rows: {ylabel}, columns: {xlabel}. {told}."
    )


def _matrix(axis: Axes, matrix, cmap: str, low: float, high: float, blocks: int):
    # A few dozen tones: pictures are stored with 256 colours, and the colour bar needs them all.
    tones = colormaps[cmap].resampled(41)
    image = axis.imshow(np.asarray(matrix), cmap=tones, vmin=low, vmax=high)
    for start in range(0, len(matrix), blocks) if blocks else ():
        across, down = np.array([0, 1, 1, 0, 0]), np.array([0, 0, 1, 1, 0])
        corners = across * blocks + start - 0.5, down * blocks + start - 0.5
        axis.plot(*corners, color="black", lw=0.9, ls="-", marker="")
    axis.set(xticks=[], yticks=[])
    return image


def matrices(
    panels: Mapping[str, Float[np.ndarray, "rows columns"]],
    rows: Sequence[str],
    columns: Sequence[str],
) -> Figure:
    """Several matrices of the same words side by side, each with a scale of its own."""
    width, height = 1.6 + 0.3 * len(columns), 1.7 + 0.27 * len(rows)
    beside = len(panels) if 0.8 + width * len(panels) <= WIDEST else 1
    below = -(-len(panels) // beside)
    fig = Figure(figsize=(0.8 + width * beside, height * below))
    axes = np.ravel(fig.subplots(below, beside))
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        image = axis.imshow(np.asarray(values), cmap="Blues", aspect="auto")
        axis.set_xticks(
            range(len(columns)), columns, rotation=60, ha="right", rotation_mode="anchor"
        )
        axis.set_yticks(range(len(rows)), rows)
        axis.set(xlabel="context word", ylabel="word", title=title)
        fig.colorbar(image, ax=axis, shrink=0.8)
    told = ". ".join(f"{title}: {_darkest(m, rows, columns)}" for title, m in panels.items())
    return described(
        fig,
        f"Matrices as shades of blue, {len(rows)} words by {len(columns)} context words; the "
        f"darkest cells of each row (none where all are 0). {told}.",
    )


def _darkest(matrix, rows: Sequence[str], columns: Sequence[str], count: int = 3) -> str:
    told = []
    for name, values in zip(rows, np.asarray(matrix, dtype=float), strict=True):
        best = [i for i in np.argsort(-values, kind="stable")[:count] if values[i] > 0]
        cells = say.values([columns[i] for i in best], values[best]) if best else "none"
        told.append(f"{name}, {cells}")
    return "; ".join(told)


def plans(
    image: np.ndarray, words: Sequence[str], panels: Mapping[str, np.ndarray], side: int = 4
) -> Figure:
    """A picture with its numbered regions, and tables of words by regions.

    Args:
        image: (3, height, width) of uint8.
        words: of the caption.
        panels: title → (words, side²) shares; each table has its own scale.
        side: regions along a side.
    """
    below = -(-(1 + len(panels)) // 2)
    fig = Figure(figsize=(8.8, below * (1.1 + 0.28 * len(words))))
    seen, *axes = fig.subplots(below, 2).flat
    seen.imshow(np.asarray(image).transpose(1, 2, 0))
    step = image.shape[-1] / side
    for line in range(1, side):
        seen.axhline(line * step - 0.5, color="white", lw=0.8, ls="-")
        seen.axvline(line * step - 0.5, color="white", lw=0.8, ls="-")
    for region in range(side * side):
        row, column = divmod(region, side)
        seen.text((column + 0.5) * step, (row + 0.5) * step, str(region), color="white",
                  ha="center", va="center", fontsize=9)  # fmt: skip
    for axis in (seen, *axes[len(panels) :]):
        axis.axis("off")
    for axis, (title, shares) in zip(axes, panels.items(), strict=False):
        axis.imshow(np.asarray(shares), cmap="Purples", vmin=0, aspect="auto")
        axis.set(title=title, xlabel="region", ylabel="word")
        axis.set_xticks(range(0, side * side, 3))
        axis.set_yticks(range(len(words)), words, fontsize=9)
    told = ". ".join(
        f"{title}: {_darkest(shares, words, [f'region {i}' for i in range(side * side)], 1)}"
        for title, shares in panels.items()
    )
    return described(
        fig,
        f"A picture in {side} × {side} regions, numbered row by row from 0 at the upper left, and "
        f"tables of words by regions; the darkest region of each word and its share. {told}.",
    )


def film(
    frames: Mapping[int, np.ndarray],
    curves: Mapping[str, Sequence[float]],
    step: int,
    blocks: int = 2,
    steps: int | None = None,
) -> Figure:
    """One frame of a similarity matrix that learns, and where the training then stood.

    Args:
        frames: step → matrix.
        curves: name → per cent, one for each frame.
        step: of the frame to draw.
        blocks: frame squares of so many cells along the diagonal.
        steps: how many there will be; the axis ends there from the beginning.
    """
    fig = Figure(figsize=(9.6, 3.7))
    table, axis = fig.subplots(1, 2, width_ratios=(1, 1.5))
    _matrix(table, frames[step], "PuOr", -1, 1, blocks)
    table.set(title="cosines", xlabel="picture", ylabel="caption")
    for number, (name, values) in enumerate(curves.items()):
        axis.plot(list(frames), values, **line_look(number), label=name)
    axis.axvline(step, color="black", lw=1, ls=":")
    axis.set(title="validation scenes", xlabel="step", ylabel="per cent", ylim=(-3, 103))
    axis.set_xlim(0, steps)
    axis.grid()
    axis.legend(loc="lower right")
    lines = {name: (list(frames), values) for name, values in curves.items()}
    return described(
        fig,
        f"Left, cosines of captions and pictures at step {step}; "
        f"{say.diagonal(frames[step], blocks)}. Right, per cent on validation scenes against the "
        f"step, a dotted line at {step}. {say.courses(lines)}.",
    )
