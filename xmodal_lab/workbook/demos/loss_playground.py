"""The loss playground: points on a circle, and an arrow on each for the pull of the chosen loss.

For ``explore``: ``explore(loss_playground.play, **loss_playground.CONTROLS)``.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.demos.loss_pulls import (
    LOSSES,
    Angles,
    Pulls,
    State,
    bounded,
    compute,
    follow,
    points,
)
from xmodal_lab.workbook.kit.figures import described
from xmodal_lab.workbook.kit.style import COLOURS, MODALITY

LONGEST = 0.62  # length of the longest arrow, where the circle's radius is 1


def play(
    loss: str = "InfoNCE",
    temperature: float = 0.2,
    margin: float = 0.5,
    point: str = "picture: heart",
    turn: float = 0,
    steps: int = 0,
) -> Figure:
    """The playground for one setting of its controls."""
    state = State(loss=loss, temperature=temperature, margin=margin).turned(point, turn)
    return figure(follow(state, steps))


# What ``explore`` offers beside the figure.
CONTROLS = MappingProxyType(
    {
        "loss": list(LOSSES),
        "temperature": (0.02, 1.0, 0.02),
        "margin": (0.1, 2.0, 0.1),
        "point": points(State()),
        "turn": (-180, 180, 5),
        "steps": (0, 60, 1),
    }
)


def figure(path: list[State]) -> Figure:
    """The last state of a path with its pulls, the way there, and the matrix of cosines."""
    state, pulls = path[-1], compute(path[-1])
    # Places are given: to work them out each time would make the sliders stick.
    fig = Figure(figsize=(10.5, 5.2), layout="none")
    circle, matrix = fig.add_axes((0.0, 0.01, 0.52, 0.9)), fig.add_axes((0.6, 0.12, 0.39, 0.79))
    _draw_circle(circle, path, pulls)
    _draw_matrix(matrix, state, pulls)
    return described(fig, _words(path, pulls))


def _words(path: list[State], pulls: Pulls) -> str:
    """Where everything lies, the strongest pull, and which pairs are found."""
    last = path[-1]
    strength = np.abs(np.stack([pulls.captions, pulls.pictures], axis=1)).ravel()
    strongest = points(last)[int(strength.argmax())]
    found = pulls.cosines.argmax(axis=1) == np.arange(len(last.names))
    where = f"{strongest} is pulled most" if strength.max() > 1e-3 else "nothing is pulled"
    angles = "; ".join(
        f"{kind} {say.values(last.names, (angle % 360 for angle in getattr(last, kind)))}"
        for kind in ("captions", "pictures")
    )
    nearest = say.listed(name for name, hit in zip(last.names, found, strict=True) if hit)
    return (
        f"Captions and pictures of {len(last.names)} things on a circle, by their angles in "
        f"degrees: {angles}. {last.loss} after {len(path) - 1} steps, loss "
        f"{say.number(pulls.loss)}: {where}; {found.sum()} captions are nearest to their own "
        f"picture ({nearest or 'none'}). Beside it the matrix of their cosines."
    )


def _on_circle(degrees, radius: float = 1.0) -> np.ndarray:
    theta = np.deg2rad(np.asarray(degrees))
    return radius * np.stack([np.cos(theta), np.sin(theta)], axis=-1)


def _draw_circle(axis: Axes, path: list[State], pulls: Pulls) -> None:
    state = path[-1]
    axis.plot(*_on_circle(np.linspace(0, 360, 181)).T, color="#BBBBBB", lw=1, ls="-", marker="")
    # Captions are named outside the circle and pictures inside, so that names never meet.
    for modality, kind, label, inside in (
        ("text", "captions", 1.2, False),
        ("image", "pictures", 0.8, True),
    ):
        look, angles = MODALITY[modality], getattr(state, kind)
        for number, (degrees, name) in enumerate(zip(angles, state.names, strict=True)):
            way = [getattr(step, kind)[number] for step in path]
            radius = 0.965 if inside else 1.035
            axis.plot(*_on_circle(way, radius).T, color=look.colour, ls=":", lw=1.2, marker="")
            axis.text(
                *_on_circle(degrees, label),
                name if inside else f"“{name}”",
                color=look.colour,
                ha="center",
                va="center",
                fontsize=10,
            )
        spots = _on_circle(angles)
        axis.scatter(*spots.T, s=95, edgecolors="white", linewidths=0.8, zorder=4, **look.dot)
        _arrows(axis, angles, getattr(pulls, kind), look.colour)
    for own, partner in zip(_on_circle(state.captions), _on_circle(state.pictures), strict=True):
        axis.plot(*np.stack([own, partner]).T, color="#999999", lw=0.8, ls="-", marker="", zorder=1)
    note = f"loss {pulls.loss:.3f}\n".replace("-", "−") + state.loss
    paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    axis.text(0, 0, note, ha="center", va="center", fontsize=12, bbox=paper, zorder=6)
    axis.set(xlim=(-1.55, 1.55), ylim=(-1.45, 1.45), aspect="equal")
    axis.set_title("captions ▲, pictures ●; an arrow is the pull on its point")
    axis.axis("off")


def _arrows(axis: Axes, degrees, strengths: Angles, colour: str) -> None:
    """Tangents to the circle, as long as the pull is strong (bounded)."""
    for angle, pull in zip(degrees, strengths, strict=True):
        length = LONGEST * bounded(pull)
        if abs(length) < 0.02:
            continue
        start = _on_circle(angle)
        tangent = np.array([-start[1], start[0]])
        axis.annotate(
            "",
            xy=start + length * tangent,
            xytext=start,
            arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2.2, "mutation_scale": 15},
            zorder=3,
        )


def _draw_matrix(axis: Axes, state: State, pulls: Pulls) -> None:
    axis.imshow(pulls.cosines, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
    best = pulls.cosines.argmax(axis=1)
    for (row, column), value in np.ndenumerate(pulls.cosines):
        axis.text(
            column,
            row,
            f"{value:.2f}".replace("-", "−"),
            ha="center",
            va="center",
            color="white" if abs(value) > 0.7 else "black",
            weight="bold" if column == best[row] else "normal",
        )
    for place in range(len(state.names)):
        axis.add_patch(_frame(place, found=bool(best[place] == place)))
    axis.set_xticks(range(len(state.names)), state.names)
    axis.set_yticks(range(len(state.names)), [f"“{name}”" for name in state.names])
    axis.set(xlabel="picture", ylabel="caption")
    axis.set_title("cosines; frame: the right one, bold: the nearest")
    axis.tick_params(length=0)


def _frame(place: int, found: bool) -> Rectangle:
    """Around the right picture: green and solid where it is the nearest, else black and dashed."""
    colour, line = (COLOURS["green"], "-") if found else (COLOURS["black"], "--")
    corner = (place - 0.45, place - 0.43)
    look = {"fill": False, "edgecolor": colour, "linestyle": line, "linewidth": 2.5}
    # A white line below keeps the frame visible on any of the matrix's colours.
    return Rectangle(
        corner, 0.9, 0.86, path_effects=[withStroke(linewidth=5, foreground="white")], **look
    )
