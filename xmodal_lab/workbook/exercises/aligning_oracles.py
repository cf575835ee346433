"""Right and wrong results for `info_nce` and `recall_at_1`, by loops over plain float64 numbers.

Nothing here calls a reference solution or torch's losses: an oracle that shared their code would
share their mistakes. Tensors come in, Python numbers go out.
"""

from __future__ import annotations

import math

from xmodal_lab.workbook.exercises import vectors


def _logits(a, b, scale: float, normalise: str = "rows") -> list[list[float]]:
    rows_a, rows_b = (
        vectors.normalised(vectors.rows(a), normalise),
        vectors.normalised(vectors.rows(b), normalise),
    )
    return [[vectors.dot(x, y) * scale for y in rows_b] for x in rows_a]


def _cross_entropies(logits: list[list[float]]) -> list[float]:
    return [vectors.log_sum_exp(row) - row[i] for i, row in enumerate(logits)]


def _both(logits: list[list[float]]) -> float:
    return (
        vectors.mean(_cross_entropies(logits))
        + vectors.mean(_cross_entropies(vectors.turned(logits)))
    ) / 2


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
    turned, batch = vectors.turned(good), len(good)
    wanted = _both(good)
    everything = vectors.log_sum_exp([x for row in good for x in row])
    first = [vectors.log_sum_exp(row) - row[0] for row in good]
    first_turned = [vectors.log_sum_exp(row) - row[0] for row in turned]
    negatives = [
        vectors.mean(
            [vectors.log_sum_exp(row[:i] + row[i + 1 :]) - row[i] for i, row in enumerate(matrix)]
        )
        for matrix in (good, turned)
    ]
    one_direction = "That is one direction only: did you forget {}?"
    labels = "Are all labels 0? The right partner of row i is column i."
    return [
        *(
            (question, _both(_logits(a, b, 1 / temperature, what)))
            for question, what in vectors.NORMALISED.items()
        ),
        (one_direction.format("from b to a (the columns)"), vectors.mean(_cross_entropies(good))),
        (one_direction.format("from a to b (the rows)"), vectors.mean(_cross_entropies(turned))),
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
        (labels, (vectors.mean(first) + vectors.mean(first_turned)) / 2),
        (labels, vectors.mean(first)),
        ("Did you leave the right pair out of the denominator?", sum(negatives) / 2),
        (
            "Did you take one softmax over the whole matrix? Each row has its own.",
            vectors.mean([everything - row[i] for i, row in enumerate(good)]),
        ),
        *_logarithm_suspects(good),
    ]


def _logarithm_suspects(good: list[list[float]]) -> list[tuple[str, float]]:
    """Softmax taken twice, no logarithm at all, or one to another base."""
    logarithms, powers = [], []
    for matrix in (good, vectors.turned(good)):
        logs = [[x - vectors.log_sum_exp(row) for x in row] for row in matrix]
        logarithms.append(logs)
        powers.append([[math.exp(x) for x in row] for row in logs])
    rows, columns = (vectors.mean(_cross_entropies(matrix)) for matrix in powers)
    shares = [matrix[i][i] for matrix in powers for i in range(len(good))]
    twice = "Did you take the softmax yourself? cross_entropy does it."
    unit = "The loss is in nats: did you take {} instead of the natural logarithm?"
    return [
        (twice, (rows + columns) / 2),
        (twice, _both(powers[0])),
        (twice, rows),
        (twice, _both(logarithms[0])),
        ("Did you leave out the logarithm of the softmax?", -vectors.mean(shares)),
        (unit.format("log2"), _both(good) / math.log(2)),
        (unit.format("log10"), _both(good) / math.log(10)),
    ]


def recall_at_1(similarity, target) -> float:
    """Share of queries whose target is strictly above all others."""
    hits = 0
    for row, right in zip(vectors.rows(similarity), target.tolist(), strict=True):
        hits += all(row[right] > other for i, other in enumerate(row) if i != right)
    return hits / len(target)


def recall_suspects(similarity, target) -> list[tuple[str, float | None]]:
    """What typical mistakes would make of the same matrix."""
    wanted = recall_at_1(similarity, target)
    rows, goals = vectors.rows(similarity), target.tolist()
    ties_win = vectors.mean([row[g] >= max(row) for row, g in zip(rows, goals, strict=True)])
    first_wins = vectors.mean(
        [row.index(max(row)) == g for row, g in zip(rows, goals, strict=True)]
    )
    diagonal = vectors.mean([row.index(max(row)) == i for i, row in enumerate(rows)])
    ties = "Do ties count as hits? A collapsed model, all similarities equal, should score 0."
    turned = None
    if len(rows) == len(rows[0]):
        best = [column.index(max(column)) for column in vectors.turned(rows)]
        turned = vectors.mean([b == g for b, g in zip(best, goals, strict=True)])
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
        (zero, vectors.mean([r > max(0.0, x) for r, x in zip(right, rivals, strict=True)])),
        (whole, vectors.mean([r > max(rivals) for r in right])),
        (whole, vectors.mean([r >= top for r in right])),
        (
            "Did you take out whole columns? `others[rows, target]` is one entry of each row.",
            vectors.mean([r > x for r, x in zip(right, columns, strict=True)]),
        ),
        (
            "Did you compare a column with a row, each query with all? Give both the shape "
            "(queries,).",
            vectors.mean([r > x for r in right for x in rivals]),
        ),
    ]
