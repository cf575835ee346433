"""Plans between words and regions against POT, and against what their definitions promise."""

import itertools
import math

import numpy as np
import ot
import pytest
import torch

from xmodal_lab.alignment.assignment import hard_assignment, sinkhorn, softmax_assignment


def costs(words: int = 5, regions: int = 7, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(words, regions, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("epsilon", [1.0, 0.1, 0.02])
def test_sinkhorn_equals_pot(epsilon):
    cost = costs()
    a, b = np.full(5, 1 / 5), np.full(7, 1 / 7)
    wanted = ot.sinkhorn(
        a, b, cost.numpy(), epsilon, method="sinkhorn_log", numItermax=20_000, stopThr=1e-12
    )
    found = sinkhorn(cost, epsilon, rounds=20_000, tolerance=1e-12)
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-6)


def test_sinkhorn_with_weights_equals_pot():
    cost = costs()
    a = torch.tensor([0.4, 0.1, 0.0, 0.3, 0.2]).double()
    b = torch.softmax(torch.randn(7).double(), 0)
    found = sinkhorn(cost, 0.1, word_weights=a, region_weights=b, rounds=5000, tolerance=1e-12)
    kept = [0, 1, 3, 4]
    wanted = ot.sinkhorn(
        a.numpy()[kept], b.numpy(), cost.numpy()[kept], 0.1, numItermax=5000, warn=False
    )
    np.testing.assert_allclose(found.numpy()[kept], wanted, atol=1e-6)
    assert found[2].abs().max() == 0


def test_every_share_is_kept():
    plan = sinkhorn(costs(), 0.05, tolerance=1e-9)
    torch.testing.assert_close(plan.sum(0), torch.ones(7).double() / 7, atol=1e-12, rtol=0)
    torch.testing.assert_close(plan.sum(1), torch.ones(5).double() / 5, atol=1e-8, rtol=0)
    assert (plan >= 0).all()


def test_a_small_epsilon_finds_the_cheapest_plan():
    cost = costs(6, 6)
    plan = sinkhorn(cost, 2e-3, rounds=20_000, tolerance=1e-9)
    torch.testing.assert_close(plan * 6, hard_assignment(-cost), atol=1e-3, rtol=0)
    uneven = costs(4, 7)
    exact = ot.emd(np.full(4, 1 / 4), np.full(7, 1 / 7), uneven.numpy())
    np.testing.assert_allclose(
        sinkhorn(uneven, 2e-3, rounds=20_000, tolerance=1e-9).numpy(), exact, atol=1e-3
    )


def test_a_large_epsilon_asks_nobody():
    assert (sinkhorn(costs(), 1e6) - 1 / 35).abs().max() < 1e-6


def test_a_small_epsilon_does_not_underflow_in_float32():
    plan = sinkhorn(costs().float() * 10, 1e-3)
    assert plan.isfinite().all() and float(plan.sum()) == pytest.approx(1, abs=1e-4)


def test_half_precision_is_computed_in_single():
    plan = sinkhorn(costs().bfloat16(), 0.01)
    assert plan.dtype == torch.bfloat16
    wanted = sinkhorn(costs().bfloat16().float(), 0.01)
    torch.testing.assert_close(plan.float(), wanted, atol=1e-3, rtol=0)


def test_it_stops_when_the_tolerance_is_met():
    plan = sinkhorn(costs(), 0.05, rounds=100_000, tolerance=1e-3)
    assert 1e-6 < (plan.sum(1) - 1 / 5).abs().max() < 1e-3


def test_a_common_cost_changes_nothing():
    cost = costs()
    moved = cost + torch.randn(5, 1).double() + torch.randn(1, 7).double()
    torch.testing.assert_close(
        sinkhorn(moved, 0.1, tolerance=0), sinkhorn(cost, 0.1, tolerance=0), atol=1e-7, rtol=0
    )
    torch.testing.assert_close(
        sinkhorn(cost.T, 0.1, tolerance=0), sinkhorn(cost, 0.1, tolerance=0).T, atol=1e-7, rtol=0
    )


@pytest.mark.parametrize(
    "assign", [lambda s, **m: sinkhorn(-s, 0.1, tolerance=0, **m), softmax_assignment]
)
def test_padding_is_as_if_it_were_not_there(assign):
    tables = torch.stack([costs(5, 7), costs(5, 7, 1), costs(5, 7, 2)])
    sizes = [(5, 7), (2, 3), (1, 1)]
    words = torch.stack([torch.arange(5) < w for w, _ in sizes])
    regions = torch.stack([torch.arange(7) < r for _, r in sizes])
    tables[1, 2:] = math.nan  # whatever stands there
    tables[2, :, 1:] = math.inf
    plans = assign(tables, word_mask=words, region_mask=regions)
    for plan, table, (w, r) in zip(plans, tables, sizes, strict=True):
        torch.testing.assert_close(plan[:w, :r], assign(table[:w, :r]), atol=1e-7, rtol=0)
        assert plan[w:].abs().sum() == 0 and plan[:, r:].abs().sum() == 0


def test_gradients_are_right_and_never_nan_with_padding():
    cost = costs(3, 4).requires_grad_()
    words, regions = torch.tensor([True, True, False]), torch.tensor([True, False, True, True])
    assert torch.autograd.gradcheck(lambda c: sinkhorn(c, 0.3, words, regions, rounds=5), (cost,))
    assert torch.autograd.gradcheck(lambda c: softmax_assignment(c, 0.3, words, regions), (cost,))
    (sinkhorn(cost, 1e-3, words, regions, rounds=30) * cost).sum().backward()
    assert cost.grad.isfinite().all() and cost.grad[2].abs().sum() == 0


def test_softmax_equals_a_loop():
    similarity = costs(3, 4)
    found = softmax_assignment(similarity, 0.2)
    for w in range(3):
        powers = [math.exp(float(s) / 0.2) for s in similarity[w]]
        for r in range(4):
            assert float(found[w, r]) == pytest.approx(powers[r] / sum(powers))


def test_a_hard_assignment_is_the_best_of_all():
    similarity = costs(4, 5)
    plan = hard_assignment(similarity)
    best = max(
        sum(float(similarity[w, r]) for w, r in enumerate(chosen))
        for chosen in itertools.permutations(range(5), 4)
    )
    assert float((plan * similarity).sum()) == pytest.approx(best)
    assert plan.sum(1).tolist() == [1] * 4 and plan.sum(0).max() == 1
    torch.testing.assert_close(hard_assignment(similarity.T), plan.T)


def test_what_does_not_fit_is_refused(unchecked):
    cost, none, some = costs(), torch.zeros(5, dtype=torch.bool), torch.ones(5, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"expected a table \(words, regions\), not empty"):
        sinkhorn(cost[:0])
    with pytest.raises(ValueError, match="expected epsilon > 0"):
        sinkhorn(cost, 0.0)
    with pytest.raises(ValueError, match="temperature must be > 0"):
        softmax_assignment(cost, -1.0)
    with pytest.raises(ValueError, match="word_mask leaves nothing but padding"):
        softmax_assignment(cost, word_mask=none)
    with pytest.raises(ValueError, match=r"expected region_mask of bool and shape \(7,\)"):
        sinkhorn(cost, region_mask=some)
    with pytest.raises(ValueError, match=r"expected word_weights \(5,\), got \(7,\)"):
        sinkhorn(cost, word_weights=torch.ones(7) / 7)
    for weights in (torch.ones(5).double(), torch.tensor([2.0, -1, 0, 0, 0]).double()):
        with pytest.raises(ValueError, match="word_weights must be ≥ 0, add up to 1"):
            sinkhorn(cost, word_weights=weights)
    for call in (sinkhorn, softmax_assignment, hard_assignment):
        with pytest.raises(ValueError, match="NaN or infinity"):
            call(cost.where(cost < 0.5, math.nan))
