"""Hubness, CSLS and inverted softmax against loops, and what they do to a planted hub."""

import math

import pytest
import torch

from xmodal_lab.alignment.diagnostics import csls, hubness, inverted_softmax, k_occurrences


def table(queries: int = 8, gallery: int = 6, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(queries, gallery, generator=generator, dtype=torch.float64) * 2 - 1


def planted_hub(seed: int):
    """Query i belongs to row i, but one row of the gallery is near to everybody."""
    generator = torch.Generator().manual_seed(seed)
    similarity = torch.rand(200, 200, generator=generator) * 0.1 + torch.eye(200) * 0.4
    similarity[:, 17] += 0.5
    return similarity


def right_answers(similarity) -> float:
    return float((similarity.argmax(1) == torch.arange(len(similarity))).double().mean())


def test_occurrences_equal_a_loop():
    similarity, counts = table(), [0] * 6
    for row in similarity.tolist():
        for place in sorted(range(6), key=lambda j: -row[j])[:2]:
            counts[place] += 1
    assert k_occurrences(similarity, 2).tolist() == counts
    mean = sum(counts) / 6
    sd = math.sqrt(sum((c - mean) ** 2 for c in counts) / 6)
    wanted = sum((c - mean) ** 3 for c in counts) / 6 / sd**3
    assert hubness(similarity, 2) == pytest.approx(wanted)


def test_hubness_is_0_where_all_are_as_popular_and_large_for_a_hub():
    assert hubness(torch.eye(30), 1) == 0
    similarity = torch.zeros(100, 100)
    similarity[:, 5] = 1
    assert hubness(similarity, 1) == pytest.approx(98 / math.sqrt(99))  # one of 100 takes all


def test_hubness_of_lists_drawn_at_random():
    found = torch.tensor([hubness(torch.rand(500, 400)) for _ in range(20)]).mean()
    p = 10 / 400
    wanted = (1 - 2 * p) / math.sqrt(500 * p * (1 - p))
    assert float(found) == pytest.approx(wanted, abs=0.1)


@pytest.mark.parametrize("with_bank", [False, True])
def test_csls_equals_a_loop(with_bank):
    similarity, k = table(), 3
    bank = table(9, 6, seed=1) if with_bank else None
    asked = similarity if bank is None else bank
    found = csls(similarity, k, bank)
    for i in range(8):
        r_query = sum(sorted(similarity[i].tolist())[-k:]) / k
        for j in range(6):
            r_row = sum(sorted(asked[:, j].tolist())[-k:]) / k
            wanted = 2 * float(similarity[i, j]) - r_query - r_row
            assert float(found[i, j]) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("with_bank", [False, True])
def test_inverted_softmax_equals_a_loop(with_bank):
    similarity, temperature = table(), 0.3
    bank = table(9, 6, seed=1) if with_bank else None
    asked = similarity if bank is None else bank
    found = inverted_softmax(similarity, temperature, bank)
    for i in range(8):
        for j in range(6):
            total = sum(math.exp(s / temperature) for s in asked[:, j].tolist())
            wanted = math.log(math.exp(float(similarity[i, j]) / temperature) / total)
            assert float(found[i, j]) == pytest.approx(wanted, abs=1e-12)
    if bank is None:  # each row of the gallery shares itself out among the queries
        torch.testing.assert_close(found.exp().sum(0), torch.ones(6).double())


@pytest.mark.parametrize("correct", [csls, inverted_softmax])
def test_a_bank_of_other_queries_quietens_a_hub(correct):
    similarity, bank = planted_hub(0), planted_hub(1)
    assert right_answers(similarity) < 0.1 and hubness(similarity, 1) > 5
    repaired = correct(similarity, bank=bank)
    assert right_answers(repaired) > 0.95
    assert hubness(repaired, 1) < 2


def test_corrections_never_look_at_the_other_queries_when_a_bank_is_given():
    similarity, bank = table(), table(9, 6, seed=1)
    for correct in (lambda s: csls(s, 3, bank), lambda s: inverted_softmax(s, bank=bank)):
        torch.testing.assert_close(correct(similarity)[2:3], correct(similarity[2:3]))


def test_cold_inverted_softmax_stays_finite():
    found = inverted_softmax(table().float(), temperature=1e-4)
    assert found.isfinite().all()


def test_csls_is_symmetric_without_a_bank():
    similarity = table()
    torch.testing.assert_close(csls(similarity, 3), csls(similarity.T, 3).T)


def test_tables_that_do_not_fit_are_refused(unchecked):
    similarity = table()
    with pytest.raises(ValueError, match=r"k must lie in 1 … 6, the gallery rows, got 7"):
        k_occurrences(similarity, 7)
    with pytest.raises(ValueError, match=r"k must lie in 1 … 4, the rows on the smaller side"):
        csls(similarity, 5, bank=similarity[:4])
    with pytest.raises(ValueError, match=r"same gallery of 6 rows, got \(8, 5\)"):
        inverted_softmax(similarity, bank=similarity[:, 1:])
    with pytest.raises(ValueError, match="expected similarity"):
        hubness(similarity[0])
    with pytest.raises(ValueError, match="expected bank"):
        csls(similarity, 1, bank=similarity[:0])
    with pytest.raises(ValueError, match="temperature must be > 0"):
        inverted_softmax(similarity, 0.0)
    with pytest.raises(ValueError, match="NaN or infinity"):
        hubness(similarity / 0 * 0)
