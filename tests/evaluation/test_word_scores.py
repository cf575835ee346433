"""Scores computed by hand, chance by trying, and what counting reaches on the corpus."""

from dataclasses import replace

import pytest
import torch

from xmodal_lab.datasets import corpus
from xmodal_lab.datasets.corpus import Analogy, OddOneOut, Questions, Similarity
from xmodal_lab.encoders.text import WordVectors, cooccurrence, ppmi, svd_vectors
from xmodal_lab.evaluation.words import analogies_right, chance, nearest_guess, score

# On a circle, by angle in degrees: neighbours can be read off.
ANGLES = {"red": 0, "crimson": 5, "blue": 20, "cat": 120, "dog": 128, "hound": 129, "cow": 150}
TOY = Questions(
    synonyms=(("red", "crimson"), ("dog", "hound")),
    categories={"colour": ("red", "crimson", "blue"), "animal": ("cat", "dog", "cow")},
    analogies=(
        Analogy("red", "crimson", "cat", ("dog",), "shift"),  # 5° on from 120°: dog at 128°
        Analogy("red", "blue", "cat", ("cow",), "shift"),  # 20° on: hound at 129° is nearer
    ),
    odd_one_out=(
        OddOneOut(("red", "blue", "cat", "crimson"), "cat"),
        OddOneOut(("cat", "cow", "dog", "red"), "cow"),  # wrong on purpose: red is the odd one
    ),
    similarity=(
        Similarity("red", "crimson", 3),
        Similarity("red", "blue", 1),
        Similarity("cat", "cow", 1),
        Similarity("red", "cow", 0),
    ),
)


@pytest.fixture
def circle() -> WordVectors:
    angles = torch.deg2rad(torch.tensor([float(angle) for angle in ANGLES.values()]))
    return WordVectors(tuple(ANGLES), torch.stack([angles.cos(), angles.sin()], 1))


def spearman(first, second) -> float:
    """Written out: Pearson's correlation of ranks, ties at their mean rank."""

    def ranks(values):
        return torch.tensor(
            [sum(v < x for v in values) + (values.count(x) - 1) / 2 for x in values]
        )

    return float(torch.corrcoef(torch.stack([ranks(first), ranks(second)]))[0, 1])


def test_scores_by_hand(circle):
    found = score(circle, TOY)
    assert found["synonyms"] == 100  # red–crimson and dog–hound are each other's nearest
    # cat's nearest is dog, cow's is hound, which is in no category here; dog's (hound is a
    # synonym) is cat; red's and crimson's (each other apart) is blue; blue's is crimson.
    assert found["categories"] == pytest.approx(100 * 5 / 6)
    assert analogies_right(circle, TOY).tolist() == [True, False]
    assert found["analogies"] == 50 and found["odd_one_out"] == 50
    cosines = [circle.similarity(q.first, q.second) for q in TOY.similarity]
    assert found["similarity"] == pytest.approx(spearman(cosines, [3, 1, 1, 0]))


def test_nearest_guess_by_hand(circle):
    assert nearest_guess(circle, TOY) == 50  # cat's nearest is dog, twice: right once
    assert nearest_guess(circle, TOY, to="b") == 0
    with pytest.raises(ValueError, match="'b' or 'c', got 'a'"):
        nearest_guess(circle, TOY, to="a")


def test_a_word_without_vector_is_named(circle):
    lonely = WordVectors(circle.words[:-1], circle.matrix[:-1])
    with pytest.raises(KeyError, match="unknown word 'cow'"):
        score(lonely, TOY)


def test_answers_agree_with_the_table_itself():
    words = corpus.load().words
    vectors = WordVectors(words, torch.randn(len(words), 6))
    asked = corpus.questions()
    right = analogies_right(vectors, asked)
    for place in range(0, len(asked.analogies), 40):
        q = asked.analogies[place]
        assert (vectors.analogy(q.a, q.b, q.c)[0][0] in q.answers) == bool(right[place])


def test_chance_is_what_random_vectors_score():
    expected = chance(TOY, vocabulary=len(ANGLES))
    rounds = [score(WordVectors(tuple(ANGLES), torch.randn(7, 40)), TOY) for _ in range(500)]
    for key, value in expected.items():
        mean = sum(found[key] for found in rounds) / len(rounds)
        assert mean == pytest.approx(value, abs=0.1 if key == "similarity" else 6), key
    assert chance(corpus.questions()) == chance(corpus.questions(), len(corpus.load().words))
    with pytest.raises(ValueError, match="at least 5 words, got 2"):
        chance(TOY, vocabulary=2)


def test_vectors_that_are_all_alike_score_no_similarity(circle):
    same = WordVectors(circle.words, torch.ones(len(circle), 3))
    assert score(same, TOY)["similarity"] == 0
    ungraded = replace(TOY, similarity=tuple(replace(q, grade=1) for q in TOY.similarity))
    assert score(circle, ungraded)["similarity"] == 0


@pytest.mark.parametrize("seed", range(3))
def test_similarity_follows_the_ranks_of_many_pairs(seed):
    words, asked = corpus.load().words, corpus.questions()
    generator = torch.Generator().manual_seed(seed)
    # Few directions: many pairs have the very same cosine.
    directions = torch.randint(-1, 2, (len(words), 2), generator=generator).float() + 0.5
    vectors = WordVectors(words, directions)
    cosines = [vectors.similarity(q.first, q.second) for q in asked.similarity]
    wanted = spearman(cosines, [q.grade for q in asked.similarity])
    assert score(vectors, asked)["similarity"] == pytest.approx(wanted, abs=1e-6)


def by_counting(told: corpus.Corpus) -> WordVectors:
    counts = cooccurrence(told.documents(), len(told.words), window=4)
    return WordVectors(told.words, svd_vectors(ppmi(counts), dim=100))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_counting_finds_what_was_planted(seed):
    vectors = by_counting(corpus.load(seed=seed))
    found = score(vectors, corpus.questions())
    assert found["categories"] >= 90 and found["synonyms"] >= 80 and found["analogies"] >= 70
    assert found["odd_one_out"] >= 90 and found["similarity"] >= 0.7
    # True analogies: neither c's nor b's nearest neighbour is the answer.
    assert nearest_guess(vectors, corpus.questions()) <= 25
    assert nearest_guess(vectors, corpus.questions(), to="b") <= 25


def test_shuffled_words_teach_nothing():
    found = score(by_counting(corpus.load().shuffled(0)), corpus.questions())
    expected = chance(corpus.questions())
    for key in ("synonyms", "categories", "analogies"):
        assert found[key] <= expected[key] + 5, key
    assert found["odd_one_out"] <= 45 and abs(found["similarity"]) <= 0.25
