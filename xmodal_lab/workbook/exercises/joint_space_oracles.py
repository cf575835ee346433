"""Right and wrong results for chapter 06, by loops over plain float64 numbers.

Nothing here calls a reference solution or torch's losses: an oracle that shared their code would
share their mistakes. Tensors come in, Python numbers go out.
"""

from __future__ import annotations

import itertools
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


def _turned(matrix: list[list[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*matrix, strict=True)]


def _normalised(matrix: list[list[float]], what: str) -> list[list[float]]:
    """Divided by the length of each row, of each column, of the whole matrix, or by nothing."""
    if what == "rows":
        return [_unit(row) for row in matrix]
    if what == "columns":
        return _turned([_unit(column) for column in _turned(matrix)])
    length = math.sqrt(sum(_dot(row, row) for row in matrix)) if what == "matrix" else 1.0
    return [[x / length for x in row] for row in matrix]


# Questions that several exercises ask, and what was normalised by whoever is asked.
NORMALISED = {
    "Did you normalise the rows?": "nothing",
    "Did you normalise the columns? Each row is one embedding (dim=1).": "columns",
    "Did you divide by the norm of the whole matrix? Each row has its own (dim=1).": "matrix",
}


def _logits(a, b, scale: float, normalise: str = "rows") -> list[list[float]]:
    rows_a, rows_b = _normalised(_rows(a), normalise), _normalised(_rows(b), normalise)
    return [[_dot(x, y) * scale for y in rows_b] for x in rows_a]


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
        *(
            (question, _both(_logits(a, b, 1 / temperature, what)))
            for question, what in NORMALISED.items()
        ),
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
        *_logarithm_suspects(good),
    ]


def _logarithm_suspects(good: list[list[float]]) -> list[tuple[str, float]]:
    """Softmax taken twice, no logarithm at all, or one to another base."""
    logarithms, powers = [], []
    for matrix in (good, _turned(good)):
        logs = [[x - _log_sum_exp(row) for x in row] for row in matrix]
        logarithms.append(logs)
        powers.append([[math.exp(x) for x in row] for row in logs])
    rows, columns = (_mean(_cross_entropies(matrix)) for matrix in powers)
    shares = [matrix[i][i] for matrix in powers for i in range(len(good))]
    twice = "Did you take the softmax yourself? cross_entropy does it."
    unit = "The loss is in nats: did you take {} instead of the natural logarithm?"
    return [
        (twice, (rows + columns) / 2),
        (twice, _both(powers[0])),
        (twice, rows),
        (twice, _both(logarithms[0])),
        ("Did you leave out the logarithm of the softmax?", -_mean(shares)),
        (unit.format("log2"), _both(good) / math.log(2)),
        (unit.format("log10"), _both(good) / math.log(10)),
    ]


def recall_at_1(similarity, target) -> float:
    """Share of queries whose target is strictly above all others."""
    hits = 0
    for row, right in zip(_rows(similarity), target.tolist(), strict=True):
        hits += all(row[right] > other for i, other in enumerate(row) if i != right)
    return hits / len(target)


def recall_suspects(similarity, target) -> list[tuple[str, float | None]]:
    """What typical mistakes would make of the same matrix."""
    wanted = recall_at_1(similarity, target)
    rows, goals = _rows(similarity), target.tolist()
    ties_win = _mean([row[g] >= max(row) for row, g in zip(rows, goals, strict=True)])
    first_wins = _mean([row.index(max(row)) == g for row, g in zip(rows, goals, strict=True)])
    diagonal = _mean([row.index(max(row)) == i for i, row in enumerate(rows)])
    ties = "Do ties count as hits? A collapsed model, all similarities equal, should score 0."
    turned = None
    if len(rows) == len(rows[0]):
        best = [column.index(max(column)) for column in _turned(rows)]
        turned = _mean([b == g for b, g in zip(best, goals, strict=True)])
    itself = "The right item competes with itself: take it out first."
    return [
        (itself, 0.0),
        *_mask_suspects(rows, goals),
        (ties, ties_win),
        (ties, first_wins),
        ("Is that a percentage? A share lies between 0 and 1.", 100 * wanted),
        ("Is that a count? A share lies between 0 and 1.", len(goals) * wanted),
        ("Is that the share of misses?", 1 - wanted),
        ("Is the right item always on the diagonal? `target` says where it is.", diagonal),
        ("Did you compare along the wrong axis? Each row is a query.", turned),
    ]


def _mask_suspects(rows: list[list[float]], goals: list[int]) -> list[tuple[str, float]]:
    """The right entries taken out wrongly, or compared with the wrong rivals."""
    right = [row[g] for row, g in zip(rows, goals, strict=True)]
    rivals = [
        max(x for i, x in enumerate(row) if i != g) for row, g in zip(rows, goals, strict=True)
    ]
    untouched = [i for i in range(len(rows[0])) if i not in goals]
    columns = [max((row[i] for i in untouched), default=-math.inf) for row in rows]
    top = max(max(row) for row in rows)
    zero = "Did you put 0 in the place of the right entry? Cosines can be negative: use −∞."
    whole = "Is that the maximum of the whole matrix? Each row has its own: max(dim=1)."
    return [
        (zero, _mean([r > max(0.0, x) for r, x in zip(right, rivals, strict=True)])),
        (whole, _mean([r > max(rivals) for r in right])),
        (whole, _mean([r >= top for r in right])),
        (
            "Did you take out whole columns? `others[rows, target]` is one entry of each row.",
            _mean([r > x for r, x in zip(right, columns, strict=True)]),
        ),
        (
            "Did you compare a column with a row, each query with all? Give both the shape "
            "(queries,).",
            _mean([r > x for r in right for x in rivals]),
        ),
    ]


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
        *_axis_suspects(images.double().numpy(), prompts.double().numpy()),
    ]


def _along(x: np.ndarray, axis: int) -> np.ndarray:
    return x / np.sqrt((x * x).sum(axis=axis, keepdims=True))


def _axis_suspects(images: np.ndarray, prompts: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Every way to normalise or average along another axis, the last being the embedding."""
    last = "The embedding is the last axis: dim=-1."
    sides = {
        -1: "",
        0: f"Did you normalise the columns of the images (dim=0)? {last}",
    }
    variants = {
        -1: "",
        1: f"Did you normalise the prompts over the variants (dim=1, the default)? {last}",
        0: f"Did you normalise the prompts over the classes (dim=0)? {last}",
    }
    means = {-1: "", 0: f"Did you normalise the class means over the classes (dim=0)? {last}"}
    found = []
    for (i, image), (v, variant), (m, mean) in itertools.product(
        sides.items(), variants.items(), means.items()
    ):
        classes = _along(_along(prompts, v).mean(axis=1), m)
        question = variant or image or mean
        if question:
            found.append((question, (_along(images, i) @ classes.T).argmax(axis=1)))
    over_classes = _along(_along(prompts, -1).mean(axis=0), -1)
    question = "Did you average over the classes (dim=0)? The variants are axis 1."
    return [*found, (question, (_along(images, -1) @ over_classes.T).argmax(axis=1))]


def _distance(a: list[float], b: list[float]) -> float:
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))


def modality_gap(a, b) -> float:
    """Euclidean distance of the centroids of row-normalised embeddings (n, dim) and (m, dim)."""
    return _distance(_centre([_unit(r) for r in _rows(a)]), _centre([_unit(r) for r in _rows(b)]))


def gap_suspects(a, b) -> list[tuple[str, float | None]]:
    """What typical mistakes would make of the same two sets."""
    units_a, units_b = [_unit(r) for r in _rows(a)], [_unit(r) for r in _rows(b)]
    centre_a, centre_b = _centre(units_a), _centre(units_b)
    gap = _distance(centre_a, centre_b)
    pairwise = _mean([_distance(x, y) for x in units_a for y in units_b])
    both_unit = _distance(_unit(centre_a), _unit(centre_b))
    raw_unit = _distance(_unit(_centre(_rows(a))), _unit(_centre(_rows(b))))
    matched = None
    if len(units_a) == len(units_b):
        matched = _mean([_distance(x, y) for x, y in zip(units_a, units_b, strict=True)])
    all_pairs = "Is that the mean distance over pairs? Average first, then take one distance."
    return [
        *(
            (question, _distance(*(_centre(_normalised(_rows(x), what)) for x in (a, b))))
            for question, what in NORMALISED.items()
        ),
        *_average_suspects(units_a, units_b),
        ("Is that the squared distance? Take the root.", gap**2),
        (all_pairs, pairwise),
        (all_pairs, matched),
        ("Did you normalise the centroids instead of the rows? Rows first.", raw_unit),
        ("Did you normalise the centroids too? Only the rows are.", both_unit),
        (
            "Is that a sum of absolute differences? Euclidean distance squares them.",
            sum(abs(x - y) for x, y in zip(centre_a, centre_b, strict=True)),
        ),
        ("Is that a cosine? A distance is asked for.", 1 - _dot(_unit(centre_a), _unit(centre_b))),
    ]


def _average_suspects(units_a, units_b) -> list[tuple[str, float | None]]:
    """Averages over something else than the rows."""
    means = [[_mean(row) for row in rows] for rows in (units_a, units_b)]
    over_dim = _distance(*means) if len(units_a) == len(units_b) else None
    everything = abs(_mean(means[0]) - _mean(means[1]))
    question = "Average over the rows (dim=0): the centroid is a vector of dim numbers."
    return [(question, over_dim), (question, everything)]
