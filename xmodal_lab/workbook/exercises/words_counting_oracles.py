"""Right and wrong co-occurrence counts and PPMI values, by loops over plain float64 numbers.

Nothing here calls a reference solution: an oracle that shared its code would share its mistakes.
Tensors come in, arrays of numpy go out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from xmodal_lab.workbook.kit.compare import Suspect

Pair = tuple[int, int]


def _tally(document: list[int], vocabulary: int, pairs: Iterable[Pair]) -> np.ndarray:
    counts = np.zeros((vocabulary, vocabulary))
    for i, j in pairs:
        counts[document[i], document[j]] += 1
    return counts


def _near(length: int, fits: Callable[[int], bool]) -> list[Pair]:
    """All pairs of places whose distance (place of the second minus the first) fits."""
    return [(i, j) for i in range(length) for j in range(length) if fits(j - i)]


def count_neighbours(document, vocabulary: int, window: int) -> np.ndarray:
    """How often word c stands at most `window` places from word w, entry [w, c]."""
    words = document.tolist()
    return _tally(words, vocabulary, _near(len(words), lambda d: 0 < abs(d) <= window))


def count_suspects(document, vocabulary: int, window: int) -> list[Suspect]:
    """What typical mistakes would make of the same document."""
    words = document.tolist()
    length = len(words)

    def within(fits) -> np.ndarray:
        return _tally(words, vocabulary, _near(length, fits))

    good = count_neighbours(document, vocabulary, window)
    one_side = "Did you look to the {} only? A word sees its neighbours on both sides."
    narrow = "Is your window one too narrow? range() and slices stop before their end."
    right = within(lambda d: 0 < d <= window)
    return [
        (
            "Did you count each word as its own neighbour? Skip the place itself.",
            within(lambda d: abs(d) <= window),
        ),
        (one_side.format("right"), right),
        (one_side.format("left"), right.T),
        ("Did you count every pair twice on each side?", 2 * good),
        ("Is your window one too wide?", within(lambda d: 0 < abs(d) <= window + 1)),
        (narrow, within(lambda d: 0 < abs(d) < window)),
        (narrow, within(lambda d: d != 0 and -window <= d < window)),
        (
            "Did you divide the window between the two sides? It holds for each side.",
            within(lambda d: 0 < abs(d) <= window // 2),
        ),
        (
            "Do you look at one distance only? All from 1 to `window` count.",
            within(lambda d: abs(d) == window),
        ),
        (
            "Do you look at direct neighbours only? All distances up to `window` count.",
            within(lambda d: abs(d) == 1),
        ),
        *_same_word_suspects(words, vocabulary, window, good),
        *_edge_suspects(words, vocabulary, window),
        *_lost_suspects(words, vocabulary, window, good),
    ]


def _same_word_suspects(words, vocabulary: int, window: int, good) -> list[Suspect]:
    """What happens on the diagonal, where a word stands near itself."""
    empty, once = good.copy(), good.copy()
    np.fill_diagonal(empty, 0)
    np.fill_diagonal(once, np.diag(good) / 2)
    return [
        (
            "Did you leave out pairs of the same word? The same *place* is skipped; the same word "
            "at another place is a neighbour.",
            empty,
        ),
        (
            "Did you count pairs of the same word once? Each of the two places sees the other, so "
            "the diagonal gets 2.",
            once,
        ),
    ]


def _edge_suspects(words, vocabulary: int, window: int) -> list[Suspect]:
    """Windows that leave the document at one end."""
    length, places = len(words), list(range(len(words)))
    offsets = [d for d in range(-window, window + 1) if d != 0]
    circle = [(i, (i + d) % length) for i in places for d in offsets]
    negative = [(i, (i + d) % length) for i in places for d in offsets if i + d < length]
    sliced = [(i, j) for i in places for j in places[i - window : i + window + 1] if i != j]
    return [
        (
            "Does your document close to a circle (roll)? Its ends are no neighbours.",
            _tally(words, vocabulary, circle),
        ),
        (
            "Did you index with a negative place? Python then counts from the end.",
            _tally(words, vocabulary, negative),
        ),
        (
            "Did a slice begin at a negative place? Python counts it from the end: use max(0, …).",
            _tally(words, vocabulary, sliced),
        ),
    ]


def _lost_suspects(words, vocabulary: int, window: int, good: np.ndarray) -> list[Suspect]:
    """Repeated pairs that counted once, and pairs that count less with distance."""
    length = len(words)
    offset, place = np.zeros_like(good), np.zeros_like(good)
    for distance in range(1, window + 1):
        seen = {(words[i], words[i + distance]) for i in range(length - distance)}
        for a, b in seen:
            offset[a, b] += 1
            offset[b, a] += 1
    for i in range(length):
        near = [j for j in range(length) if 0 < abs(i - j) <= window]
        for other in {words[j] for j in near}:
            place[words[i], other] += 1
    harmonic = sum(
        _tally(words, vocabulary, _near(length, lambda d, k=k: abs(d) == k)) / k
        for k in range(1, window + 1)
    )
    lost = (
        "Did repeated pairs get lost? `counts[a, b] += 1` adds 1 once for equal indices; "
        "use index_put_(…, accumulate=True), bincount or a loop."
    )
    return [
        (lost, offset),
        (lost, place),
        ("Did you only mark which pairs occur? Count how often.", np.minimum(good, 1)),
        ("Did you divide by the distance? Here every neighbour counts 1.", harmonic),
    ]


def ppmi(counts) -> np.ndarray:
    """max(0, ln(P(w, c) / (P(w) P(c)))), and 0 where a pair never occurred."""
    table = counts.double().tolist()
    total = sum(sum(row) for row in table)
    rows = [sum(row) for row in table]
    columns = [sum(column) for column in zip(*table, strict=True)]
    wanted = np.zeros((len(rows), len(columns)))
    for i, row in enumerate(table):
        for j, count in enumerate(row):
            if count > 0:
                wanted[i, j] = max(0.0, math.log(count * total / (rows[i] * columns[j])))
    return wanted


def ppmi_suspects(counts) -> list[Suspect]:
    """What typical mistakes would make of the same counts."""
    x = counts.double().numpy()
    with np.errstate(all="ignore"):
        return _ppmi_suspects(x, x.sum(1, keepdims=True), x.sum(0, keepdims=True), x.sum())


def _positive(x: np.ndarray, pmi: np.ndarray) -> np.ndarray:
    return np.where(x > 0, np.maximum(pmi, 0), 0)


def _square_suspects(x, rows, columns, total, pmi) -> list[Suspect]:
    """Mistakes that raise no error where there are as many words as contexts."""
    axis = "Did the words' sums meet the wrong axis? keepdim=True keeps them a column."
    return [
        ("Is your result transposed?", _positive(x, pmi).T),
        (axis, _positive(x, np.log(x * total / (rows.T * columns)))),
    ]


def _ppmi_suspects(x, rows, columns, total) -> list[Suspect]:
    ratio = x * total / (rows * columns)
    pmi = np.log(ratio)
    negative = "Did you forget to cut off below 0? The first P of PPMI means positive."
    base = "Natural logarithm, please: did you take {}?"
    smooth = columns**0.75 / (columns**0.75).sum()
    more = x + 1
    return [
        *(_square_suspects(x, rows, columns, total, pmi) if len(x) == len(x.T) else []),
        (negative, pmi),
        (negative, np.where(x > 0, pmi, 0)),
        ("Did you keep the negative part? Cut off *below* 0.", np.minimum(pmi, 0)),
        (
            "Did you keep the negative part? Cut off *below* 0.",
            np.where(x > 0, np.minimum(pmi, 0), 0),
        ),
        (base.format("log2"), _positive(x, pmi / math.log(2))),
        (base.format("log10"), _positive(x, pmi / math.log(10))),
        ("Did you forget the logarithm?", ratio),
        ("Did you take log(1 + ratio)? The ratio itself: 1 means unrelated.", np.log1p(ratio)),
        (
            "Did you divide by the words' sums twice? Contexts are the columns: sum(dim=0).",
            _positive(x, np.log(x * total / rows**2)),
        ),
        (
            "Did you divide by the contexts' sums twice? Words are the rows: sum(dim=1).",
            _positive(x, np.log(x * total / columns**2)),
        ),
        (
            "Everything is 0. Shares are below 1 and their logarithms negative: did you divide "
            "P(w, c) by both P(w) and P(c), all three as shares of the total?",
            np.zeros_like(x),
        ),
        (
            "Did you multiply by P(w, c)? That is a term of the mutual information.",
            _positive(x, x / total * pmi),
        ),
        (
            "Did you smooth the contexts (power 0.75)? Not in this exercise.",
            _positive(x, np.log(x / rows / smooth)),
        ),
        (
            "Did you add 1 to the counts? Pairs that never occurred are simply 0.",
            np.maximum(np.log(more * more.sum() / (more.sum(1, keepdims=True) * more.sum(0))), 0),
        ),
    ]
