"""Counting against explicit loops, and what the definitions promise."""

import numpy as np
import pytest
import torch

from xmodal_lab.encoders.text import cooccurrence, ppmi, svd_vectors


def documents(seed: int = 0, vocabulary: int = 7):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(vocabulary, (n,), generator=generator) for n in (9, 1, 0, 14, 3)]


def counted_by_hand(texts, vocabulary, window, weight):
    counts = np.zeros((vocabulary, vocabulary))
    for text in texts:
        for here, word in enumerate(text.tolist()):
            for there, other in enumerate(text.tolist()):
                distance = abs(here - there)
                if 1 <= distance <= window:
                    counts[word, other] += 1 / distance if weight == "harmonic" else 1
    return counts


@pytest.mark.parametrize("weight", ["flat", "harmonic"])
@pytest.mark.parametrize("window", [1, 2, 5, 100])
def test_counts_equal_a_loop_over_all_pairs_of_places(window, weight):
    found = cooccurrence(documents(), 7, window, weight)
    wanted = counted_by_hand(documents(), 7, window, weight)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-6)
    assert torch.equal(found, found.T)


def test_no_pair_reaches_from_one_document_into_the_next():
    apart = cooccurrence([torch.tensor([0, 1]), torch.tensor([2, 3])], 4, window=3)
    assert apart[1, 2] == 0 and apart[0, 1] == 1


def test_order_of_documents_and_direction_of_reading_do_not_matter():
    texts = documents(1)
    counts = cooccurrence(texts, 7, 3, "harmonic")
    torch.testing.assert_close(counts, cooccurrence(texts[::-1], 7, 3, "harmonic"))
    torch.testing.assert_close(counts, cooccurrence([t.flip(0) for t in texts], 7, 3, "harmonic"))


def test_counting_says_what_is_wrong():
    with pytest.raises(ValueError, match="window must be at least 1, got 0"):
        cooccurrence(documents(), 7, window=0)
    with pytest.raises(ValueError, match=r"must lie in 0 … 4, got numbers from \d to 6"):
        cooccurrence(documents(), 5)
    with pytest.raises(ValueError, match="from -1 to 2"):
        cooccurrence([torch.tensor([2, -1])], 5)
    for nothing in ([], [torch.tensor([], dtype=torch.long)]):
        with pytest.raises(ValueError, match="nothing to count"):
            cooccurrence(nothing, 5)


def test_an_unknown_weight_is_named(unchecked):
    with pytest.raises(ValueError, match="'flat' or 'harmonic', got 'linear'"):
        cooccurrence(documents(), 7, 2, "linear")


def information_by_hand(counts, smoothing, shift):
    total, context = counts.sum(), counts.sum(0) ** smoothing
    wanted = np.zeros_like(counts)
    for i in range(len(counts)):
        for j in range(len(counts)):
            if counts[i, j] > 0:
                chance = counts[i].sum() / total * context[j] / context.sum()
                wanted[i, j] = max(0, np.log(counts[i, j] / total / chance) - shift)
    return wanted


@pytest.mark.parametrize("smoothing", [0.5, 0.75, 1.0])
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_information_equals_its_formula(smoothing, shift):
    counts = cooccurrence(documents(2), 7, 3, "harmonic").double()
    found = ppmi(counts, smoothing, shift)
    wanted = information_by_hand(counts.numpy(), smoothing, shift)
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-12)
    assert (found > 0).any() and (found == 0).any()


def test_independent_words_carry_no_information():
    often = torch.tensor([1.0, 3.0, 10.0, 2.0]).double()
    assert ppmi(torch.outer(often, often), smoothing=1.0).abs().max() < 1e-12


def test_more_of_the_same_text_changes_nothing():
    counts = cooccurrence(documents(3), 7, 2).double()
    torch.testing.assert_close(ppmi(counts), ppmi(counts * 17))


def test_smoothing_holds_rare_contexts_back():
    counts = torch.tensor([[0.0, 50, 1], [50, 0, 0], [1, 0, 0]]).double()
    assert ppmi(counts, 0.75)[0, 2] < ppmi(counts, 1.0)[0, 2]
    assert ppmi(counts, 0.75)[0, 1] >= ppmi(counts, 1.0)[0, 1]


def test_words_never_seen_get_zeros_not_nan():
    counts = torch.zeros(4, 4)
    counts[0, 1] = counts[1, 0] = 3
    for smoothing in (0.0, 0.75, 1.0):
        found = ppmi(counts, smoothing)
        assert found.isfinite().all() and found[2:].abs().sum() == 0


def test_information_says_what_is_wrong():
    good = torch.ones(3, 3)
    with pytest.raises(ValueError, match=r"smoothing must lie in 0 … 1, got 1\.5"):
        ppmi(good, smoothing=1.5)
    for bad in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite and not negative"):
            ppmi(torch.full((3, 3), bad))
    with pytest.raises(ValueError, match="hold no two words together"):
        ppmi(torch.zeros(3, 3))


def test_all_directions_keep_all_products():
    matrix = ppmi(cooccurrence(documents(4), 7, 3).double())
    x = svd_vectors(matrix, dim=7, power=1.0)
    torch.testing.assert_close(x @ x.T, matrix @ matrix.T)


def test_few_directions_are_the_best_of_their_number():
    matrix = torch.randn(9, 6, dtype=torch.float64)
    x = svd_vectors(matrix, dim=3, power=1.0)
    values = torch.linalg.svdvals(matrix)
    # Eckart and Young: what is lost is what the dropped directions hold.
    left = torch.linalg.svd(matrix, full_matrices=False)[0][:, :3]
    lost = matrix - left @ left.T @ matrix
    torch.testing.assert_close(lost.norm() ** 2, (values[3:] ** 2).sum())
    torch.testing.assert_close(x.norm(dim=0), values[:3])
    torch.testing.assert_close(svd_vectors(matrix, 3, 0.5).norm(dim=0) ** 2, values[:3])


def test_signs_do_not_depend_on_the_factorisation():
    matrix = torch.randn(9, 6, dtype=torch.float64)
    flipped = svd_vectors(matrix.flip(1), 4)
    torch.testing.assert_close(svd_vectors(matrix, 4), flipped)


def test_too_many_directions_are_refused():
    for dim in (0, 7):
        with pytest.raises(ValueError, match=f"dim must lie in 1 … 6, got {dim}"):
            svd_vectors(torch.randn(9, 6), dim)
