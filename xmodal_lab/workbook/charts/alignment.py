"""Figures of two clouds that become one space: maps, matrices, losses, plans.

Each returns a matplotlib ``Figure``. Measured numbers stand in notes, never in titles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch.nn import functional as F

from xmodal_lab.training.loss_bench import Run
from xmodal_lab.workbook.kit.style import COLOURS, MODALITY

TONES = ("blue", "vermilion", "green", "orange", "purple", "sky", "black")
DASHES = ("-", "--", ":", "-.", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = "o^sDvP*"


def loss_and_recall(runs: Mapping[str, Run], floors: Mapping[str, float] | None = None) -> Figure:
    """Trainings side by side: what the loss says, and what scenes never seen say.

    Args:
        runs: name → a training that was looked at on the way.
        floors: name → lowest value its loss can have.
    """
    fig = Figure(figsize=(9.6, 3.5))
    left, right = fig.subplots(1, 2)
    for number, (name, run) in enumerate(runs.items()):
        look = {"color": COLOURS[TONES[number]], "linestyle": DASHES[number]}
        left.plot(range(1, len(run.losses) + 1), run.losses, **look, marker="", label=name)
        right.plot(*zip(*run.curve, strict=True), **look, marker=MARKERS[number], label=name)
        if name in (floors or {}):
            left.axhline(floors[name], color=look["color"], linestyle=(0, (1, 3)), lw=1.4)
            left.annotate(
                "its minimum",
                (1, floors[name]),
                xycoords=("axes fraction", "data"),
                xytext=(-4, 4),
                textcoords="offset points",
                ha="right",
                fontsize=9,
                color=look["color"],
            )
    left.set(title="what the loss says", xlabel="step", ylabel="loss")
    right.set(title="what new scenes say", xlabel="step", ylabel="text→image R@1 / %")
    right.set_ylim(-2, None)
    for axis in (left, right):
        axis.grid()
    right.legend(loc="best")
    return fig


def clouds(
    panels: Mapping[str, Mapping[str, np.ndarray]],
    named: Mapping[str, int] | None = None,
    linked: bool = False,
    labels: Mapping[str, str] | None = None,
) -> Figure:
    """Points of two modalities in the plane, one panel each, a few of them named.

    Args:
        panels: title → modality → (points, 2); of more dimensions the two widest are drawn (PCA).
        named: name → row, marked in every panel.
        linked: True to draw a line between the two halves of every pair.
        labels: modality → its name in the legend, where it is another one.
    """
    fig = Figure(figsize=(4.6 * len(panels), 4.1))
    for axis, (title, places) in zip(np.ravel(fig.subplots(1, len(panels))), panels.items()):  # noqa: B905
        places = {modality: _flat(points) for modality, points in places.items()}
        if linked and len(places) == 2:
            for pair in zip(*places.values(), strict=True):
                axis.plot(*np.stack(pair).T, color="#AAAAAA", lw=0.7, ls="-", marker="", zorder=1)
        for modality, points in places.items():
            look = MODALITY[modality]
            axis.scatter(*points.T, s=20, alpha=0.55, linewidths=0, **look.dot,
                         label=(labels or {}).get(modality, modality))  # fmt: skip
            for name, row in (named or {}).items():
                axis.scatter(
                    *points[row], s=70, edgecolors="black", linewidths=1, zorder=3, **look.dot
                )
                axis.annotate(
                    f"“{name}”" if modality == "text" else name,
                    points[row],
                    xytext=(7, 5),
                    textcoords="offset points",
                    fontsize=10,
                    bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1},
                    zorder=4,
                )
        axis.set(title=title, aspect="equal" if len(places) > 1 else "auto")
        axis.axis("off")
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2)
    return fig


def _flat(points) -> np.ndarray:
    points = np.asarray(points)
    if points.shape[1] == 2:
        return points
    left, values, _ = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    return left[:, :2] * values[:2]


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
    fig = Figure(figsize=(2.9 * len(panels) + 0.7, 3.3))
    axes = np.ravel(fig.subplots(1, len(panels)))
    for axis, (title, matrix) in zip(axes, panels.items(), strict=True):
        image = _matrix(axis, matrix, "PuOr" if low < 0 else "Purples", low, high, blocks)
        axis.set(title=title, xlabel=xlabel, ylabel=ylabel)
    fig.colorbar(image, ax=axes.tolist(), shrink=0.75)
    return fig


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


def temperatures(
    found: Mapping[float, Mapping], chosen: float, untrained: Mapping[str, float] | None = None
) -> Figure:
    """One temperature's similarity matrix beside what all of them do to entropy, gap and recall.

    Args:
        found: τ → 'matrix' (the first rows' softmax), 'entropy' in nats, 'gap' and 'R@1' in %.
        chosen: the τ whose matrix is drawn and that is marked on the curves.
        untrained: 'entropy', 'gap' or 'R@1' before training, drawn as a level.
    """
    fig = Figure(figsize=(12.4, 3.3))
    table, *axes = fig.subplots(1, 4, width_ratios=(1.15, 1, 1, 1))
    matrix = np.asarray(found[chosen]["matrix"])
    table.imshow(matrix, cmap="Purples", vmin=0, vmax=1)
    table.set(xlabel="picture", ylabel="caption", xticks=[], yticks=[])
    table.set_title("share: white 0, dark 1")
    looks = {
        "entropy": ("entropy of a row / nats", "blue", "o", "-"),
        "gap": ("modality gap", "vermilion", "^", "--"),
        "R@1": ("text→image R@1 / %", "green", "s", "-."),
    }
    taus = list(found)
    for axis, (key, (label, tone, marker, dash)) in zip(axes, looks.items(), strict=True):
        values = [found[tau][key] for tau in taus]
        axis.plot(taus, values, color=COLOURS[tone], marker=marker, linestyle=dash)
        axis.axvline(chosen, color="black", lw=1, ls=":")
        if key in (untrained or {}):
            axis.axhline(untrained[key], color=COLOURS["grey"], lw=1.5, ls=":")
            axis.annotate("before training", (1, untrained[key]), (-2, 3), fontsize=9, ha="right",
                          textcoords="offset points",
                          xycoords=("axes fraction", "data"))  # fmt: skip
        axis.scatter([chosen], [found[chosen][key]], s=110, facecolors="none", edgecolors="black")
        axis.set(xscale="log", xlabel="temperature τ", ylabel=label, title=key)
        axis.set_xticks(taus, [f"{tau:g}" for tau in taus], fontsize=9, rotation=45)
        axis.minorticks_off()
        axis.set_ylim(0, 1.15 * max(values))
        axis.grid()
    return fig


def shapes(temperature: float = 0.1, margin: float = 0.2) -> Figure:
    """One wrong answer: what it costs and how hard it is pushed, against its lead or its distance.

    Args:
        temperature: τ of InfoNCE and of the sigmoid loss.
        margin: of the triplet loss.
    """
    lead = torch.linspace(-1, 1, 201, requires_grad=True)  # s_wrong - s_right
    losses = {
        f"triplet, margin {margin:.2f}": (margin + lead).relu(),
        f"InfoNCE, τ = {temperature:.2f}": temperature * F.softplus(lead / temperature),
    }
    fig = Figure(figsize=(9.6, 3.4))
    left, right = fig.subplots(1, 2)
    for number, (name, loss) in enumerate(losses.items()):
        look = {"color": COLOURS[TONES[number]], "linestyle": DASHES[number], "marker": ""}
        (slope,) = torch.autograd.grad(loss.sum(), lead, retain_graph=True)
        x = lead.detach().numpy()
        left.plot(x, loss.detach().numpy(), **look, label=name)
        right.plot(x, slope.numpy(), **look, label=name)
    for axis in (left, right):
        axis.axvline(0, color="black", lw=0.8, ls=":")
        axis.set_xlabel("s(wrong) − s(right)")
        axis.set_xticks([-1, -0.5, 0, 0.5, 1])
        axis.grid()
    left.set(title="what one wrong answer costs", ylabel="loss (InfoNCE: times τ)")
    right.set(title="how hard it is pushed", ylabel="slope", ylim=(-0.05, 1.1))
    left.legend(loc="upper left")
    return fig


def mining(cosines: Sequence[float], own: int, margin: float, picks: Mapping[str, int]) -> Figure:
    """A row of the matrix on a line: the partner, the wrong ones, and which of them is picked."""
    values = np.asarray(cosines)
    wrong = np.delete(values, own)
    fig = Figure(figsize=(9, 2.5))
    axis = fig.subplots()
    axis.axvspan(values[own] - margin, values[own], color="#DDDDDD", label="within the margin")
    axis.scatter(
        wrong, np.zeros_like(wrong), s=26, color=COLOURS["grey"], marker="|", label="wrong"
    )
    axis.scatter(
        values[own], 0, s=120, color=COLOURS["black"], marker="*", label="partner", zorder=4
    )
    for number, (name, row) in enumerate(picks.items()):
        look = {"color": COLOURS[TONES[number]], "marker": MARKERS[number]}
        axis.scatter(values[row], 0.35, s=60, **look, label=name, zorder=3)
        axis.plot([values[row]] * 2, [0, 0.35], color=look["color"], lw=1, ls="-", marker="")
    axis.set(xlabel="cosine to the caption", yticks=[], ylim=(-0.4, 0.75), ylabel="pictures")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.32), ncols=6, fontsize=9)
    return fig


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
    fig = Figure(figsize=(2.9 + 3.3 * len(panels), 0.9 + 0.3 * len(words)))
    seen, *axes = fig.subplots(1, 1 + len(panels), width_ratios=(0.9, *([1.15] * len(panels))))
    seen.imshow(np.asarray(image).transpose(1, 2, 0))
    step = image.shape[-1] / side
    for line in range(1, side):
        seen.axhline(line * step - 0.5, color="white", lw=0.8, ls="-")
        seen.axvline(line * step - 0.5, color="white", lw=0.8, ls="-")
    for region in range(side * side):
        row, column = divmod(region, side)
        seen.text((column + 0.5) * step, (row + 0.5) * step, str(region), color="white",
                  ha="center", va="center", fontsize=8)  # fmt: skip
    seen.axis("off")
    for axis, (title, shares) in zip(axes, panels.items(), strict=True):
        axis.imshow(np.asarray(shares), cmap="Purples", vmin=0, aspect="auto")
        axis.set(title=title, xlabel="region", yticks=[])
        axis.set_xticks(range(0, side * side, 3))
    axes[0].set_yticks(range(len(words)), words, fontsize=9)
    axes[0].set_ylabel("word")
    return fig


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
        look = {"color": COLOURS[TONES[number]], "linestyle": DASHES[number]}
        axis.plot(list(frames), values, **look, marker=MARKERS[number], label=name)
    axis.axvline(step, color="black", lw=1, ls=":")
    axis.set(title="validation scenes", xlabel="step", ylabel="per cent", ylim=(-3, 103))
    axis.set_xlim(0, steps)
    axis.grid()
    axis.legend(loc="lower right")
    return fig
