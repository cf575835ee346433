"""Right and wrong results for chapter 06, by loops over plain float64 numbers.

Nothing here calls a reference solution or torch's losses: an oracle that shared their code would
share their mistakes. Tensors come in, Python numbers go out.
"""

from __future__ import annotations

import math

import numpy as np


def _rows(tensor) -> list[list[float]]:
    return tensor.double().tolist()


def _unit(row: list[float]) -> list[float]:
    length = math.sqrt(sum(x * x for x in row))
    return [x / length for x in row]


def _dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _log_sum_exp(values: list[float]) -> float:
    top = max(values)
    return top + math.log(sum(math.exp(v - top) for v in values))


def _logits(a, b, scale: float, normalise: bool = True) -> list[list[float]]:
    rows_a, rows_b = _rows(a), _rows(b)
    if normalise:
        rows_a, rows_b = [_unit(r) for r in rows_a], [_unit(r) for r in rows_b]
    return [[_dot(x, y) * scale for y in rows_b] for x in rows_a]


def _turned(matrix: list[list[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*matrix, strict=True)]


def _cross_entropies(logits: list[list[float]]) -> list[float]:
    return [_log_sum_exp(row) - row[i] for i, row in enumerate(logits)]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _both(logits: list[list[float]]) -> float:
    return (_mean(_cross_entropies(logits)) + _mean(_cross_entropies(_turned(logits)))) / 2


def info_nce(a, b, temperature: float) -> float:
    """Symmetric InfoNCE of embeddings (batch, dim)."""
    return _both(_logits(a, b, 1 / temperature))


def info_nce_slope(a, b, temperature: float, side: int, direction) -> float:
    """How fast the loss changes when one side (0: a, 1: b) moves along a direction (batch, dim)."""
    step = 1e-5
    moved = []
    for sign in (1, -1):
        pair = [a.double(), b.double()]
        pair[side] = pair[side] + sign * step * direction.double()
        moved.append(info_nce(*pair, temperature))
    return (moved[0] - moved[1]) / (2 * step)


def info_nce_suspects(a, b, temperature: float) -> list[tuple[str, float]]:
    """What typical mistakes would make of the same batch."""
    good = _logits(a, b, 1 / temperature)
    turned, batch = _turned(good), len(good)
    wanted = _both(good)
    everything = _log_sum_exp([x for row in good for x in row])
    first = [_log_sum_exp(row) - row[0] for row in good]
    first_turned = [_log_sum_exp(row) - row[0] for row in turned]
    negatives = [
        _mean([_log_sum_exp(row[:i] + row[i + 1 :]) - row[i] for i, row in enumerate(matrix)])
        for matrix in (good, turned)
    ]
    one_direction = "That is one direction only: did you forget {}?"
    labels = "Are all labels 0? The right partner of row i is column i."
    return [
        ("Did you normalise the rows?", _both(_logits(a, b, 1 / temperature, False))),
        (one_direction.format("from b to a (the columns)"), _mean(_cross_entropies(good))),
        (one_direction.format("from a to b (the rows)"), _mean(_cross_entropies(turned))),
        (
            "Did you multiply by the temperature instead of dividing?",
            _both(_logits(a, b, temperature)),
        ),
        ("Did you leave out the temperature?", _both(_logits(a, b, 1.0))),
        ("Did you divide by the temperature twice?", _both(_logits(a, b, temperature**-2))),
        ("Did you add the two directions instead of taking their mean?", 2 * wanted),
        ("Did you sum over the batch instead of taking the mean?", batch * wanted),
        ("Did you sum over the batch instead of taking the mean?", 2 * batch * wanted),
        ("Did you lose the minus sign? A loss is small when the pairs fit.", -wanted),
        (labels, (_mean(first) + _mean(first_turned)) / 2),
        (labels, _mean(first)),
        ("Did you leave the right pair out of the denominator?", sum(negatives) / 2),
        (
            "Did you take one softmax over the whole matrix? Each row has its own.",
            _mean([everything - row[i] for i, row in enumerate(good)]),
        ),
    ]


def recall_at_1(similarity, target) -> float:
    """Share of queries whose target is strictly above all others."""
    hits = 0
    for row, right in zip(_rows(similarity), target.tolist(), strict=True):
        hits += all(row[right] > other for i, other in enumerate(row) if i != right)
    return hits / len(target)


def recall_suspects(similarity, target) -> list[tuple[str, float]]:
    """What typical mistakes would make of the same matrix."""
    wanted = recall_at_1(similarity, target)
    rows, goals = _rows(similarity), target.tolist()
    ties_win = _mean([row[g] >= max(row) for row, g in zip(rows, goals, strict=True)])
    first_wins = _mean([row.index(max(row)) == g for row, g in zip(rows, goals, strict=True)])
    diagonal = _mean([row.index(max(row)) == i for i, row in enumerate(rows)])
    ties = "Do ties count as hits? A collapsed model, all similarities equal, should score 0."
    suspects = [
        (ties, ties_win),
        (ties, first_wins),
        ("Is that a percentage? A share lies between 0 and 1.", 100 * wanted),
        ("Is that a count? A share lies between 0 and 1.", len(goals) * wanted),
        ("Is that the share of misses?", 1 - wanted),
        ("Is the right item always on the diagonal? `target` says where it is.", diagonal),
    ]
    if len(rows) == len(rows[0]):
        best = [column.index(max(column)) for column in _turned(rows)]
        turned = _mean([b == g for b, g in zip(best, goals, strict=True)])
        question = "Did you compare along the wrong axis? Each row is a query."
        suspects.append((question, turned))
    return suspects


def _centre(rows: list[list[float]]) -> list[float]:
    return [_mean(list(column)) for column in zip(*rows, strict=True)]


def _nearest(images, classes: list[list[float]]) -> np.ndarray:
    scores = [[_dot(row, centre) for centre in classes] for row in _rows(images)]
    return np.array([row.index(max(row)) for row in scores])


def zero_shot(images, prompts) -> np.ndarray:
    """Class of each image (n,): the nearest normalised mean of normalised prompts."""
    return _nearest(images, [_unit(_centre([_unit(v) for v in c])) for c in _rows(prompts)])


def zero_shot_suspects(images, prompts) -> list[tuple[str, np.ndarray]]:
    """What typical mistakes would make of the same images and prompts."""
    classes = _rows(prompts)
    units = [[_unit(variant) for variant in variants] for variants in classes]
    scores = [
        [[_dot(row, variant) for variant in variants] for variants in units]
        for row in _rows(images)
    ]
    best = np.array([[max(of_class) for of_class in row] for row in scores])
    opposite = [[-x for x in _unit(_centre(variants))] for variants in units]
    again = "Did you normalise again after averaging? Scattered variants have a short mean."
    before = "Did you normalise each variant before averaging? Long ones outweigh the others."
    return [
        ("Did you normalise the prompts at all?", _nearest(images, [_centre(v) for v in classes])),
        (again, _nearest(images, [_centre(v) for v in units])),
        (before, _nearest(images, [_unit(_centre(v)) for v in classes])),
        ("Is that the best single variant? The variants of a class are averaged.", best.argmax(1)),
        ("Is that the least similar class?", _nearest(images, opposite)),
        ("Did you use the first variant only?", _nearest(images, [v[0] for v in units])),
    ]


def _distance(a: list[float], b: list[float]) -> float:
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))


def modality_gap(a, b) -> float:
    """Euclidean distance of the centroids of row-normalised embeddings (n, dim) and (m, dim)."""
    return _distance(_centre([_unit(r) for r in _rows(a)]), _centre([_unit(r) for r in _rows(b)]))


def gap_suspects(a, b) -> list[tuple[str, float]]:
    """What typical mistakes would make of the same two sets."""
    units_a, units_b = [_unit(r) for r in _rows(a)], [_unit(r) for r in _rows(b)]
    centre_a, centre_b = _centre(units_a), _centre(units_b)
    gap = _distance(centre_a, centre_b)
    pairwise = _mean([_distance(x, y) for x in units_a for y in units_b])
    both_unit = _distance(_unit(centre_a), _unit(centre_b))
    all_pairs = "Is that the mean distance over pairs? Average first, then take one distance."
    suspects = [
        ("Did you normalise the rows?", _distance(_centre(_rows(a)), _centre(_rows(b)))),
        ("Is that the squared distance? Take the root.", gap**2),
        (all_pairs, pairwise),
        ("Did you normalise the centroids too? Only the rows are.", both_unit),
        (
            "Is that a sum of absolute differences? Euclidean distance squares them.",
            sum(abs(x - y) for x, y in zip(centre_a, centre_b, strict=True)),
        ),
        ("Is that a cosine? A distance is asked for.", 1 - _dot(_unit(centre_a), _unit(centre_b))),
    ]
    if len(units_a) == len(units_b):
        matched = [_distance(x, y) for x, y in zip(units_a, units_b, strict=True)]
        suspects.append((all_pairs, _mean(matched)))
    return suspects
