"""Diagnostics against explicit float64 loops, at the ends of their ranges, and on random rows."""

import math

import numpy as np
import pytest
import torch

from xmodal_lab.alignment import diagnostics
from xmodal_lab.alignment.diagnostics import (
    alignment,
    linear_cka,
    modality_gap,
    mutual_knn,
    rank_me,
    sphere,
    uniformity,
)


def cloud(count: int = 12, dim: int = 5, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, dim, generator=generator, dtype=torch.float64) + 0.3


def units(x) -> list[list[float]]:
    return [[v / math.sqrt(sum(w * w for w in row)) for v in row] for row in x.tolist()]


def squared(p, q) -> float:
    return sum((a - b) ** 2 for a, b in zip(p, q, strict=True))


# The gap, alignment and uniformity


def test_modality_gap_equals_a_loop():
    a, b = cloud(12), cloud(7, seed=1)
    centres = [[sum(col) / len(col) for col in zip(*units(x), strict=True)] for x in (a, b)]
    assert float(modality_gap(a, b)) == pytest.approx(math.sqrt(squared(*centres)), rel=1e-12)


def test_modality_gap_at_the_ends_of_its_range():
    a = cloud()
    assert float(modality_gap(a, a[torch.randperm(12)])) == pytest.approx(0, abs=1e-12)
    point = torch.tensor([[3.0, 4.0]])
    assert float(modality_gap(point, -point.repeat(5, 1))) == pytest.approx(2)
    assert float(modality_gap(a, 7 * a)) == pytest.approx(0, abs=1e-12)
    x, y = torch.randn(900, 200), torch.randn(400, 200)
    assert float(modality_gap(x, y)) == pytest.approx(math.sqrt(1 / 900 + 1 / 400), rel=0.2)


@pytest.mark.parametrize("power", [1, 2, 3])
def test_alignment_equals_a_loop(power):
    a, b = cloud(), cloud(seed=1)
    pairs = list(zip(units(a), units(b), strict=True))
    wanted = sum(squared(p, q) ** (power / 2) for p, q in pairs) / len(pairs)
    assert float(alignment(a, b, power)) == pytest.approx(wanted, rel=1e-12)


def test_alignment_at_the_ends_of_its_range():
    a = cloud()
    assert float(alignment(a, 3 * a)) == pytest.approx(0, abs=1e-12)
    assert float(alignment(a, -a)) == pytest.approx(4)
    assert float(alignment(*torch.randn(2, 2000, 64))) == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("sharpness", [0.5, 2])
def test_uniformity_equals_a_loop(sharpness, monkeypatch):
    x = cloud(13)
    points = units(x)
    terms = [
        math.exp(-sharpness * squared(points[i], points[j])) for i in range(13) for j in range(i)
    ]
    wanted = math.log(sum(terms) / len(terms))
    assert float(uniformity(x, sharpness)) == pytest.approx(wanted, rel=1e-10)
    monkeypatch.setattr(sphere, "BLOCK", 4 * 13)  # four rows at a time; the last block is one row
    assert float(uniformity(x, sharpness)) == pytest.approx(wanted, rel=1e-10)


def test_uniformity_at_the_ends_of_its_range():
    assert float(uniformity(torch.ones(6, 3))) == pytest.approx(0, abs=1e-5)
    opposite = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert float(uniformity(opposite)) == pytest.approx(-8, abs=1e-5)
    assert float(uniformity(torch.randn(1500, 128))) == pytest.approx(-4 + 8 / 128, abs=0.02)


def test_gradients_are_right_and_never_nan():
    a, b = cloud(4, 3).requires_grad_(), cloud(4, 3, 1).requires_grad_()
    torch.autograd.gradcheck(modality_gap, (a, b))
    torch.autograd.gradcheck(alignment, (a, b))
    torch.autograd.gradcheck(lambda a, b: alignment(a, b, 1), (a, b))
    torch.autograd.gradcheck(uniformity, (a,))
    torch.autograd.gradcheck(rank_me, (a,))
    torch.autograd.gradcheck(linear_cka, (a, b))
    same = torch.ones(4, 3, requires_grad=True)
    for value in (modality_gap(same, same), alignment(same, same, 1), uniformity(same)):
        (gradient,) = torch.autograd.grad(value, same)
        assert gradient.isfinite().all()


# Effective rank


def test_rank_me_equals_its_definition():
    x = cloud(9, 6)
    roots = np.sqrt(np.clip(np.linalg.eigvalsh(x.numpy().T @ x.numpy()), 0, None))
    shares = [root / sum(roots) + 1e-7 for root in roots]
    wanted = math.exp(-sum(p * math.log(p) for p in shares))
    assert float(rank_me(x)) == pytest.approx(wanted, rel=1e-6)


def test_rank_me_counts_equally_strong_directions():
    assert float(rank_me(torch.eye(8) * 5)) == pytest.approx(8, abs=1e-3)
    assert float(rank_me(torch.ones(6, 1) @ torch.randn(1, 4))) == pytest.approx(1, abs=1e-3)
    x = torch.randn(20_000, 16)
    assert 15.9 < float(rank_me(x)) < 16.01
    turn = torch.linalg.qr(torch.randn(16, 16))[0]
    torch.testing.assert_close(rank_me(x @ turn * 100), rank_me(x), rtol=1e-4, atol=0)


def test_an_offset_counts_unless_centred():
    x = torch.randn(5000, 16) + 100
    assert float(rank_me(x)) < 3
    assert float(rank_me(x, centre=True)) > 15.8


# CKA and mutual neighbours


def centred_grams(x, y, debiased: bool):
    """Similarity matrices, centred by loops; debiased: empty diagonals, U-centring."""
    found = []
    for values in (x, y):
        n = len(values)
        gram = [[float(p @ q) for q in values] for p in values]
        if debiased:
            for i in range(n):
                gram[i][i] = 0.0
        sums, total = [sum(row) for row in gram], sum(map(sum, gram))
        table = np.zeros((n, n))
        for i in range(n):
            for j in range(n):
                if debiased and i != j:
                    both = (sums[i] + sums[j]) / (n - 2)
                    table[i, j] = gram[i][j] - both + total / ((n - 1) * (n - 2))
                elif not debiased:
                    table[i, j] = gram[i][j] - (sums[i] + sums[j]) / n + total / n**2
        found.append(table)
    return found


@pytest.mark.parametrize("debiased", [False, True])
def test_cka_is_the_cosine_of_centred_similarity_matrices(debiased):
    x, y = cloud(10, 5), cloud(10, 4, seed=1)
    k, m = centred_grams(x, y, debiased)
    wanted = (k * m).sum() / math.sqrt((k * k).sum() * (m * m).sum())
    assert float(linear_cka(x, y, debiased)) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("debiased", [False, True])
def test_cka_does_not_see_rotation_shift_and_scale(debiased):
    x, y = cloud(), cloud(seed=1)
    turn = torch.linalg.qr(cloud(5, 5, 2))[0]
    wanted = linear_cka(x, y, debiased)
    torch.testing.assert_close(linear_cka(x @ turn * 30 + 4, y, debiased), wanted)
    torch.testing.assert_close(linear_cka(y, x, debiased), wanted)
    assert float(linear_cka(x, 2 * x @ turn - 1, debiased)) == pytest.approx(1)


def test_debiasing_removes_what_few_rows_pretend():
    draws = [torch.randn(2, 50, 200) for _ in range(20)]
    plain = torch.stack([linear_cka(x, y) for x, y in draws]).mean()
    assert float(plain) == pytest.approx(200 / 250, abs=0.02)  # as the docstring says
    assert abs(float(torch.stack([linear_cka(x, y, True) for x, y in draws]).mean())) < 0.02


def test_mutual_knn_equals_a_loop():
    x, y, k = cloud(15), cloud(15, 4, seed=1), 4

    def neighbours(points, i):
        far = sorted((squared(points[i], q), j) for j, q in enumerate(points) if j != i)
        return {j for _, j in far[:k]}

    p, q = units(x), units(y)
    wanted = sum(len(neighbours(p, i) & neighbours(q, i)) / k for i in range(15)) / 15
    assert mutual_knn(x, y, k) == pytest.approx(wanted)


def test_mutual_knn_at_the_ends_of_its_range():
    x = cloud(40)
    assert mutual_knn(x, 5 * x @ torch.linalg.qr(cloud(5, 5, 2))[0], 7) == 1
    assert mutual_knn(x, cloud(40, seed=3), 39) == 1  # everybody is a neighbour
    assert mutual_knn(torch.randn(500, 20), torch.randn(500, 20)) == pytest.approx(
        10 / 499, abs=0.01
    )


# Bad input


def test_wrong_shapes_are_refused(unchecked):
    x = cloud()
    for call in (
        lambda: modality_gap(x, x[:, 1:]),
        lambda: modality_gap(x, x[:0]),
        lambda: alignment(x, x[:, 1:]),
    ):
        with pytest.raises(ValueError, match="two clouds"):
            call()
    for call in (
        lambda: alignment(x, x[1:]),
        lambda: mutual_knn(x, x[1:]),
        lambda: linear_cka(x, x[:, 0]),
        lambda: linear_cka(x[:1], x[:1]),
        lambda: linear_cka(x[:3], x[:3], debiased=True),
    ):
        with pytest.raises(ValueError, match="expected paired rows"):
            call()
    for call in (lambda: uniformity(x[:1]), lambda: rank_me(x[0]), lambda: rank_me(x[:0])):
        with pytest.raises(ValueError, match="expected rows"):
            call()


def test_values_that_make_no_sense_are_refused():
    x = cloud()
    with pytest.raises(ValueError, match="k must lie in 1 … 11, the other rows, got 12"):
        mutual_knn(x, x, 12)
    with pytest.raises(ValueError, match="span no direction"):
        rank_me(torch.zeros(4, 3))
    with pytest.raises(ValueError, match="span no direction"):
        rank_me(torch.full((4, 3), 0.1), centre=True)
    with pytest.raises(ValueError, match="all rows of y coincide"):
        linear_cka(x, torch.full_like(x, 0.1))
    with pytest.raises(ValueError, match="power must be > 0"):
        alignment(x, x, 0)
    with pytest.raises(ValueError, match="sharpness must be > 0"):
        uniformity(x, -1.0)


@pytest.mark.parametrize("name", ["modality_gap", "alignment", "linear_cka", "mutual_knn"])
def test_nan_is_refused_by_diagnostics_of_two(name):
    x = cloud()
    with pytest.raises(ValueError, match="NaN or infinity"):
        getattr(diagnostics, name)(x, x.where(x < x.max(), math.nan))


@pytest.mark.parametrize("name", ["uniformity", "rank_me"])
def test_nan_is_refused_by_diagnostics_of_one(name):
    with pytest.raises(ValueError, match="NaN or infinity"):
        getattr(diagnostics, name)(cloud() / 0)
