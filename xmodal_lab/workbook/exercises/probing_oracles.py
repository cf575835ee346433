"""Right and wrong results for `zero_shot` and `modality_gap`, by loops over plain float64 numbers.

Nothing here calls a reference solution or torch's losses: an oracle that shared their code would
share their mistakes. Tensors come in, Python numbers go out.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from xmodal_lab.workbook.exercises import vectors


def _centre(rows: list[list[float]]) -> list[float]:
    return [vectors.mean(list(column)) for column in zip(*rows, strict=True)]


def _nearest(images, classes: list[list[float]]) -> np.ndarray:
    scores = [[vectors.dot(row, centre) for centre in classes] for row in vectors.rows(images)]
    return np.array([row.index(max(row)) for row in scores])


def zero_shot(images, prompts) -> np.ndarray:
    """Class of each image (n,): the nearest normalised mean of normalised prompts."""
    return _nearest(
        images, [vectors.unit(_centre([vectors.unit(v) for v in c])) for c in vectors.rows(prompts)]
    )


def zero_shot_suspects(images, prompts) -> list[tuple[str, np.ndarray]]:
    """What typical mistakes would make of the same images and prompts."""
    classes = vectors.rows(prompts)
    units = [[vectors.unit(variant) for variant in variants] for variants in classes]
    scores = [
        [[vectors.dot(row, variant) for variant in variants] for variants in units]
        for row in vectors.rows(images)
    ]
    best = np.array([[max(of_class) for of_class in row] for row in scores])
    opposite = [[-x for x in vectors.unit(_centre(variants))] for variants in units]
    again = "Did you normalise again after averaging? Scattered variants have a short mean."
    before = "Did you normalise each variant before averaging? Long ones outweigh the others."
    return [
        ("Did you normalise the prompts at all?", _nearest(images, [_centre(v) for v in classes])),
        (again, _nearest(images, [_centre(v) for v in units])),
        (before, _nearest(images, [vectors.unit(_centre(v)) for v in classes])),
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
    return _distance(
        _centre([vectors.unit(r) for r in vectors.rows(a)]),
        _centre([vectors.unit(r) for r in vectors.rows(b)]),
    )


def gap_suspects(a, b) -> list[tuple[str, float | None]]:
    """What typical mistakes would make of the same two sets."""
    units_a, units_b = (
        [vectors.unit(r) for r in vectors.rows(a)],
        [vectors.unit(r) for r in vectors.rows(b)],
    )
    centre_a, centre_b = _centre(units_a), _centre(units_b)
    gap = _distance(centre_a, centre_b)
    pairwise = vectors.mean([_distance(x, y) for x in units_a for y in units_b])
    both_unit = _distance(vectors.unit(centre_a), vectors.unit(centre_b))
    raw_unit = _distance(
        vectors.unit(_centre(vectors.rows(a))), vectors.unit(_centre(vectors.rows(b)))
    )
    matched = None
    if len(units_a) == len(units_b):
        matched = vectors.mean([_distance(x, y) for x, y in zip(units_a, units_b, strict=True)])
    all_pairs = "Is that the mean distance over pairs? Average first, then take one distance."
    return [
        *(
            (
                question,
                _distance(*(_centre(vectors.normalised(vectors.rows(x), what)) for x in (a, b))),
            )
            for question, what in vectors.NORMALISED.items()
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
        (
            "Is that a cosine? A distance is asked for.",
            1 - vectors.dot(vectors.unit(centre_a), vectors.unit(centre_b)),
        ),
    ]


def _average_suspects(units_a, units_b) -> list[tuple[str, float | None]]:
    """Averages over something else than the rows."""
    means = [[vectors.mean(row) for row in rows] for rows in (units_a, units_b)]
    over_dim = _distance(*means) if len(units_a) == len(units_b) else None
    everything = abs(vectors.mean(means[0]) - vectors.mean(means[1]))
    question = "Average over the rows (dim=0): the centroid is a vector of dim numbers."
    return [(question, over_dim), (question, everything)]
