"""Right and wrong results for `sigmoid_loss` and `info_nce_with_foils`, by loops in float64."""

from __future__ import annotations

import math

from xmodal_lab.workbook.exercises import contrast_cells as cells
from xmodal_lab.workbook.exercises import vectors


def sigmoid_loss(a, b, temperature: float, bias: float) -> float:
    """The sum of −ln σ(z l) over a row's cells, averaged over rows."""
    return _sigmoid([[c / temperature + bias for c in row] for row in cells.cosines(a, b)])


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _sigmoid(logits: cells.Matrix, yes: float = 1.0, no: float = -1.0) -> float:
    """With labels other than 1 and -1, what a mistake would make of the logits."""
    total = sum(
        _softplus(-(yes if i == j else no) * x)
        for i, row in enumerate(logits)
        for j, x in enumerate(row)
    )
    return total / len(logits)


def sigmoid_suspects(a, b, temperature: float, bias: float) -> list[tuple[str, float]]:
    """What typical mistakes would make of the same batch."""
    cosines = cells.cosines(a, b)
    logits = [[c / temperature + bias for c in row] for row in cosines]
    wanted, batch = _sigmoid(logits), len(logits)

    def changed(cell) -> float:
        return _sigmoid([[cell(c) for c in row] for row in cosines])

    strangers = "Where are the wrong pairs? Every cell of the matrix is a question."
    return [
        *(
            (q, _sigmoid([[c / temperature + bias for c in r] for r in cells.cosines(a, b, what)]))
            for q, what in vectors.NORMALISED.items()
        ),
        (
            "Are the labels 1 and 0? Here they are 1 and −1: a 0 silences the cell.",
            _sigmoid(logits, 1.0, 0.0),
        ),
        ("Are all labels −1? The diagonal holds the pairs.", _sigmoid(logits, -1.0, -1.0)),
        ("Are all labels 1? Only the diagonal holds pairs.", _sigmoid(logits, 1.0, 1.0)),
        ("Are the labels the wrong way round?", _sigmoid(logits, -1.0, 1.0)),
        ("Is that a mean over all B² cells? Divide the sum by B.", wanted / batch),
        ("Did you forget to divide the sum by B?", wanted * batch),
        (strangers, vectors.mean([_softplus(-x) for x in cells.diagonal(logits)])),
        ("Did you leave out the bias?", changed(lambda c: c / temperature)),
        ("Did you subtract the bias?", changed(lambda c: c / temperature - bias)),
        (
            "Did you divide the bias by the temperature, too?",
            changed(lambda c: (c + bias) / temperature),
        ),
        (
            "Did you multiply by the temperature instead of dividing?",
            changed(lambda c: c * temperature + bias),
        ),
        ("Did you leave out the temperature?", changed(lambda c: c + bias)),
        ("Did you lose the minus sign? A loss is small when the pairs fit.", -wanted),
    ]


def info_nce_with_foils(a, b, foils, temperature: float) -> float:
    """InfoNCE in which row i of a also has to reject row i of foils."""
    return _with_foils(a, b, foils, temperature, lambda i, wrong: wrong[i : i + 1])


def _cross_entropy(quizzes: cells.Matrix) -> float:
    """Quiz i has its right answer in place i."""
    return vectors.mean([vectors.log_sum_exp(quiz) - quiz[i] for i, quiz in enumerate(quizzes)])


def _scaled(a, b, temperature: float, normalise: str = "rows") -> cells.Matrix:
    return [[c / temperature for c in row] for row in cells.cosines(a, b, normalise)]


def _with_foils(a, b, foils, temperature, choose, normalise="rows") -> float:
    """``choose(i, logits of a's row i against all foils)`` says which of them join its quiz."""
    good = _scaled(a, b, temperature, normalise)
    wrong = _scaled(a, foils, temperature, normalise)
    rows = [row + choose(i, wrong[i]) for i, row in enumerate(good)]
    return (_cross_entropy(rows) + _cross_entropy(vectors.turned(good))) / 2


def foils_suspects(a, b, foils, temperature: float) -> list[tuple[str, float]]:
    """What typical mistakes would make of the same batch."""
    good, wrong = _scaled(a, b, temperature), _scaled(a, foils, temperature)
    columns = _cross_entropy(vectors.turned(good))
    rows = _cross_entropy([[*row, wrong[i][i]] for i, row in enumerate(good)])
    near = cells.diagonal(_scaled(b, foils, temperature))
    units = vectors.normalised(vectors.rows(a), "rows")
    raw = [vectors.dot(x, y) / temperature for x, y in zip(units, vectors.rows(foils), strict=True)]

    def with_own(extra: list[float]) -> float:
        quizzes = [[*row, x] for row, x in zip(good, extra, strict=True)]
        return (_cross_entropy(quizzes) + columns) / 2

    only = [[row[i], wrong[i][i]] for i, row in enumerate(good)]
    two = vectors.mean([vectors.log_sum_exp(quiz) - quiz[0] for quiz in only])
    turned = [[*row, wrong[i][i]] for i, row in enumerate(vectors.turned(good))]
    return [
        *(
            (q, _with_foils(a, b, foils, temperature, lambda i, w: w[i : i + 1], what))
            for q, what in vectors.NORMALISED.items()
        ),
        ("Did you leave the foils out?", (_cross_entropy(good) + columns) / 2),
        (
            "Is every row asked about all foils? Row i gets foil i alone: one more column.",
            _with_foils(a, b, foils, temperature, lambda i, w: w),
        ),
        ("Did you forget to normalise the foils?", with_own(raw)),
        (
            "Did you forget to divide the foils' cosines by the temperature?",
            with_own([x * temperature for x in cells.diagonal(wrong)]),
        ),
        ("Did you compare the foils with b? It is a that has to reject them.", with_own(near)),
        (
            "Do the foils stand in b's quiz, too? They are wrong answers for the rows of a.",
            (rows + _cross_entropy(turned)) / 2,
        ),
        ("That is one direction only: did you forget from b to a (the columns)?", rows),
        ("Did you add the two directions instead of taking their mean?", rows + columns),
        (
            "Where are the other rows of the batch? Foils join the quiz, they do not replace it.",
            (two + columns) / 2,
        ),
    ]
