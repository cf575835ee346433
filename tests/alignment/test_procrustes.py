"""Procrustes against scipy, and against what its definition promises."""

import math

import numpy as np
import pytest
import scipy.linalg
import scipy.spatial
import torch

from xmodal_lab.alignment.closed_form import procrustes


def cloud(rows: int = 40, dim: int = 5, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, dim, generator=generator, dtype=torch.float64)


def rotation(dim: int = 5, seed: int = 1) -> torch.Tensor:
    return torch.linalg.qr(cloud(dim, dim, seed))[0]


@pytest.mark.parametrize("seed", range(3))
def test_rotation_equals_scipys(seed):
    x, y = cloud(seed=seed), cloud(seed=seed + 10)
    wanted, strength = scipy.linalg.orthogonal_procrustes(x.numpy(), y.numpy())
    fitted = procrustes(x, y, centre=False, scale=True)
    np.testing.assert_allclose(fitted.rotation.numpy(), wanted, atol=1e-10)
    assert float(fitted.scale) == pytest.approx(strength / float(x.square().sum()))


@pytest.mark.parametrize("seed", range(3))
def test_disparity_equals_scipys(seed):
    """scipy.spatial.procrustes centres and scales both clouds first."""
    x, y = cloud(seed=seed) + 4, cloud(seed=seed + 10) * 3 - 1
    fitted = procrustes(x, y, scale=True)
    centred_y, turned_x, disparity = scipy.spatial.procrustes(y.numpy(), x.numpy())
    assert fitted.disparity == pytest.approx(disparity, abs=1e-10)
    size = (y - y.mean(0)).norm()
    np.testing.assert_allclose(fitted.project_x(x).numpy() / float(size), turned_x, atol=1e-10)
    np.testing.assert_allclose(fitted.project_y(y).numpy() / float(size), centred_y, atol=1e-10)


@pytest.mark.parametrize(("x_dim", "y_dim"), [(3, 6), (6, 3)])
def test_other_dimensions_are_those_of_the_padded_space(x_dim, y_dim):
    x, y = cloud(dim=x_dim), cloud(dim=y_dim, seed=7)
    pad = torch.nn.functional.pad
    wanted, _ = scipy.linalg.orthogonal_procrustes(pad(x, (0, 6 - x_dim)), pad(y, (0, 6 - y_dim)))
    fitted = procrustes(x, y, centre=False)
    np.testing.assert_allclose(fitted.rotation.numpy(), wanted[:x_dim, :y_dim], atol=1e-9)


def test_a_planted_rotation_is_found_exactly():
    x, turn, shift = cloud(), rotation(), cloud(1)[0]
    y = 2.5 * x @ turn + shift
    fitted = procrustes(x, y, scale=True)
    torch.testing.assert_close(fitted.rotation, turn)
    assert float(fitted.scale) == pytest.approx(2.5) and fitted.disparity < 1e-20
    torch.testing.assert_close(fitted.translate(x), y)
    new = cloud(seed=99)
    torch.testing.assert_close(fitted.translate(new), 2.5 * new @ turn + shift)


@pytest.mark.parametrize(("x_dim", "y_dim"), [(5, 5), (3, 6), (6, 3)])
def test_the_map_is_orthogonal(x_dim, y_dim):
    turn = procrustes(cloud(dim=x_dim), cloud(dim=y_dim, seed=7)).rotation
    smaller = turn @ turn.T if x_dim <= y_dim else turn.T @ turn
    torch.testing.assert_close(smaller, torch.eye(min(x_dim, y_dim)).double())


def test_fewer_rows_than_dimensions_still_give_an_orthogonal_map():
    x, turn = cloud(3, 8), rotation(8)
    fitted = procrustes(x, x @ turn, centre=False)
    torch.testing.assert_close(fitted.rotation @ fitted.rotation.T, torch.eye(8).double())
    torch.testing.assert_close(x @ fitted.rotation, x @ turn)


def test_distances_stay():
    x, y = cloud(), cloud(seed=5)
    torch.testing.assert_close(torch.pdist(procrustes(x, y).translate(x)), torch.pdist(x))


def test_no_other_rotation_comes_nearer():
    x, y = cloud(), cloud(seed=5)
    best = (procrustes(x, y, centre=False).project_x(x) - y).square().sum()
    for seed in range(200):
        assert (x @ rotation(seed=seed + 100) - y).square().sum() >= best


def test_moving_or_turning_the_input_changes_nothing_that_matters():
    x, y = cloud(), cloud(seed=5)
    wanted = procrustes(x, y).translate(x)
    moved = x @ rotation(seed=8) + 1000
    torch.testing.assert_close(procrustes(moved, y).translate(moved), wanted)
    order = torch.randperm(len(x))
    torch.testing.assert_close(procrustes(x[order], y[order]).translate(x), wanted)


def test_there_and_back_are_inverse():
    x, y = cloud(), cloud(seed=5)
    torch.testing.assert_close(procrustes(x, y).rotation, procrustes(y, x).rotation.T)


def test_unrelated_clouds_keep_all_of_their_disparity():
    x, y = cloud(20_000, 3), cloud(20_000, 3, seed=5)
    assert procrustes(x, y, scale=True).disparity > 0.99
    # Without the scale, both clouds' spreads add up.
    assert procrustes(x, y).disparity == pytest.approx(2, abs=0.05)


def test_float32_rows_give_float32_maps_of_float64_quality():
    x, y = cloud(), cloud(seed=5)
    single = procrustes(x.float(), y.float())
    assert single.rotation.dtype == torch.float32
    torch.testing.assert_close(
        single.rotation.double(), procrustes(x, y).rotation, atol=1e-6, rtol=0
    )


def test_rows_that_cannot_be_turned_are_refused(unchecked):
    x = cloud()
    with pytest.raises(ValueError, match=r"at least 1, got \(40, 5\) and \(39, 5\)"):
        procrustes(x, x[1:])
    with pytest.raises(ValueError, match="at least 1"):
        procrustes(x[:0], x[:0])
    with pytest.raises(ValueError, match="at least 1"):
        procrustes(x[0], x[0])
    with pytest.raises(ValueError, match="all rows of y coincide"):
        procrustes(x, torch.full_like(x, 0.1))
    with pytest.raises(ValueError, match="all rows of x coincide"):
        procrustes(x[:1], x[:1])
    bad = x.clone()
    bad[2, 3] = math.inf
    with pytest.raises(ValueError, match="NaN or infinity"):
        procrustes(x, bad)
