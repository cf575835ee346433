"""Right and wrong losses of Word2Vec and GloVe, by loops over plain float64 numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xmodal_lab.workbook.exercises.vectors import dot, log_sum_exp, mean, rows, unit
from xmodal_lab.workbook.kit.compare import Suspect


def _log_sigmoid(x: float) -> float:
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))


def _sigmoid(x: float) -> float:
    return math.exp(_log_sigmoid(x))


def _dots(centre, context, noise, change=list) -> tuple[list[float], list[list[float]]]:
    """Dot products of each centre with its context, and with each of its noise words."""
    middles, partners = ([change(row) for row in rows(x)] for x in (centre, context))
    others = [[change(row) for row in group] for group in noise.double().tolist()]
    right = [dot(m, p) for m, p in zip(middles, partners, strict=True)]
    wrong = [[dot(m, n) for n in group] for m, group in zip(middles, others, strict=True)]
    return right, wrong


def _each(right: Sequence[float], wrong: Sequence[Sequence[float]]) -> list[float]:
    return [
        -_log_sigmoid(r) - sum(_log_sigmoid(-w) for w in group)
        for r, group in zip(right, wrong, strict=True)
    ]


def skip_gram_loss(centre, context, noise) -> float:
    """Mean over the batch of −ln σ(right) − Σ ln σ(−wrong), in nats."""
    return mean(_each(*_dots(centre, context, noise)))


def skip_gram_suspects(centre, context, noise) -> list[Suspect]:
    """What typical mistakes would make of the same batch."""
    right, wrong = _dots(centre, context, noise)
    cosines = _dots(centre, context, noise, unit)
    _, context_noise = _dots(context, centre, noise)
    batch, negatives = len(right), len(wrong[0])
    wanted = mean(_each(right, wrong))
    pull = [-_log_sigmoid(r) for r in right]
    push = [sum(-_log_sigmoid(-w) for w in group) for group in wrong]
    same_sign = [sum(-_log_sigmoid(w) for w in group) for group in wrong]
    every_pair = mean([-_log_sigmoid(dot(m, p)) for m in rows(centre) for p in rows(context)])
    sign = "Which dot product should be small? The noise words' go in with a minus sign."
    soft = [log_sum_exp([r, *group]) - r for r, group in zip(right, wrong, strict=True)]
    averaged = "Did you average over the noise words? They are added up."
    unit_hint = "The loss is in nats: did you take {} instead of the natural logarithm?"
    return [
        (averaged, mean(pull) + mean(push) / negatives),
        (
            "Did you average over right word and noise words together? They are added up.",
            wanted / (1 + negatives),
        ),
        ("Did you sum over the batch instead of taking the mean?", batch * wanted),
        (
            "Is that a softmax over the right word and its noise words? Here every word is a "
            "question of its own, yes or no: a sigmoid.",
            mean(soft),
        ),
        (sign, mean(pull) + mean(same_sign)),
        (
            "Are the two signs swapped? The right word's dot product should grow.",
            mean(_each([-r for r in right], [[-w for w in group] for group in wrong])),
        ),
        ("Did you lose the minus sign? A loss is small when the pairs fit.", -wanted),
        ("Did you forget the noise words?", mean(pull)),
        ("Did you forget the right words?", mean(push)),
        (
            "Did you add up the noise words' dot products before the sigmoid? Each has its own.",
            mean(_each(right, [[sum(group)] for group in wrong])),
        ),
        ("Did you forget the logarithm?", _without_logarithm(right, wrong)),
        (unit_hint.format("log2"), wanted / math.log(2)),
        (unit_hint.format("log10"), wanted / math.log(10)),
        (
            "Did you normalise the vectors? Word2Vec takes plain dot products.",
            mean(_each(*cosines)),
        ),
        (
            "Did you compare the noise with the context? It is compared with the centre word.",
            mean(_each(right, context_noise)),
        ),
        (
            "Did you compare every centre with every context? Row i belongs to row i.",
            every_pair + mean(push),
        ),
    ]


def _without_logarithm(right, wrong) -> float:
    return mean(
        [
            -_sigmoid(r) - sum(_sigmoid(-w) for w in group)
            for r, group in zip(right, wrong, strict=True)
        ]
    )


def glove_loss(words, contexts, word_bias, context_bias, counts, x_max, alpha) -> float:
    """Mean over the cells of f(x) · (w·c + b + b̃ − ln x)², f(x) = min(1, (x / x_max)^α)."""
    errors = _errors(words, contexts, word_bias, context_bias, counts)
    weights = [min(1.0, (x / x_max) ** alpha) for x in counts.double().tolist()]
    return _weighted(weights, errors)


def _weighted(weights: Sequence[float], errors: Sequence[float]) -> float:
    return mean([f * e * e for f, e in zip(weights, errors, strict=True)])


def _errors(words, contexts, word_bias, context_bias, counts, target=math.log) -> list[float]:
    products = [dot(w, c) for w, c in zip(rows(words), rows(contexts), strict=True)]
    numbers = [x.double().tolist() for x in (word_bias, context_bias, counts)]
    return [p + b + d - target(x) for p, b, d, x in zip(products, *numbers, strict=True)]


def glove_suspects(words, contexts, word_bias, context_bias, counts, x_max, alpha) -> list[Suspect]:
    """What typical mistakes would make of the same cells."""
    vectors = words, contexts
    biases = word_bias, context_bias
    numbers = counts.double().tolist()
    errors = _errors(*vectors, *biases, counts)
    weights = [min(1.0, (x / x_max) ** alpha) for x in numbers]
    wanted = _weighted(weights, errors)
    no_bias = "Did you forget {}?"
    none = [0 * bias for bias in biases]

    def with_errors(*changed, target=math.log) -> float:
        return _weighted(weights, _errors(*vectors, *changed, counts, target))

    return [
        ("Did you sum over the cells instead of taking the mean?", len(errors) * wanted),
        ("Did you forget the weight f(x)?", mean([e * e for e in errors])),
        *_power_suspects(weights, errors),
        *_weight_suspects(numbers, errors, x_max, alpha),
        (
            "Did you weight the error before squaring? The weight is not squared.",
            mean([(f * e) ** 2 for f, e in zip(weights, errors, strict=True)]),
        ),
        ("Did you halve the square? GloVe does not.", wanted / 2),
        (
            "Did you divide by the sum of the weights? The plain mean over the cells is asked for.",
            len(errors) * wanted / sum(weights),
        ),
        (no_bias.format("the biases"), with_errors(*none)),
        (no_bias.format("the words' biases"), with_errors(none[0], context_bias)),
        (no_bias.format("the contexts' biases"), with_errors(word_bias, none[1])),
        (
            "Did you subtract the biases? They are added to the dot product.",
            with_errors(-word_bias, -context_bias),
        ),
        ("Did you forget the logarithm of the count?", with_errors(*biases, target=float)),
        (
            "Is that log(1 + x)? No cell is empty here: ln x.",
            with_errors(*biases, target=math.log1p),
        ),
        ("Natural logarithm, please: is that log2?", with_errors(*biases, target=math.log2)),
        ("Natural logarithm, please: is that log10?", with_errors(*biases, target=math.log10)),
        *_broadcast_suspects(*vectors, *biases, numbers, weights),
    ]


def _power_suspects(weights, errors) -> list[Suspect]:
    """Errors that are not squared: they cancel, or count by their size."""
    cancel = "Did you forget the square? Errors of opposite sign cancel."
    size = "Did you take the absolute error? GloVe squares it."
    pairs = list(zip(weights, errors, strict=True))
    return [
        (cancel, mean([f * e for f, e in pairs])),
        (
            "Did you forget the square and the weight? Errors of opposite sign cancel.",
            mean(errors),
        ),
        (size, mean([f * abs(e) for f, e in pairs])),
        (size, mean([abs(e) for e in errors])),
    ]


def _weight_suspects(numbers, errors, x_max: float, alpha: float) -> list[Suspect]:
    """Weights by another formula."""

    def weighted(by) -> float:
        return _weighted([by(x) for x in numbers], errors)

    return [
        (
            "May a weight exceed 1? From x_max on it stays 1.",
            weighted(lambda x: (x / x_max) ** alpha),
        ),
        ("Did you leave out alpha?", weighted(lambda x: min(1.0, x / x_max))),
        (
            "Is x / x_max upside down? Frequent pairs weigh more.",
            weighted(lambda x: min(1.0, (x_max / x) ** alpha)),
        ),
        (
            "Does the power reach x_max too? f(x) = (x / x_max)^alpha.",
            weighted(lambda x: min(1.0, x**alpha / x_max)),
        ),
        ("Is the weight the count itself? It is min(1, (x / x_max)^alpha).", weighted(float)),
        (
            "Is 1 the least weight instead of the most? clamp(max=1).",
            weighted(lambda x: max(1.0, (x / x_max) ** alpha)),
        ),
    ]


def _broadcast_suspects(words, contexts, word_bias, context_bias, numbers, weights):
    """One cell for each pair of rows instead of each row: (cells, 1) meets (cells,)."""
    first, second = word_bias.double().tolist(), context_bias.double().tolist()
    tables = []
    products = [[dot(w, c) for c in rows(contexts)] for w in rows(words)]
    for table in (products, [[row[i]] * len(row) for i, row in enumerate(products)]):
        errors = [
            [p + first[j] + second[j] - math.log(numbers[j]) for j, p in enumerate(row)]
            for row in table
        ]
        tables.append(mean([_weighted(weights, row) for row in errors]))
    question = (
        "Did you compare every row with every row? Each cell has one dot product: "
        "(words * contexts).sum(dim=1), of shape (cells,)."
    )
    return [(question, value) for value in tables]
