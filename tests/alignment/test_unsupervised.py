"""Alignment without pairs: against POT, against loops, and on planted rotations."""

import itertools
import math

import numpy as np
import ot
import pytest
import torch
from torch.nn import functional as F

from xmodal_lab.alignment.unsupervised import (
    align_unpaired,
    gromov_wasserstein,
    mutual_neighbours,
    profile_plan,
    refine,
)


def cloud(rows: int, dim: int, seed: int = 0) -> torch.Tensor:
    """Points with a few strong directions, as embeddings have."""
    generator = torch.Generator().manual_seed(seed)
    strengths = torch.arange(1, dim + 1, dtype=torch.float64) ** -0.5
    return torch.randn(rows, dim, generator=generator, dtype=torch.float64) * strengths


def rotation(dim: int, seed: int = 1) -> torch.Tensor:
    return torch.linalg.qr(cloud(dim, dim, seed))[0]


def planted(rows: int = 100, dim: int = 12, noise: float = 0.2, seed: int = 0):
    """The same cloud twice: turned, moved, noisy, and in another order."""
    x = cloud(rows, dim, seed)
    generator = torch.Generator().manual_seed(seed + 50)
    order = torch.randperm(rows, generator=generator)
    blur = (
        noise * x.std(0).mean() * torch.randn(rows, dim, generator=generator, dtype=torch.float64)
    )
    y = torch.empty_like(x)
    y[order] = 3 * (x + blur) @ rotation(dim, seed + 9) + 2
    return x, y, order


def recovered(found, x, y, order) -> float:
    similarity = found.project_x(x) @ F.normalize(found.project_y(y), dim=1).T
    return float((similarity.argmax(1) == order).double().mean())


def distances(x) -> torch.Tensor:
    table = torch.cdist(x, x)
    return table / table.mean()


@pytest.mark.parametrize("y_rows", [20, 25])
def test_gromov_wasserstein_equals_pot(y_rows):
    a, b = distances(cloud(20, 4)), distances(cloud(y_rows, 3, seed=1))
    found = gromov_wasserstein(a, b, 0.3, rounds=6, turns=1000)
    wanted = ot.gromov.entropic_gromov_wasserstein(
        a.numpy(), b.numpy(), epsilon=0.3, max_iter=6, numItermax=1000, stopThr=1e-12, warn=False
    )
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-6)


def test_the_cost_is_the_four_fold_sum():
    """One round of Gromov–Wasserstein is Sinkhorn on the sum written out."""
    a, b = distances(cloud(4, 3)), distances(cloud(5, 2, seed=1))
    start = profile_plan(a, b)
    cost = torch.zeros(4, 5, dtype=torch.float64)
    for i, j, k, m in itertools.product(range(4), range(5), range(4), range(5)):
        cost[i, j] += (a[i, k] - b[j, m]) ** 2 * start[k, m]
    wanted = ot.sinkhorn(np.ones(4) / 4, np.ones(5) / 5, 2 * cost.numpy(), 0.1, stopThr=1e-13)
    found = gromov_wasserstein(a, b, 0.1, start, rounds=1, turns=1000)
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-6)


def test_profiles_alone_recognise_an_unchanged_cloud():
    x, y, order = planted(noise=0.0)
    plan = profile_plan(distances(x), distances(y))
    assert float((plan.argmax(1) == order).double().mean()) == 1
    assert float(plan.sum()) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_rotation_is_found_without_a_pair(seed):
    x, y, order = planted(seed=seed)
    found = align_unpaired(x, y, restarts=1)
    assert recovered(found, x, y, order) >= 0.95
    # What was found serves points that were not there.
    new = cloud(30, 12, seed + 400)
    wanted = F.normalize(new @ rotation(12, seed + 9) * 3 + 2 - y.mean(0), dim=1)
    assert F.cosine_similarity(found.project_x(new), wanted).mean() > 0.95


def test_spaces_of_different_dimensions_and_numbers_of_rows():
    x, y, order = planted(noise=0.05)
    wider = F.pad(y, (0, 5)) @ rotation(17)
    assert recovered(align_unpaired(x, wider, 1), x, wider, order) >= 0.95
    fewer = y[order[:90]]  # ten points of x have no partner
    found = align_unpaired(x, fewer, 3)
    assert recovered(found, x[:90], fewer, torch.arange(90)) >= 0.95


def test_unrelated_clouds_score_lower_and_match_at_chance():
    x, y, order = planted()
    stranger = cloud(100, 12, seed=77)
    related, unrelated = align_unpaired(x, y, 2), align_unpaired(x, stranger, 2)
    assert unrelated.score < related.score - 0.1
    assert recovered(unrelated, x, stranger, order) < 0.1


def test_the_best_attempt_is_kept_and_the_seed_decides():
    x, y, _ = planted(rows=40)
    found, again = align_unpaired(x, y, 5, seed=3), align_unpaired(x, y, 5, seed=3)
    assert len(found.attempts) == 5 and float(found.attempts.max()) == pytest.approx(found.score)
    torch.testing.assert_close(found.rotation, again.rotation)
    identity = torch.eye(12, dtype=torch.float64)
    torch.testing.assert_close(found.rotation.T @ found.rotation, identity)


def test_float32_rows_give_a_float32_map():
    x, y, order = planted()
    found = align_unpaired(x.float(), y.float(), 1)
    assert found.rotation.dtype == torch.float32
    assert recovered(found, x.float(), y.float(), order) >= 0.95


def test_refining_repairs_wrong_pairs():
    x, y, order = planted()
    x, y = (F.normalize(v - v.mean(0), dim=1) for v in (x, y))
    pairs = torch.stack([torch.arange(100), order], 1)
    pairs[40:, 1] = pairs[40:, 1].roll(1)  # 60 of 100 are wrong
    turned, pairs, score = refine(x, y, pairs)
    assert float((order[pairs[:, 0]] == pairs[:, 1]).double().mean()) > 0.97
    assert len(pairs) > 90 and score > 0
    torch.testing.assert_close(turned.rotation.T @ turned.rotation, torch.eye(12).double())


def test_mutual_neighbours_equal_a_loop():
    table = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    rows = table.tolist()
    columns = [list(column) for column in zip(*rows, strict=True)]
    wanted = [
        [i, j] for i in range(6) for j in range(8) if rows[i][j] == max(rows[i]) == max(columns[j])
    ]
    assert mutual_neighbours(table).tolist() == wanted


def test_what_cannot_be_matched_is_refused(unchecked):
    x, y, _ = planted(rows=20)
    with pytest.raises(ValueError, match=r"expected rows .* at least 4"):
        align_unpaired(x[:3], y)
    with pytest.raises(ValueError, match="1001 rows take too long: align 1000 or fewer"):
        align_unpaired(x, torch.zeros(1001, 12).double())
    with pytest.raises(ValueError, match="restarts must be at least 1"):
        align_unpaired(x, y, 0)
    with pytest.raises(ValueError, match="no shape to match"):
        align_unpaired(x, torch.full_like(y, 0.5))
    with pytest.raises(ValueError, match="NaN or infinity"):
        align_unpaired(x, y.where(y > 2, math.nan))
    with pytest.raises(ValueError, match=r"expected y_distances \(rows, rows\), got \(20, 12\)"):
        gromov_wasserstein(distances(x), y)
    with pytest.raises(ValueError, match=r"expected a first plan \(20, 20\), got \(20, 12\)"):
        gromov_wasserstein(distances(x), distances(y), start=y)
    with pytest.raises(ValueError, match="no pairs to turn by"):
        refine(x, y, torch.zeros(0, 2, dtype=torch.long))
