"""Right and wrong results for `pair_loss` and `triplet_loss`, by loops in float64."""

from __future__ import annotations

from xmodal_lab.workbook.exercises import contrast_cells as cells
from xmodal_lab.workbook.exercises import vectors


def pair_loss(a, b, margin: float) -> float:
    """Half the mean squared distance of pairs, plus half the mean squared shortfall of others."""
    return _pair(cells.distances(a, b), margin)


def _pair(distances: cells.Matrix, margin: float) -> float:
    near = vectors.mean([d * d for d in cells.diagonal(distances)])
    far = vectors.mean([max(0.0, margin - d) ** 2 for d in cells.flat(cells.others(distances))])
    return (near + far) / 2


def pair_suspects(a, b, margin: float) -> list[tuple[str, float]]:
    """What typical mistakes would make of the same batch."""
    good = cells.distances(a, b)
    own, others, batch = cells.diagonal(good), cells.flat(cells.others(good)), len(good)
    near = vectors.mean([d * d for d in own])
    short = [max(0.0, margin - d) for d in others]
    far = vectors.mean([s * s for s in short])
    everywhere = sum(max(0.0, margin - d) ** 2 for d in cells.flat(good))
    diagonal = "Are the pairs pushed apart, too? Leave the diagonal out of the second part."
    return [
        *(
            (q, _pair(cells.distances(a, b, what), margin))
            for q, what in vectors.NORMALISED.items()
        ),
        (
            "Is the hinge on the squared distance? Take max(0, m − d), and square that.",
            (near + vectors.mean([max(0.0, margin - d * d) for d in others])) / 2,
        ),
        ("Did you forget to square the hinge?", (near + vectors.mean(short)) / 2),
        (
            "Did you forget to square the distance of the pairs?",
            (vectors.mean(own) + far) / 2,
        ),
        (
            "Is the hinge the wrong way round? Strangers nearer than m cost something.",
            (near + vectors.mean([max(0.0, d - margin) ** 2 for d in others])) / 2,
        ),
        (
            "Where is max(0, …)? Without it, strangers farther than m are pulled back.",
            (near + vectors.mean([(margin - d) ** 2 for d in others])) / 2,
        ),
        (diagonal, (near + everywhere / (batch * (batch - 1))) / 2),
        (diagonal, (near + everywhere / batch**2) / 2),
        (
            "Did you divide by B² cells? Only B (B − 1) of them hold strangers.",
            (near + far * (batch - 1) / batch) / 2,
        ),
        ("Did you forget the half?", near + far),
        ("Where is the second part? Nothing pushes strangers apart.", near / 2),
        ("Where is the first part? Nothing draws pairs together.", far / 2),
    ]


def triplet_loss(a, b, margin: float) -> float:
    """Both directions' mean shortfall against the most similar wrong row."""
    good = cells.cosines(a, b)
    return (_shortfall(good, margin) + _shortfall(vectors.turned(good), margin)) / 2


def _shortfall(cosines: cells.Matrix, margin: float, choose=max) -> float:
    chosen = [choose(row) for row in cells.others(cosines)]
    own = cells.diagonal(cosines)
    return vectors.mean([max(0.0, margin - o + c) for o, c in zip(own, chosen, strict=True)])


def triplet_suspects(a, b, margin: float) -> list[tuple[str, float]]:
    """What typical mistakes would make of the same batch."""
    good = cells.cosines(a, b)
    both = good, vectors.turned(good)

    def mean_of(one_way) -> float:
        return (one_way(both[0]) + one_way(both[1])) / 2

    def per_row(term) -> float:
        """The mean of ``term(row, i)`` over the rows of both directions."""
        return mean_of(lambda m: vectors.mean([term(row, i) for i, row in enumerate(m)]))

    def rivals(row, i):
        return row[:i] + row[i + 1 :]

    def every(m) -> float:
        return vectors.mean(
            [max(0.0, margin - row[i] + x) for i, row in enumerate(m) for x in rivals(row, i)]
        )

    def hardest_of_all(m) -> float:
        top = max(cells.flat(cells.others(m)))
        return vectors.mean([max(0.0, margin - own + top) for own in cells.diagonal(m)])

    one_direction = "That is one direction only: did you forget {}?"
    wanted = mean_of(lambda m: _shortfall(m, margin))
    return [
        *(
            (
                question,
                (
                    _shortfall(cells.cosines(a, b, what), margin)
                    + _shortfall(vectors.turned(cells.cosines(a, b, what)), margin)
                )
                / 2,
            )
            for question, what in vectors.NORMALISED.items()
        ),
        (one_direction.format("from b to a (the columns)"), _shortfall(good, margin)),
        (one_direction.format("from a to b (the rows)"), _shortfall(both[1], margin)),
        ("Did you add the two directions instead of taking their mean?", 2 * wanted),
        (
            "Is the partner among its own rivals? Take the diagonal out before the maximum.",
            per_row(lambda row, i: max(0.0, margin - row[i] + max(row))),
        ),
        (
            "Did you put 0 in the place of the partner? Cosines can be negative: use −∞.",
            per_row(lambda row, i: max(0.0, margin - row[i] + max([0.0, *rivals(row, i)]))),
        ),
        ("Is that the mean over all wrong rows? Only the hardest counts.", mean_of(every)),
        (
            "Is that the easiest wrong row? The hardest is the most similar one: max.",
            mean_of(lambda m: _shortfall(m, margin, min)),
        ),
        (
            "Is that the hardest row of the whole batch? Each row has its own.",
            mean_of(hardest_of_all),
        ),
        (
            "Are the signs swapped? Right similarity lowers the loss, wrong similarity raises it.",
            per_row(lambda row, i: max(0.0, margin + row[i] - max(rivals(row, i)))),
        ),
        (
            "Where is max(0, …)? What keeps the margin already must cost nothing.",
            per_row(lambda row, i: margin - row[i] + max(rivals(row, i))),
        ),
        (
            "Did you leave out the margin?",
            per_row(lambda row, i: max(0.0, max(rivals(row, i)) - row[i])),
        ),
    ]
