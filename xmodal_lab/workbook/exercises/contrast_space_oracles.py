"""Right and wrong results for the maps and scores of chapter 04, by loops in float64.

The rotation is found by Newton's iteration, not by a singular value decomposition: an oracle that
shared the reference's way would share its mistakes.
"""

from __future__ import annotations

import math

import numpy as np

from xmodal_lab.workbook.exercises import vectors

Matrix = list[list[float]]


def procrustes_map(x, y) -> np.ndarray:
    """The orthogonal factor of XᵀY: the limit of (R + R^{-T})/2 (Higham 1986)."""
    return _orthogonal_factor(x.double().numpy(), y.double().numpy())


def _orthogonal_factor(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    turn = x.T @ y
    turn = turn / np.abs(turn).max()
    for _ in range(100):
        turn = (turn + np.linalg.inv(turn).T) / 2
    return turn


def procrustes_suspects(x, y) -> list[tuple[str, np.ndarray]]:
    """What typical mistakes would make of the same rows."""
    x, y = x.double().numpy(), y.double().numpy()
    right, product = _orthogonal_factor(x, y), x.T @ y
    centred = _orthogonal_factor(x - x.mean(0), y - y.mean(0))
    return [
        ("That turns y onto x: did you swap them, or transpose the result?", right.T),
        (
            "Is that least squares? It may stretch and shear; the rotation keeps all lengths.",
            np.linalg.solve(x.T @ x, product),
        ),
        ("Is that XᵀY itself? Leave the singular values out: U Vᵀ.", product),
        ("Is that XᵀY, scaled? The map is U Vᵀ.", product / np.linalg.norm(product)),
        ("Did you subtract the means? Here the clouds are turned around 0.", centred),
    ]


def uniformity(x) -> float:
    """ln of the mean of exp(-2 |x_i - x_j|²) over pairs i ≠ j of unit rows."""
    return _uniformity([vectors.unit(row) for row in vectors.rows(x)])


def _squared(a: list[float], b: list[float]) -> float:
    return sum((p - q) ** 2 for p, q in zip(a, b, strict=True))


def _uniformity(rows: Matrix) -> float:
    return math.log(vectors.mean([math.exp(-2 * d) for d in _pairwise(rows)]))


def _pairwise(rows: Matrix, itself: bool = False) -> list[float]:
    return [
        _squared(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows) if itself or i != j
    ]


def uniformity_suspects(x) -> list[tuple[str, float]]:
    """What typical mistakes would make of the same rows."""
    units = [vectors.unit(row) for row in vectors.rows(x)]
    squared, powers = _pairwise(units), [math.exp(-2 * d) for d in _pairwise(units)]
    with_itself = [math.exp(-2 * d) for d in _pairwise(units, itself=True)]
    return [
        *(
            (q, _uniformity(vectors.normalised(vectors.rows(x), what)))
            for q, what in vectors.NORMALISED.items()
        ),
        (
            "Is each row compared with itself, too? Only pairs i ≠ j count.",
            math.log(vectors.mean(with_itself)),
        ),
        (
            "Did you forget to square the distance?",
            math.log(vectors.mean([math.exp(-2 * math.sqrt(d)) for d in squared])),
        ),
        (
            "Did you forget the factor 2 in the exponent?",
            math.log(vectors.mean([math.exp(-d) for d in squared])),
        ),
        (
            "Is that the mean of the logarithms? Take the mean first, then the logarithm.",
            vectors.mean([-2 * d for d in squared]),
        ),
        ("Did you forget the logarithm?", vectors.mean(powers)),
        ("Did you lose the minus sign in the exponent?", math.log(1 / vectors.mean(powers))),
        (
            "Did you lose the minus sign in the exponent?",
            math.log(vectors.mean([math.exp(2 * d) for d in squared])),
        ),
        ("Is that a sum? The mean over pairs is asked for.", math.log(sum(powers))),
        ("Is that a sum? The mean over pairs is asked for.", math.log(sum(powers) / 2)),
        ("Is that in bits? Take the natural logarithm.", _uniformity(units) / math.log(2)),
    ]


def csls(similarity, k: int) -> np.ndarray:
    """Twice the similarity, less the mean of the k largest of the row and of the column."""
    rows = vectors.rows(similarity)
    return _corrected(rows, _crowds(rows, k), _crowds(vectors.turned(rows), k))


def _crowds(rows: Matrix, k: int, largest: bool = True) -> list[float]:
    return [vectors.mean(sorted(row, reverse=largest)[:k]) for row in rows]


def _corrected(rows: Matrix, of_row, of_column, twice: float = 2.0) -> np.ndarray:
    return np.array(
        [
            [twice * x - of_row[i] - of_column[j] for j, x in enumerate(row)]
            for i, row in enumerate(rows)
        ]
    )


def csls_suspects(similarity, k: int) -> list[tuple[str, np.ndarray]]:
    """What typical mistakes would make of the same matrix."""
    rows = vectors.rows(similarity)
    columns = vectors.turned(rows)
    of_row, of_column = _crowds(rows, k), _crowds(columns, k)
    none_row, none_column = [0.0] * len(rows), [0.0] * len(columns)
    smallest = _crowds(rows, k, False), _crowds(columns, k, False)
    minus_row, minus_column = [-r for r in of_row], [-c for c in of_column]
    found = [
        ("Did you forget the 2 before the similarity?", _corrected(rows, of_row, of_column, 1.0)),
        ("Where is the columns' crowd? Hubs are columns.", _corrected(rows, of_row, none_column)),
        ("Where is the rows' crowd?", _corrected(rows, none_row, of_column)),
        (
            "Is that the mean of the whole row and column? Only the k largest count.",
            _corrected(rows, _crowds(rows, len(columns)), _crowds(columns, len(rows))),
        ),
        (
            "Is that the maximum instead of the mean of the k largest?",
            _corrected(rows, _crowds(rows, 1), _crowds(columns, 1)),
        ),
        (
            "Are those the k smallest? Neighbours are the most similar ones.",
            _corrected(rows, *smallest),
        ),
        (
            "Is that the sum of the k largest? Take their mean.",
            _corrected(rows, [k * r for r in of_row], [k * c for c in of_column]),
        ),
        (
            "Did you add the crowds? Whoever stands in a crowd is near by accident: subtract.",
            _corrected(rows, minus_row, minus_column),
        ),
        ("Nothing changed: did you return the similarities?", np.array(rows)),
        ("Where are the two crowds?", 2 * np.array(rows)),
    ]
    if len(rows) == len(columns):
        crossed = _corrected(rows, of_column, of_row)
        found.append(("Did you mix up rows and columns? Row i's crowd is in row i.", crossed))
    return found


def sinkhorn(scores, rounds: int) -> np.ndarray:
    """exp(scores), rows and then columns divided by their sums, again and again."""
    return _balanced(vectors.rows(scores), "rc" * rounds)


def _balanced(logs: Matrix, order: str) -> np.ndarray:
    """Logarithms with rows (r) and columns (c) normalised in this order, then exponentiated."""
    for side in order:
        logs = logs if side == "r" else vectors.turned(logs)
        logs = [[x - vectors.log_sum_exp(row) for x in row] for row in logs]
        logs = logs if side == "r" else vectors.turned(logs)
    return np.array([[math.exp(x) for x in row] for row in logs])


def sinkhorn_suspects(scores, rounds: int) -> list[tuple[str, np.ndarray]]:
    """What typical mistakes would make of the same scores."""
    rows = vectors.rows(scores)
    right = _balanced(rows, "rc" * rounds)
    linear = np.array(rows)
    for _ in range(rounds):
        linear = linear / linear.sum(1, keepdims=True)
        linear = linear / linear.sum(0, keepdims=True)
    return [
        ("Those are logarithms: did you forget exp at the end?", np.log(right)),
        ("Is that one round? Repeat `rounds` times.", _balanced(rows, "rc")),
        ("Is that the softmax of the rows alone? The columns come next.", _balanced(rows, "r")),
        ("Is that the softmax of the columns alone? The rows come first.", _balanced(rows, "c")),
        (
            "Did you begin with the columns? Each round: rows, then columns.",
            _balanced(rows, "cr" * rounds),
        ),
        ("Is that one round too many?", _balanced(rows, "rc" * (rounds + 1))),
        ("Is that one round too few?", _balanced(rows, "rc" * (rounds - 1))),
        ("Did you stop before the last columns?", _balanced(rows, "rc" * (rounds - 1) + "r")),
        ("Did you divide the scores themselves by their sums? Take exp(scores) first.", linear),
        ("Is that transposed?", right.T),
    ]
