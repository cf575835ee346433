"""The permutation null: right p-values, fair shuffles, clear errors."""

import math

import pytest
import torch

from xmodal_lab.alignment.diagnostics import (
    alignment,
    linear_cka,
    modality_gap,
    mutual_knn,
    permutation_null,
)


def paired(rows: int = 40, noise: float = 0.5):
    x = torch.randn(rows, 6)
    return x, x @ torch.linalg.qr(torch.randn(6, 6))[0] + noise * torch.randn(rows, 6)


def test_paired_spaces_stand_out():
    x, y = paired()
    for statistic in (linear_cka, mutual_knn):
        found = permutation_null(statistic, x, y, rounds=99)
        assert found.observed == pytest.approx(float(statistic(x, y)))
        assert found.observed > found.mean + 5 * found.sd
        assert found.p == pytest.approx(1 / 100)


def test_a_small_alignment_is_the_surprise():
    x = torch.randn(40, 6)
    near = x + 0.3 * torch.randn(40, 6)
    assert permutation_null(alignment, x, near, 99, extreme="low").p == pytest.approx(0.01)
    assert permutation_null(alignment, x, near, 99, extreme="high").p == 1
    assert permutation_null(alignment, x, near, 99, extreme="both").p == pytest.approx(0.02)


def test_p_values_of_unrelated_rows_are_uniform():
    found = torch.tensor(
        [
            permutation_null(lambda x, y: (x * y).sum(), *torch.randn(2, 15, 3), 39, s).p
            for s in range(200)
        ]
    )
    for level in (0.1, 0.25, 0.5, 0.75):
        assert float((found <= level).double().mean()) == pytest.approx(level, abs=0.11)


def test_the_gap_needs_a_shuffle_of_labels():
    x = torch.randn(40, 6)
    moved = torch.randn(30, 6) + torch.tensor([1.0, 0, 0, 0, 0, 0])
    found = permutation_null(modality_gap, x, moved, 99, shuffle="labels")
    assert found.p == pytest.approx(0.01) and found.observed > 2 * found.mean
    # No shuffle of pairs moves a centre: all equal, and rounding decides nothing.
    fixed = permutation_null(modality_gap, x, x + 1, 99)
    assert fixed.p == 1 and fixed.sd < 1e-6


def test_mean_and_spread_are_those_of_the_shuffles():
    seen = []

    def statistic(x, y):
        seen.append(float((x * y).sum()))
        return seen[-1]

    found = permutation_null(statistic, *torch.randn(2, 10, 2, dtype=torch.float64), rounds=50)
    null = seen[1:]
    assert len(null) == 50 and found.observed == seen[0]
    mean = sum(null) / 50
    assert found.mean == pytest.approx(mean)
    assert found.sd == pytest.approx(math.sqrt(sum((v - mean) ** 2 for v in null) / 50))
    assert found.p == pytest.approx((1 + sum(v >= seen[0] for v in null)) / 51)


def test_shuffles_keep_the_rows_and_the_seed_decides():
    x, y = paired()
    kept = []
    permutation_null(lambda a, b: kept.append((a, b)) or 0.0, x, y, 5)
    for a, b in kept:
        assert torch.equal(a, x) and torch.equal(b.sort(0).values, y.sort(0).values)
    assert permutation_null(linear_cka, x, y, 20, 1) == permutation_null(linear_cka, x, y, 20, 1)
    assert permutation_null(linear_cka, x, y, 20, 1) != permutation_null(linear_cka, x, y, 20, 2)


def test_questions_that_make_no_sense_are_refused(unchecked):
    x, y = paired()
    with pytest.raises(ValueError, match="rounds must be at least 1"):
        permutation_null(linear_cka, x, y, 0)
    with pytest.raises(ValueError, match="shuffle must be 'pairs' or 'labels'"):
        permutation_null(linear_cka, x, y, shuffle="rows")
    with pytest.raises(ValueError, match="expected paired rows"):
        permutation_null(linear_cka, x, y[1:])
    with pytest.raises(ValueError, match="two clouds"):
        permutation_null(modality_gap, x, y[:, 1:], shuffle="labels")
    with pytest.raises(ValueError, match="NaN or infinity"):
        permutation_null(lambda a, b: math.nan, x, y, 3)
