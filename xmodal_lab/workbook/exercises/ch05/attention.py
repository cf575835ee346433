"""Exercise `attention`: each query collects the values of those keys that it resembles."""

from __future__ import annotations

import math

import numpy as np
import torch

from xmodal_lab.workbook.exercises.ch05.masks import LARGE, LOW, softmaxed, wrong_masks
from xmodal_lab.workbook.exercises.ch05.precision import FAR, FLOAT64, in_float32
from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception


def attention(queries, keys, values, mask):
    """Queries (b, q, d), keys (b, k, d), values (b, k, e), mask (b, k) → collected (b, q, e)."""
    hidden = ~mask[:, :, None]
    scores = queries @ keys.masked_fill(hidden, 0).mT / math.sqrt(queries.shape[2])
    weights = scores.masked_fill(hidden.mT, -torch.inf).softmax(dim=2)
    return weights @ values.masked_fill(hidden, 0)


def oracle(queries, keys, values, mask):
    """Query by query, key by key; what is hidden is never looked at."""
    batch, _, dim = queries.shape
    collected = np.zeros((*queries.shape[:2], values.shape[2]))
    for row, query in np.ndindex(batch, queries.shape[1]):
        seen = np.flatnonzero(mask[row])
        scores = [sum(queries[row, query] * keys[row, k]) / dim**0.5 for k in seen]
        terms = np.exp(np.array(scores) - max(scores))
        for k, share in zip(seen, terms / terms.sum(), strict=True):
            collected[row, query] += share * values[row, k]
    return collected


def cases():
    random = torch.Generator().manual_seed(54)
    for batch, queries, keys, dim, width, fill, what in (
        (3, 3, 3, 3, 3, 2, "3 of everything"),
        (2, 3, 5, 4, 6, 2, "2 rows, 3 queries, 5 keys of 4 numbers, values of 6"),
        (1, 2, 6, 9, 2, 2, "1 row, 2 queries, 6 keys of 9 numbers, values of 2"),
        (4, 1, 3, 2, 5, 2, "4 rows, 1 query, 3 keys of 2 numbers, values of 5"),
        (2, 4, 1, 5, 3, 0, "2 rows, 4 queries, 1 key"),
        (5, 2, 4, 1, 3, 9, "5 rows, 2 queries, 4 keys of 1 number"),
        (2, 12, 64, 16, 16, 2, "2 rows, 12 queries, 64 keys of 16 numbers"),
        (2, 3, 5, 4, 2, torch.nan, "2 rows, NaN in hidden keys and values"),
    ):
        q, k, v, mask = drawn(batch, queries, keys, dim, width, random)
        k, v = (torch.where(mask[:, :, None], x, x + fill) for x in (k, v))
        yield Case((q, k, v, mask), what, "" if math.isfinite(fill) else ANYTHING)
    q, k, v, mask = drawn(3, 2, 5, 4, 3, random)
    q, k = 9 + q.abs(), 9 * k  # in the first row, the hidden keys resemble the queries most
    k = torch.where(mask[:, :, None], k, 60.0)
    yield Case((q, k, v, mask), "hidden keys that resemble the queries most", LARGE)
    k = torch.where(mask[:, :, None], k - 2000, 0.0)
    yield Case((q, k, v, mask), "scores around −40,000", LOW)
    few = torch.tensor([[1, 1, 0, 1, 1, 0], [0, 1, 0, 0, 0, 1]], dtype=torch.bool)
    whole = torch.randint(-4, 5, (2, 6, 3), generator=random).half()
    yield Case((whole[:, :4] * 0, whole, whole, few), "equal scores, in float16", HALF)
    q, k, v, mask = (
        x.double() if x.is_floating_point() else x for x in drawn(2, 3, 5, 4, 2, random)
    )
    yield Case((q, k, v, mask), "2 rows, 3 queries, 5 keys, in float64", FLOAT64)
    q, k = (torch.cat([x, x.new_full((*x.shape[:2], 1), FAR**0.5)], 2) for x in (q, k))
    yield Case((q, k, v, mask), "scores around 10⁹, in float64", FLOAT64)


def drawn(batch: int, queries: int, keys: int, dim: int, width: int, random) -> tuple:
    """Queries, keys, values and a mask that leaves each row a key, the first row not all."""
    shapes = (queries, dim), (keys, dim), (keys, width)
    tensors = [2 * torch.randn(batch, *shape, generator=random) for shape in shapes]
    mask = torch.rand(batch, keys, generator=random) < 0.6
    mask[torch.arange(batch), torch.randint(keys, (batch,), generator=random)] = True
    if keys > 1 and mask[0].all():
        mask[0, 0] = False
    return *tensors, mask


def scaled(size):
    """An answer whose scores are divided by size(queries, keys, values)."""
    return lambda q, k, v, mask: weighed(q @ k.mT / size(q, k, v), v, mask)


def weighed(scores, v, mask):
    return softmaxed(scores, mask[:, None]) @ v


def masked(weigh):
    """An answer with the right scores, and another way to weights: weigh(scores, mask)."""
    return lambda q, k, v, mask: weigh(q @ k.mT / q.shape[2] ** 0.5, mask[:, None]) @ v


def over(axis):
    return masked(lambda s, mask: s.masked_fill(~mask, -torch.inf).softmax(axis).nan_to_num())


def along_queries(scores, mask):
    return scores.masked_fill(~mask.mT, -torch.inf).softmax(2).nan_to_num()


ANYTHING = (
    "Did NaN get through? A weight of 0 does not stop it, NaN · 0 is NaN: put 0 into hidden values."
)
HALF = (
    "These numbers are float16: −1e9 is none of them, −∞ is (-torch.inf). New tensors need the "
    "type of the inputs."
)
AXIS = "Is the softmax over the keys? The weights of one query add up to 1: dim=2."
ROOT = "Are the scores divided by √d, where d is how many numbers a query has?"

MISCONCEPTIONS = (
    *wrong_masks(masked, "mask", "hidden"),
    Misconception(f"Did you forget √d? {ROOT}", scaled(lambda q, k, v: 1)),
    Misconception(f"Is the root missing? {ROOT}", scaled(lambda q, k, v: q.shape[2])),
    Misconception(f"That looks like √e. {ROOT}", scaled(lambda q, k, v: v.shape[2] ** 0.5)),
    Misconception(
        f"Did you divide by the root of how many keys there are? {ROOT}",
        scaled(lambda q, k, v: k.shape[1] ** 0.5),
    ),
    Misconception(
        f"Did you divide by the root of how many queries there are? {ROOT}",
        scaled(lambda q, k, v: q.shape[1] ** 0.5),
    ),
    Misconception(f"Did you multiply by √d? {ROOT}", scaled(lambda q, k, v: 1 / q.shape[2] ** 0.5)),
    Misconception(
        f"Did you divide after the softmax? {ROOT}",
        lambda q, k, v, mask: weighed(q @ k.mT, v, mask) / q.shape[2] ** 0.5,
    ),
    Misconception(AXIS, over(1)),
    Misconception("Is the softmax over the batch? Over the keys: dim=2.", over(0)),
    Misconception(AXIS, masked(lambda s, mask: s.softmax(1) * mask)),
    Misconception(
        "Are queries and keys swapped? Each query gives one row: queries @ keys.mT.",
        lambda q, k, v, mask: weighed(k @ q.mT / q.shape[2] ** 0.5, v, mask),
    ),
    Misconception(
        "Does the mask hide queries? It says which keys may be looked at: mask[:, None, :].",
        masked(along_queries),
    ),
    Misconception(ANYTHING, scaled(lambda q, k, v: q.shape[2] ** 0.5)),
    Misconception("Did you forget the softmax?", masked(lambda s, mask: s.masked_fill(~mask, 0))),
    Misconception(
        "Did you collect keys? The weights collect values.",
        lambda q, k, v, mask: attention(q, k, k, mask),
    ),
    Misconception(
        "Are those the weights? Let them collect values: weights @ values.",
        lambda q, k, v, mask: attention(q, k, torch.eye(k.shape[1]).expand(len(k), -1, -1), mask),
    ),
    Misconception(
        "Is the product taken of unit vectors? Queries and keys stay as long as they are.",
        lambda q, k, v, mask: weighed(
            torch.cosine_similarity(q[:, :, None], k[:, None], dim=3), v, mask
        ),
    ),
    Misconception(
        "Does the first row say what may be looked at? Each row has its own mask.",
        lambda q, k, v, mask: attention(q, k, v, mask[:1].expand_as(mask)),
    ),
    Misconception(
        LOW,
        lambda q, k, v, mask: masked(lambda s, seen: s.masked_fill(~seen, -20).softmax(2))(
            q, k, v.masked_fill(~mask[:, :, None], 0), mask
        ),
    ),
    in_float32(attention),
)

EXERCISE = Exercise(
    reference=attention,
    oracle=oracle,
    cases=cases,
    result=Entries(if_shape="One row for each query, as wide as the values: (batch, q, e)."),
    misconceptions=MISCONCEPTIONS,
    advice="Scores queries @ keys.mT / √d, −∞ where a key is hidden, softmax over the keys, "
    "times values.",
    praise="equal to an explicit loop on 13 batches, gradients included",
    gradient=("queries", "keys", "values"),
    forbidden=("scaled_dot_product_attention", "multi_head_attention"),
    at_size=AtSize(
        lambda: (
            torch.randn(64, 12, 64),
            torch.randn(64, 64, 64),
            torch.randn(64, 64, 64),
            torch.ones(64, 64, dtype=torch.bool),
        ),
        "64 rows of 12 queries and 64 keys",
        calls=100,
    ),
)
