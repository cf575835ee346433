"""What word vectors know, asked with the scoring set of the corpus."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from xmodal_lab.datasets.corpus import Questions, load
from xmodal_lab.encoders.text.vectors import WordVectors

KEYS = ("synonyms", "categories", "analogies", "odd_one_out", "similarity")


def score(vectors: WordVectors, questions: Questions) -> dict[str, float]:
    """Score word vectors on every kind of question.

    synonyms: share of words whose nearest word of all is a synonym. categories: share of words
    whose nearest word that is no synonym is of the same category. analogies: share answered
    right by 3CosAdd, the three words of the question excluded. odd_one_out: share in which the
    word with the least cosine to the other three is the odd one. All these in per cent;
    similarity: Spearman's ρ between cosines and the world's grades, −1 … 1.

    Args:
        vectors: must hold every word asked for.
        questions: from ``datasets.corpus.questions``.

    Raises:
        KeyError: for a question with a word that has no vector.
    """
    cosines = _cosines(vectors)
    near = cosines.clone().fill_diagonal_(-torch.inf)
    return {
        "synonyms": _synonyms(near, vectors, questions),
        "categories": _categories(near, vectors, questions),
        "analogies": 100 * float(analogies_right(vectors, questions).float().mean()),
        "odd_one_out": _odd(cosines, vectors, questions),
        "similarity": _spearman(
            [vectors.similarity(q.first, q.second) for q in questions.similarity],
            [q.grade for q in questions.similarity],
        ),
    }


def chance(questions: Questions, vocabulary: int | None = None) -> dict[str, float]:
    """What vectors without any meaning would score: the exact expectation under random answers.

    Args:
        questions: from ``datasets.corpus.questions``.
        vocabulary: how many words have a vector, all of them possible answers; by default as
            many as the default corpus has.

    Raises:
        ValueError: for a vocabulary smaller than the question with most words.
    """
    words = len(load().words) if vocabulary is None else vocabulary
    if words < 5:
        raise ValueError(f"expected a vocabulary of at least 5 words, got {words}")
    others = words - 1
    sets = [same for same in questions.synonyms for _ in same]
    categories = [
        (len(members) - len(set(questions.synonyms_of(word)) & set(members)))
        / (words - len(questions.synonyms_of(word)))
        for members in questions.categories.values()
        for word in members
    ]
    answers = [len(question.answers) / (words - 3) for question in questions.analogies]
    return {
        "synonyms": 100 * sum((len(same) - 1) / others for same in sets) / len(sets),
        "categories": 100 * sum(categories) / len(categories),
        "analogies": 100 * sum(answers) / len(answers),
        "odd_one_out": 25.0,
        "similarity": 0.0,
    }


def nearest_guess(vectors: WordVectors, questions: Questions, to: str = "c") -> float:
    """Per cent of analogies right if one only answers the nearest neighbour of ``c`` (or ``b``).

    An analogy that this solves does not show that differences of vectors mean anything. The
    words of the question are excluded, as in the true answer.
    """
    if to not in ("b", "c"):
        raise ValueError(f"to must be 'b' or 'c', got {to!r}")
    asked = torch.tensor(
        [[vectors.place(word) for word in (q.a, q.b, q.c)] for q in questions.analogies]
    )
    cosines = _cosines(vectors)[asked[:, "abc".index(to)]].scatter_(1, asked, -torch.inf)
    return 100 * float(_answered(cosines, vectors, questions).float().mean())


def analogies_right(vectors: WordVectors, questions: Questions) -> Bool[Tensor, " analogies"]:
    """Which analogies 3CosAdd answers right; see ``WordVectors.analogy``."""
    asked = torch.tensor(
        [[vectors.place(word) for word in (q.a, q.b, q.c)] for q in questions.analogies]
    )
    x = vectors.normalised().matrix.cpu()
    # The target's length changes no order, so it is not normalised here.
    target = x[asked[:, 1]] - x[asked[:, 0]] + x[asked[:, 2]]
    cosines = (target @ x.T).scatter_(1, asked, -torch.inf)
    return _answered(cosines, vectors, questions)


def _answered(
    cosines: Float[Tensor, "analogies words"], vectors: WordVectors, questions: Questions
) -> Bool[Tensor, " analogies"]:
    best = cosines.argmax(1).tolist()
    return torch.tensor(
        [
            vectors.words[place] in question.answers
            for place, question in zip(best, questions.analogies, strict=True)
        ]
    )


def _cosines(vectors: WordVectors) -> Float[Tensor, "words words"]:
    directions = vectors.normalised().matrix.cpu()
    return directions @ directions.T


def _synonyms(near: Tensor, vectors: WordVectors, questions: Questions) -> float:
    right = [
        vectors.words[int(near[vectors.place(word)].argmax())] in words
        for words in questions.synonyms
        for word in words
    ]
    return 100 * sum(right) / len(right)


def _categories(near: Tensor, vectors: WordVectors, questions: Questions) -> float:
    right = []
    for words in questions.categories.values():
        for word in words:
            row = near[vectors.place(word)].clone()
            row[[vectors.place(same) for same in questions.synonyms_of(word)]] = -torch.inf
            right.append(vectors.words[int(row.argmax())] in words)
    return 100 * sum(right) / len(right)


def _odd(cosines: Tensor, vectors: WordVectors, questions: Questions) -> float:
    right = []
    for question in questions.odd_one_out:
        places = [vectors.place(word) for word in question.words]
        # Its cosine with itself is the same for each word and changes nothing.
        fit = cosines[places][:, places].sum(1)
        right.append(question.words[int(fit.argmin())] == question.odd)
    return 100 * sum(right) / len(right)


def _spearman(cosines: list[float], grades: list[int]) -> float:
    """Spearman's ρ; 0 where all numbers of a side are equal, for then nothing is ordered."""
    from scipy.stats import spearmanr  # here: it takes a second to import

    ordered = min(len(set(cosines)), len(set(grades))) > 1
    return float(spearmanr(cosines, grades).statistic) if ordered else 0.0
