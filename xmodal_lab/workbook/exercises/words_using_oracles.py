"""Right and wrong analogies, masked tokens and pooled sentences, by loops over plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from xmodal_lab.workbook.exercises.vectors import dot, mean, rows, unit
from xmodal_lab.workbook.kit.compare import Suspect

IGNORED = -100


def _combined(a, b, c, signs=(-1, 1, 1)) -> list[float]:
    return [sum(s * x for s, x in zip(signs, xs, strict=True)) for xs in zip(a, b, c, strict=True)]


def _best(scores: Sequence[float], out: Sequence[int]) -> int:
    left = [i for i in range(len(scores)) if i not in out]
    return max(left, key=lambda i: scores[i])


def solve_analogy(vectors, a: int, b: int, c: int) -> int:
    """The word, none of the three, whose vector has the largest cosine with b − a + c."""
    table = [unit(row) for row in rows(vectors)]
    target = _combined(table[a], table[b], table[c])
    return _best([dot(row, target) for row in table], (a, b, c))


def analogy_suspects(vectors, a: int, b: int, c: int) -> list[tuple[str, int]]:
    """What typical mistakes would answer to the same question."""
    plain = rows(vectors)
    table = [unit(row) for row in plain]
    out = a, b, c
    target = _combined(table[a], table[b], table[c])
    scores = [dot(row, target) for row in table]

    def answer(gallery, wanted, leave_out=out) -> int:
        return _best([dot(row, wanted) for row in gallery], leave_out)

    raw = _combined(plain[a], plain[b], plain[c])
    zeroed = [0.0 if i in out else s for i, s in enumerate(scores)]
    distances = [-math.dist(row, raw) for row in plain]
    nearest = "Is that just the nearest word of `{}`? All three words matter."
    normal = "Did you normalise? Cosines ask for directions, and long vectors win dot products."
    turned = "Is the direction of the step right? It leads from a to b: b − a, added to c."
    return [
        (
            "Did you exclude the question's own words? b and c are often nearest.",
            answer(table, target, ()),
        ),
        ("Did you exclude all three? a and b are question words too.", answer(table, target, (c,))),
        ("Did you exclude all three? a is a question word too.", answer(table, target, (b, c))),
        ("Did you exclude all three? c is a question word too.", answer(table, target, (a, b))),
        (
            "Did you put 0 in the place of the question words? Cosines can be negative: use −∞.",
            zeroed.index(max(zeroed)),
        ),
        (turned, answer(table, _combined(*(table[i] for i in out), (1, -1, 1)))),
        (turned, answer(table, _combined(*(table[i] for i in out), (1, 1, -1)))),
        (
            "Did you add all three? a is subtracted.",
            answer(table, _combined(*(table[i] for i in out), (1, 1, 1))),
        ),
        (normal, answer(plain, raw)),
        (
            "Did you normalise b − a + c only? Normalise every word first.",
            answer(plain, target),
        ),
        (
            "Did you normalise after b − a + c? Normalise the three words before.",
            answer(table, raw),
        ),
        ("Is that the smallest Euclidean distance? Compare cosines.", _best(distances, out)),
        (nearest.format("c"), answer(table, table[c])),
        (nearest.format("b"), answer(table, table[b])),
        ("Is that the least similar word?", _best([-s for s in scores], out)),
        ("Do you multiply cosines (3CosMul)? 3CosAdd adds them.", _multiplied(table, out)),
        (
            "Is that a place in the list that is left over? Ids count the excluded words too.",
            sorted(set(range(len(table))) - set(out)).index(_best(scores, out)),
        ),
    ]


def _multiplied(table: list[list[float]], out: tuple[int, int, int]) -> int:
    """3CosMul of Levy and Goldberg 2014, with cosines moved to 0 … 1."""
    a, b, c = ([(1 + dot(row, table[i])) / 2 for row in table] for i in out)
    return _best([y * z / (x + 1e-3) for x, y, z in zip(a, b, c, strict=True)], out)


def mask_tokens(ids, special, chosen, draws, random_ids, mask_id: int) -> tuple:
    """Inputs and labels (batch, length), token by token."""
    return _masked(ids, special, chosen, draws, random_ids, mask_id)


def _masked(
    ids, special, chosen, draws, random_ids, mask_id, may=lambda s, c: c and not s, replace=None
) -> tuple[np.ndarray, np.ndarray]:
    replace = replace or _replaced
    inputs, labels = ids.numpy().copy(), np.full(ids.shape, IGNORED)
    for place in np.ndindex(*ids.shape):
        if may(bool(special[place]), bool(chosen[place])):
            labels[place] = ids[place]
            inputs[place] = replace(
                float(draws[place]), int(ids[place]), int(random_ids[place]), mask_id
            )
    return inputs, labels


def _replaced(die: float, own: int, other: int, mask_id: int) -> int:
    return mask_id if die < 0.8 else other if die < 0.9 else own


def masked_input_suspects(ids, special, chosen, draws, random_ids, mask_id) -> list[Suspect]:
    """What typical mistakes would make the model see."""
    batch = ids, special, chosen, draws, random_ids, mask_id

    def seen(**change) -> np.ndarray:
        return _masked(*batch, **change)[0]

    def by(rule) -> np.ndarray:
        return seen(replace=rule)

    right, labels = _masked(*batch)
    hidden = "Did you mask special tokens? [CLS], [SEP] and [PAD] are never asked for."
    return [
        ("Nothing changed: did you return the ids themselves?", ids.numpy()),
        ("Did you return the labels first? The inputs come first.", labels),
        (hidden, seen(may=lambda s, c: c)),
        (hidden, seen(may=lambda s, c: c or s)),
        ("Is the mask of special tokens upside down? They stay.", seen(may=lambda s, c: c and s)),
        ("Did you change tokens that are not chosen?", seen(may=lambda s, c: not s)),
        ("Did you change tokens that are not chosen?", seen(may=lambda s, c: True)),
        ("Is `chosen` upside down?", seen(may=lambda s, c: not c and not s)),
        (
            "Did every chosen token become [MASK]? For 0.8 ≤ draws < 0.9 it becomes a random word, "
            "above it stays.",
            by(lambda d, own, other, mask: mask),
        ),
        (
            "Did all others become random words? From 0.9 on a token stays as it is.",
            by(lambda d, own, other, mask: mask if d < 0.8 else other),
        ),
        (
            "Did no token become a random word? From 0.8 to 0.9 it does.",
            by(lambda d, own, other, mask: mask if d < 0.8 else own),
        ),
        (
            "Did random words overwrite [MASK]? They go where 0.8 ≤ draws < 0.9.",
            by(lambda d, own, other, mask: other if d < 0.9 else own),
        ),
        (
            "Are the last two cases swapped? Random from 0.8 to 0.9, unchanged from 0.9 on.",
            by(lambda d, own, other, mask: mask if d < 0.8 else own if d < 0.9 else other),
        ),
        (
            "Is `<` turned round? [MASK] goes where the draws are *below* 0.8.",
            by(lambda d, own, other, mask: mask if d > 0.8 else own),
        ),
        (
            "Is −100 in the inputs? It belongs into the labels.",
            np.where(labels == IGNORED, IGNORED, right),
        ),
    ]


def masked_label_suspects(ids, special, chosen, draws, random_ids, mask_id) -> list[Suspect]:
    """What typical mistakes would ask of the model."""
    batch = ids, special, chosen, draws, random_ids, mask_id
    inputs, labels = _masked(*batch)
    own, asked = ids.numpy(), labels != IGNORED
    changed = inputs != own
    only = "Do you ask for [MASK] only? All chosen tokens are asked for, the unchanged ones too."
    zero = "Are the other labels 0? 0 is a word; −100 is what cross_entropy ignores."
    return [
        ("Did you label every token? Only the chosen ones are asked for.", own),
        (only, np.where(asked & (inputs == mask_id), own, IGNORED)),
        (only, np.where(asked & changed, own, IGNORED)),
        (
            "Are your labels the changed tokens? The model has to find the *original* ones.",
            np.where(asked, inputs, IGNORED),
        ),
        ("Are your labels the changed tokens? The model has to find the *original* ones.", inputs),
        (zero, np.where(asked, own, 0)),
        ("The others are ignored by −100: is that −1?", np.where(asked, own, -1)),
        (
            "Are the labels upside down? The chosen tokens are asked for.",
            np.where(asked, IGNORED, own),
        ),
        (
            "Do special tokens have labels? They are never asked for.",
            np.where(chosen.numpy(), own, IGNORED),
        ),
        ("Are your labels yes or no? They are the original ids.", asked.astype(own.dtype)),
    ]


def mean_pool(hidden, mask) -> np.ndarray:
    """Mean over the places where the mask is true, for each sentence."""
    pooled = []
    for sentence, keep in zip(hidden.double().tolist(), mask.tolist(), strict=True):
        kept = [row for row, yes in zip(sentence, keep, strict=True) if yes]
        pooled.append([mean(list(column)) for column in zip(*kept, strict=True)])
    return np.array(pooled)


def pool_suspects(hidden, mask) -> list[Suspect]:
    """What typical mistakes would make of the same sentences."""
    x, keep = hidden.double().numpy(), mask.numpy()[:, :, None]
    kept, lengths = np.where(keep, x, 0), keep.sum(1)
    first = [x[i, : int(n)].mean(0) for i, n in enumerate(lengths[:, 0])]
    return [
        ("Did padding enter the mean?", x.mean(1)),
        (
            "Did you divide by the padded length? Each sentence has its own number of tokens.",
            kept.mean(1),
        ),
        ("Did you forget to divide by the number of tokens?", kept.sum(1)),
        ("Did padding enter the sum?", x.sum(1) / lengths),
        ("Is that the first token? [CLS] is another way to pool.", x[:, 0]),
        ("Is that a maximum?", np.where(keep, x, -np.inf).max(1)),
        (
            "Did you divide by the tokens of the whole batch? Sum the mask over dim=1.",
            kept.sum(1) / keep.sum(),
        ),
        ("Did you divide by the length of the longest sentence?", kept.sum(1) / lengths.max()),
        (
            "Did you take the first n tokens? The mask may have holes, or padding on the left.",
            np.array(first),
        ),
        (
            "Is the mask upside down? It is true where a token is.",
            np.where(keep, 0, x).sum(1) / np.maximum((~keep).sum(1), 1),
        ),
        (
            "Did you normalise the mean? The plain mean is asked for.",
            _unit_rows(kept.sum(1) / lengths),
        ),
    ]


def _unit_rows(x: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x * x).sum(1, keepdims=True))
