"""The matrices every loss of chapter 04 starts from, as loops over plain float64 numbers.

Nothing here calls a reference solution or torch's losses: an oracle that shared their code would
share their mistakes. Tensors come in, Python numbers go out.
"""

from __future__ import annotations

import math

from xmodal_lab.workbook.exercises import vectors

Matrix = list[list[float]]


def cosines(a, b, normalise: str = "rows") -> Matrix:
    rows_a, rows_b = (vectors.normalised(vectors.rows(x), normalise) for x in (a, b))
    return [[vectors.dot(x, y) for y in rows_b] for x in rows_a]


def distances(a, b, normalise: str = "rows") -> Matrix:
    rows_a, rows_b = (vectors.normalised(vectors.rows(x), normalise) for x in (a, b))
    return [[math.dist(x, y) for y in rows_b] for x in rows_a]


def diagonal(matrix: Matrix) -> list[float]:
    return [row[i] for i, row in enumerate(matrix)]


def others(matrix: Matrix) -> Matrix:
    """Each row without its entry on the diagonal."""
    return [row[:i] + row[i + 1 :] for i, row in enumerate(matrix)]


def flat(matrix: Matrix) -> list[float]:
    return [x for row in matrix for x in row]
