"""What charts say in words, computed from what they draw: numbers, lists, courses, mixtures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

TOLD_WHOLE = 7  # a curve of so many points is told point by point


def number(value: float) -> str:
    """Three digits of a number, as a voice reads them."""
    value = float(value)
    if not math.isfinite(value):
        return "no number"
    if abs(value) < 5e-4:
        return "0"
    # A true minus sign: many screen readers pass over a hyphen.
    return (f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}").replace("-", "−")


def listed(items: Iterable) -> str:
    """'a, b and c'."""
    words = [str(item) for item in items]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def several(count: int, noun: str) -> str:
    """'1 point', '3 points'."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def values(names: Iterable[str], found: Iterable[float]) -> str:
    """'a 1.2, b 3': every value beside its name."""
    return ", ".join(f"{line(n)} {number(v)}" for n, v in zip(names, found, strict=True))


def extremes(found: Mapping[str, float]) -> str:
    """Which value is highest and which lowest; all that share a place are named."""
    finite = {name: float(value) for name, value in found.items() if math.isfinite(value)}
    if not finite:
        return "no values"
    high, low = max(finite.values()), min(finite.values())
    if high == low:
        return f"all {number(high)}"
    best, worst = ([line(n) for n, v in finite.items() if v == end] for end in (high, low))
    return f"highest {listed(best)}, {number(high)}; lowest {listed(worst)}, {number(low)}"


def course(x: Sequence[float], y: Sequence[float]) -> str:
    """How a curve goes: some of its points in order, and its highest and lowest one."""
    x, y = (np.asarray(list(values), dtype=float) for values in (x, y))
    finite = np.isfinite(y)
    if not finite.any():
        return "no values"
    x, y = x[finite], y[finite]
    whole = len(y) <= TOLD_WHOLE
    rows = range(len(y)) if whole else np.linspace(0, len(y) - 1, 5).round().astype(int)
    told = ", ".join(f"{number(y[row])} at {number(x[row])}" for row in rows)
    if whole:
        return told
    ends = (f"{word} {number(y[i])} at {number(x[i])}" for word, i in
            (("highest", y.argmax()), ("lowest", y.argmin())))  # fmt: skip
    return f"{told}; {', '.join(ends)}"


def courses(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> str:
    """The course of each curve behind its name."""
    return ". ".join(f"{name}: {course(x, y)}" for name, (x, y) in lines.items())


def diagonal(matrix, blocks: int = 0) -> str:
    """A matrix by the means of its diagonal, of the blocks along it, and of all other cells."""
    matrix = np.asarray(matrix, dtype=float)
    if matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        return f"cells from {number(matrix.min())} to {number(matrix.max())}"
    own = np.eye(len(matrix), dtype=bool)
    group = np.arange(len(matrix)) // max(blocks, 1)
    framed = (group[:, None] == group) & ~own
    parts = {"diagonal": own, "its neighbours inside the frames": framed, "rest": ~own & ~framed}
    return "means: " + ", ".join(
        f"{name} {number(matrix[cells].mean())}" for name, cells in parts.items() if cells.any()
    )


def apart(groups: Mapping[str, np.ndarray]) -> str:
    """How far groups of points in the plane lie apart: whose nearest point is of its own group."""
    from scipy.spatial import cKDTree

    points = np.concatenate([np.asarray(group, dtype=float) for group in groups.values()])
    if len(groups) < 2 or len(points) < 3:
        return several(len(points), "point")
    label = np.repeat(np.arange(len(groups)), [len(group) for group in groups.values()])
    _, nearest = cKDTree(points).query(points, k=2)
    # Where points coincide, a point need not be the first of its own two nearest.
    other = np.where(nearest[:, 0] == np.arange(len(points)), nearest[:, 1], nearest[:, 0])
    share = 100 * (label[other] == label).mean()
    expected = 100 * sum((label == i).sum() * ((label == i).sum() - 1) for i in set(label))
    expected /= len(label) * (len(label) - 1)
    return (
        f"{several(len(points), 'point')}; the dot nearest to a dot is of its own kind in "
        f"{share:.0f} % of all cases ({expected:.0f} % if they were dealt out at random)"
    )


def span(points) -> float:
    """The longer side of a cloud of points."""
    return float(max(np.ptp(np.asarray(points, dtype=float), axis=0).max(), 1e-12))


def region(point, points) -> str:
    """Where a point lies in its cloud: 'upper left' and so on, seen from the middle."""
    points = np.asarray(points, dtype=float)
    right, upper = np.asarray(point) >= (points.min(axis=0) + points.max(axis=0)) / 2
    return f"{'upper' if upper else 'lower'} {'right' if right else 'left'}"


def line(name: str) -> str:
    """A name without line breaks."""
    return " ".join(str(name).split())
