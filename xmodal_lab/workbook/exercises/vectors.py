"""Vectors as plain Python numbers in float64, for oracles that share no code with torch."""

from __future__ import annotations

import math


def rows(tensor) -> list[list[float]]:
    return tensor.double().tolist()


def unit(row: list[float]) -> list[float]:
    length = math.sqrt(sum(x * x for x in row))
    return [x / length for x in row]


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def log_sum_exp(values: list[float]) -> float:
    top = max(values)
    return top + math.log(sum(math.exp(v - top) for v in values))


def turned(matrix: list[list[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*matrix, strict=True)]


def normalised(matrix: list[list[float]], what: str) -> list[list[float]]:
    """Divided by the length of each row, of each column, of the whole matrix, or by nothing."""
    if what == "rows":
        return [unit(row) for row in matrix]
    if what == "columns":
        return turned([unit(column) for column in turned(matrix)])
    length = math.sqrt(sum(dot(row, row) for row in matrix)) if what == "matrix" else 1.0
    return [[x / length for x in row] for row in matrix]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


# Questions that several exercises ask, and what was normalised by whoever is asked.
NORMALISED = {
    "Did you normalise the rows?": "nothing",
    "Did you normalise the columns? Each row is one embedding (dim=1).": "columns",
    "Did you divide by the norm of the whole matrix? Each row has its own (dim=1).": "matrix",
}
