"""Figures of two clouds that become one space: losses, temperatures, mining, the clouds.

Each returns a matplotlib ``Figure`` with its alt text. Measured numbers stand in notes, never in
titles: titles are compared when a notebook is checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.figure import Figure
from torch.nn import functional as F

from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.charts.looks import PAPER, dot_look, line_look
from xmodal_lab.workbook.kit.figures import described
from xmodal_lab.workbook.kit.style import COLOURS, MODALITY

if TYPE_CHECKING:
    from xmodal_lab.training.loss_bench import Run


def loss_and_recall(runs: Mapping[str, Run], floors: Mapping[str, float] | None = None) -> Figure:
    """Trainings side by side: what the loss says, and what scenes never seen say.

    Args:
        runs: name → a training that was looked at on the way.
        floors: name → lowest value its loss can have.
    """
    fig = Figure(figsize=(9.6, 3.5))
    left, right = fig.subplots(1, 2)
    for number, (name, run) in enumerate(runs.items()):
        look = line_look(number)
        left.plot(range(1, len(run.losses) + 1), run.losses, **look | {"marker": ""}, label=name)
        right.plot(*zip(*run.curve, strict=True), **look, label=name)
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
                bbox=PAPER,
            )
    left.set(title="what the loss says", xlabel="step", ylabel="loss")
    right.set(title="what new scenes say", xlabel="step", ylabel="text→image R@1 / %")
    right.set_ylim(-2, None)
    for axis in (left, right):
        axis.grid()
    right.legend(loc="best")
    losses = {name: (range(1, len(run.losses) + 1), run.losses) for name, run in runs.items()}
    recalls = {name: tuple(zip(*run.curve, strict=True)) for name, run in runs.items()}
    lowest = [f"Lowest possible, {n}: {say.number(y)}. " for n, y in (floors or {}).items()]
    return described(
        fig,
        f"Left, the loss against the step. {say.courses(losses)}. "
        f"{''.join(lowest)}Right, text→image R@1 in per cent on new scenes against the "
        f"step. {say.courses(recalls)}.",
    )


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
                    bbox=PAPER,
                    zorder=4,
                )
        axis.set(title=title, aspect="equal" if len(places) > 1 else "auto")
        axis.axis("off")
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2)
    told = "; ".join(
        f"{title}: {_cloud(places, named or {}, linked, labels or {})}"
        for title, places in panels.items()
    )
    return described(fig, f"Points in the plane. {told}.")


def _cloud(places: Mapping[str, np.ndarray], named, linked: bool, labels) -> str:
    places = {labels.get(kind, kind): _flat(points) for kind, points in places.items()}
    told = [f"{say.listed(places)}, {say.apart(places)}"]
    if linked and len(places) == 2:
        one, other = places.values()
        length = np.linalg.norm(one - other, axis=1).mean() / say.span([*one, *other])
        told.append(f"the mean line between two halves is {say.number(length)} of the panel long")
    for kind, points in places.items():
        for name, row in named.items():
            told.append(f"{name} of {kind} lies {say.region(points[row], points)}")
    return ", ".join(told)


def _flat(points) -> np.ndarray:
    points = np.asarray(points)
    if points.shape[1] == 2:
        return points
    left, values, _ = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    return left[:, :2] * values[:2]


def temperatures(
    found: Mapping[float, Mapping], chosen: float, untrained: Mapping[str, float] | None = None
) -> Figure:
    """One temperature's similarity matrix beside what all of them do to entropy, gap and recall.

    Args:
        found: τ → 'matrix' (the first rows' softmax), 'entropy' in nats, 'gap' and 'R@1' in %.
        chosen: the τ whose matrix is drawn and that is marked on the curves.
        untrained: 'entropy', 'gap' or 'R@1' before training, drawn as a level.
    """
    fig = Figure(figsize=(8.8, 6.2))
    table, *axes = fig.subplots(2, 2).flat
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
        axis.set_xticks(taus, [f"{tau:g}" for tau in taus], fontsize=9)
        axis.minorticks_off()
        axis.set_ylim(0, 1.15 * max(*values, (untrained or {}).get(key, 0)))
        axis.grid()
    own = np.diagonal(matrix).mean()
    lines = {label: (taus, [found[tau][key] for tau in taus]) for key, (label, *_) in looks.items()}
    before = f" Before training: {say.values(untrained, untrained.values())}." if untrained else ""
    return described(
        fig,
        f"First, what share of each of {len(matrix)} captions every picture gets at "
        f"τ = {chosen:g}: on average {say.number(own)} for its own picture. Then three curves "
        f"against the temperature τ, with τ = {chosen:g} marked. {say.courses(lines)}.{before}",
    )


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
        look = line_look(number, marker=False)
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
    return described(
        fig,
        f"Two curves against the lead of a wrong answer, s(wrong) − s(right), from −1 to 1. Left, "
        f"what it costs: the triplet loss of margin {say.number(margin)} nothing below "
        f"{say.number(-margin)}, then a straight line; InfoNCE, times τ, bends smoothly around 0. "
        f"Right, the slope, how hard it is pushed: the triplet loss jumps from 0 to 1 at "
        f"{say.number(-margin)}; InfoNCE at τ = {say.number(temperature)} rises from 0.12 at "
        f"{say.number(-2 * temperature)} over 0.5 at 0 to 0.88 at {say.number(2 * temperature)}.",
    )


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
        look = dot_look(number)
        axis.scatter(values[row], 0.35, s=60, **look, label=name, zorder=3)
        axis.plot([values[row]] * 2, [0, 0.35], color=look["color"], lw=1, ls="-", marker="")
    axis.set(xlabel="cosine to the caption", yticks=[], ylim=(-0.4, 0.75), ylabel="pictures")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.32), ncols=6, fontsize=9)
    inside = int(((wrong < values[own]) & (wrong > values[own] - margin)).sum())
    return described(
        fig,
        f"Pictures on a line by their cosine to a caption. The partner has "
        f"{say.number(values[own])}; of {say.several(len(wrong), 'wrong picture')}, from "
        f"{say.number(wrong.min())} to {say.number(wrong.max())}, {(wrong > values[own]).sum()} "
        f"are above it and {inside} within the margin of {say.number(margin)} below it. Picked: "
        f"{say.values(picks, values[list(picks.values())])}.",
    )
