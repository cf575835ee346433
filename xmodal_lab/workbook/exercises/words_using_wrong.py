"""Typical wrong answers to `solve_analogy`, `mask_tokens` and `mean_pool`."""

from __future__ import annotations

import torch
from torch.nn import functional

from xmodal_lab.workbook.exercises.record import Mutant


def _unit(x):
    return functional.normalize(x, dim=-1)


def _answer(scores, *out):
    scores = scores.clone()
    scores[list(out)] = -torch.inf
    return scores.argmax()


def _analogy(target, gallery=_unit, parts=_unit):
    """A solution whose target is made of the three words' vectors."""

    def solve_analogy(vectors, a, b, c):
        x = parts(vectors)
        return _answer(gallery(vectors) @ target(x[a], x[b], x[c]), a, b, c)

    return solve_analogy


def _plain(x):
    return x


def _step(a, b, c):
    return b - a + c


def _scores(vectors, a, b, c):
    x = _unit(vectors)
    return x @ _step(x[a], x[b], x[c])


def _zeroed(vectors, a, b, c):
    scores = _scores(vectors, a, b, c)
    scores[[a, b, c]] = 0
    return scores.argmax()


def _renumbered(vectors, a, b, c):
    left = [i for i in range(len(vectors)) if i not in (a, b, c)]
    return _scores(vectors, a, b, c)[left].argmax()


def _euclidean(vectors, a, b, c):
    target = _step(vectors[a], vectors[b], vectors[c])
    return _answer(-(vectors - target).norm(dim=1), a, b, c)


def _multiplied(vectors, a, b, c):
    x = _unit(vectors)
    to_a, to_b, to_c = ((1 + x @ x[i]) / 2 for i in (a, b, c))
    return _answer(to_b * to_c / (to_a + 1e-3), a, b, c)


def _in_place(vectors, a, b, c):
    vectors /= vectors.norm(dim=1, keepdim=True)
    return _answer(_scores(vectors, a, b, c), a, b, c)


SOLVE_ANALOGY = (
    Mutant(
        lambda vectors, a, b, c: _scores(vectors, a, b, c).argmax(),
        "Did you exclude the question's own words?",
    ),
    Mutant(
        lambda vectors, a, b, c: _answer(_scores(vectors, a, b, c), c),
        "a and b are question words too.",
    ),
    Mutant(
        lambda vectors, a, b, c: _answer(_scores(vectors, a, b, c), a, b),
        "c is a question word too.",
    ),
    Mutant(_zeroed, "Cosines can be negative: use −∞."),
    Mutant(_analogy(lambda a, b, c: a - b + c), "Is the direction of the step right?"),
    Mutant(_analogy(lambda a, b, c: a + b - c), "Is the direction of the step right?"),
    Mutant(_analogy(lambda a, b, c: a + b + c), "a is subtracted"),
    Mutant(_analogy(_step, _plain, _plain), "Did you normalise? Cosines ask for directions"),
    Mutant(_analogy(_step, _plain, _unit), "Normalise every word first"),
    Mutant(_analogy(_step, _unit, _plain), "Normalise the three words before"),
    Mutant(_euclidean, "smallest Euclidean distance?"),
    Mutant(_analogy(lambda a, b, c: c), "nearest word of `c`?"),
    Mutant(_analogy(lambda a, b, c: b), "nearest word of `b`?"),
    Mutant(_analogy(lambda a, b, c: a - b - c), "the least similar word?"),
    Mutant(_multiplied, "3CosAdd adds them"),
    Mutant(_renumbered, "Ids count the excluded words too"),
    Mutant(_in_place, "changes its input `vectors`"),
    Mutant(lambda vectors, a, b, c: _scores(vectors, a, b, c).amax(), "a cosine instead of its"),
    Mutant(lambda vectors, a, b, c: _scores(vectors, a, b, c), "to take the argmax over the words"),
)


def _masking(may=lambda chosen, special: chosen & ~special, replace=None, label=None):
    """A solution that hides where `may`, puts in what `replace` says, and asks for `label`."""

    def mask_tokens(ids, special, chosen, draws, random_ids, mask_id):
        asked = may(chosen, special)
        others = (replace or _replaced)(ids, draws, random_ids, mask_id)
        inputs = torch.where(asked, others, ids)
        return inputs, (label or _label)(ids, inputs, asked, mask_id)

    return mask_tokens


def _replaced(ids, draws, random_ids, mask_id):
    return torch.where(draws < 0.8, mask_id, torch.where(draws < 0.9, random_ids, ids))


def _label(ids, inputs, asked, mask_id):
    return torch.where(asked, ids, -100)


_right = _masking()


def _overwritten(ids, draws, random_ids, mask_id):
    hidden = torch.where(draws < 0.8, mask_id, ids)
    return torch.where(draws < 0.9, random_ids, hidden)


def _labels_too_late(ids, special, chosen, draws, random_ids, mask_id):
    ids = ids.clone()
    asked = chosen & ~special
    ids[asked & (draws < 0.8)] = mask_id
    at_random = asked & (draws >= 0.8) & (draws < 0.9)
    ids[at_random] = random_ids[at_random]
    return ids, torch.where(asked, ids, -100)


def _written_into(ids, special, chosen, draws, random_ids, mask_id):
    labels = torch.where(chosen & ~special, ids, -100)
    ids[chosen & ~special & (draws < 0.8)] = mask_id
    return ids, labels


MASK_TOKENS = (
    Mutant(_masking(lambda chosen, special: chosen), "your inputs: entry ["),
    Mutant(_masking(lambda chosen, special: chosen), "Did you mask special tokens?"),
    Mutant(_masking(lambda chosen, special: ~special), "change tokens that are not chosen?"),
    Mutant(_masking(lambda chosen, special: chosen & special), "They stay."),
    Mutant(
        _masking(replace=lambda ids, draws, others, mask: torch.full_like(ids, mask)),
        "Did every chosen token become [MASK]?",
    ),
    Mutant(
        _masking(replace=lambda ids, draws, others, mask: torch.where(draws < 0.8, mask, others)),
        "Did all others become random words?",
    ),
    Mutant(
        _masking(replace=lambda ids, draws, others, mask: torch.where(draws < 0.8, mask, ids)),
        "Did no token become a random word?",
    ),
    Mutant(_masking(replace=_overwritten), "Did random words overwrite [MASK]?"),
    Mutant(
        _masking(
            replace=lambda ids, draws, others, mask: torch.where(
                draws < 0.8, mask, torch.where(draws < 0.9, ids, others)
            )
        ),
        "Are the last two cases swapped?",
    ),
    Mutant(_labels_too_late, "your labels: "),
    Mutant(_labels_too_late, "Are your labels the changed tokens?"),
    Mutant(_masking(label=lambda ids, inputs, asked, mask: ids), "Did you label every token?"),
    Mutant(
        _masking(label=lambda ids, inputs, asked, mask: torch.where(inputs == mask, ids, -100)),
        "Do you ask for [MASK] only?",
    ),
    Mutant(
        _masking(label=lambda ids, inputs, asked, mask: torch.where(inputs != ids, ids, -100)),
        "Do you ask for [MASK] only?",
    ),
    Mutant(
        _masking(label=lambda ids, inputs, asked, mask: torch.where(asked, ids, 0)),
        "Are the other labels 0?",
    ),
    Mutant(
        _masking(label=lambda ids, inputs, asked, mask: torch.where(asked, -100, ids)),
        "Are the labels upside down?",
    ),
    Mutant(
        lambda ids, special, chosen, draws, random_ids, mask_id: _right(
            ids, special, chosen, draws, random_ids, mask_id
        )[::-1],
        "Did you return the labels first?",
    ),
    Mutant(
        lambda ids, special, chosen, draws, random_ids, mask_id: _right(
            ids, special, chosen, draws, random_ids, mask_id
        )[0],
        "should be a pair: inputs, labels",
    ),
    Mutant(
        _masking(label=lambda ids, inputs, asked, mask: torch.where(asked, ids, -100).float()),
        "your labels: the result should hold whole numbers",
    ),
    Mutant(_written_into, "changes its input `ids`"),
)


def _lengths(mask):
    return mask.sum(1, keepdim=True)


def _kept(hidden, mask):
    return hidden * mask[:, :, None]


def _first_tokens(hidden, mask):
    return torch.stack([x[: int(keep.sum())].mean(0) for x, keep in zip(hidden, mask, strict=True)])


def _hidden_in_place(hidden, mask):
    hidden[~mask] = 0
    return hidden.sum(1) / _lengths(mask)


MEAN_POOL = (
    Mutant(lambda hidden, mask: hidden.mean(1), "Did padding enter the mean?"),
    Mutant(lambda hidden, mask: _kept(hidden, mask).mean(1), "divide by the padded length?"),
    Mutant(lambda hidden, mask: _kept(hidden, mask).sum(1), "forget to divide by the number of"),
    Mutant(lambda hidden, mask: hidden.sum(1) / _lengths(mask), "Did padding enter the sum?"),
    Mutant(lambda hidden, mask: hidden[:, 0], "Is that the first token?"),
    Mutant(
        lambda hidden, mask: hidden.masked_fill(~mask[:, :, None], -torch.inf).amax(1),
        "Is that a maximum?",
    ),
    Mutant(
        lambda hidden, mask: _kept(hidden, mask).sum(1) / mask.sum(), "tokens of the whole batch?"
    ),
    Mutant(
        lambda hidden, mask: _kept(hidden, mask).sum(1) / _lengths(mask).max(),
        "the longest sentence?",
    ),
    Mutant(_first_tokens, "The mask may have holes"),
    Mutant(lambda hidden, mask: _kept(hidden, ~mask).sum(1) / _lengths(~mask), "mask upside down?"),
    Mutant(
        lambda hidden, mask: _unit(_kept(hidden, mask).sum(1) / _lengths(mask)),
        "normalise the mean?",
    ),
    Mutant(lambda hidden, mask: hidden[mask].mean(0), "One vector for each sentence."),
    Mutant(
        lambda hidden, mask: _kept(hidden, mask).sum(2) / _lengths(mask),
        "the shape should be [3, 4], yours is [3, 7]",
    ),
    Mutant(_hidden_in_place, "changes its input `hidden`"),
)
