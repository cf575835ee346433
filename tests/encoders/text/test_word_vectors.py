"""A table of word vectors answers like plain numpy does."""

import numpy as np
import pytest
import torch

from xmodal_lab.encoders.text import WordVectors

WORDS = ("king", "queen", "man", "woman", "apple")
# Two meanings, royal and female, and something else: the analogy holds exactly.
ROWS = torch.tensor([[1.0, 0, 0.1], [1, 1, 0.1], [0.1, 0, 1], [0.1, 1, 1], [-1, 0.2, 0]])


@pytest.fixture
def vectors() -> WordVectors:
    return WordVectors(WORDS, ROWS)


def test_it_reads_like_a_dictionary(vectors):
    assert len(vectors) == 5 and "queen" in vectors and "pear" not in vectors
    assert torch.equal(vectors["man"], ROWS[2])
    with pytest.raises(KeyError, match="unknown word 'womn': did you mean 'woman'"):
        vectors["womn"]
    with pytest.raises(KeyError, match="unknown word 'xylophone'"):
        vectors.similarity("king", "xylophone")


def test_nearest_is_ordered_by_cosine_and_leaves_the_word_out(vectors):
    rows = ROWS.numpy() / np.linalg.norm(ROWS.numpy(), axis=1, keepdims=True)
    wanted = sorted(((rows[0] @ rows[i], WORDS[i]) for i in range(1, 5)), reverse=True)
    found = vectors.nearest("king", k=10)
    assert [word for word, _ in found] == [word for _, word in wanted]
    np.testing.assert_allclose([c for _, c in found], [c for c, _ in wanted], rtol=1e-5)
    assert vectors.nearest("king", 2) == found[:2]
    assert vectors.similarity("king", found[0][0]) == pytest.approx(found[0][1])


def test_analogy_adds_and_subtracts_directions(vectors):
    rows = ROWS.numpy() / np.linalg.norm(ROWS.numpy(), axis=1, keepdims=True)
    target = rows[3] - rows[2] + rows[0]
    cosines = rows @ target / np.linalg.norm(target)
    found = vectors.analogy("man", "woman", "king", k=2)
    assert found[0][0] == "queen" and found[0][1] == pytest.approx(cosines[1], rel=1e-5)
    assert {word for word, _ in found} == {"queen", "apple"}


def test_without_exclusion_the_question_may_answer_itself(vectors):
    answers = vectors.analogy("man", "woman", "king", k=5, exclude=False)
    assert {word for word, _ in answers} == set(WORDS)
    still = WordVectors(WORDS, torch.cat([ROWS[:2], ROWS[2:3], ROWS[2:3] + 0.01, ROWS[4:]]))
    assert still.analogy("man", "woman", "king", exclude=False)[0][0] == "king"
    assert still.analogy("man", "woman", "king")[0][0] == "queen"


def test_length_changes_no_answer(vectors):
    longer = WordVectors(WORDS, ROWS * torch.tensor([[3.0], [0.1], [20], [1], [7]]))
    assert longer.similarity("king", "queen") == pytest.approx(vectors.similarity("king", "queen"))
    assert longer.analogy("man", "woman", "king")[0][0] == "queen"
    assert torch.allclose(longer.normalised().matrix.norm(dim=1), torch.ones(5))


def test_a_zero_vector_is_near_to_nothing_and_no_nan():
    vectors = WordVectors(("a", "b", "c"), torch.tensor([[0.0, 0], [1, 0], [0, 1]]))
    assert vectors.similarity("a", "b") == 0
    assert vectors.nearest("b", 1)[0][1] == 0


def test_bad_tables_are_refused():
    with pytest.raises(ValueError, match="'a' comes twice"):
        WordVectors(("a", "b", "a"), torch.zeros(3, 2))
    with pytest.raises(ValueError, match="NaN or infinity"):
        WordVectors(("a", "b"), torch.tensor([[0.0], [float("nan")]]))
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        WordVectors(WORDS, ROWS).nearest("king", 0)


def test_rows_must_match_words(unchecked):
    with pytest.raises(ValueError, match=r"one row a word, \(2, dim\), .* \(3, 2\)"):
        WordVectors(("a", "b"), torch.zeros(3, 2))
