"""Canonical correlation against scikit-learn, and against what its definition promises."""

import numpy as np
import pytest
import torch
from sklearn.cross_decomposition import CCA

from xmodal_lab.alignment.closed_form import cca


def related(rows: int = 200, x_dim: int = 5, y_dim: int = 4, seed: int = 0):
    """Two views with two causes in common, of different strengths, and noise of their own."""
    generator = torch.Generator().manual_seed(seed)
    make = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    causes = make(rows, 2)
    x = causes @ make(2, x_dim) + make(rows, x_dim) @ make(x_dim, x_dim) * 0.5 + 3
    y = causes @ make(2, y_dim) + make(rows, y_dim) @ make(y_dim, y_dim) * 0.5 - 7
    return x, y


def projected(fitted, x, y):
    """Both views without the weighing by correlations."""
    return (x - fitted.x_mean) @ fitted.x_weights, (y - fitted.y_mean) @ fitted.y_weights


def test_correlations_equal_scikit_learns():
    x, y = related()
    fitted = cca(x, y, dim=4, ridge=0)
    oracle = CCA(n_components=4, max_iter=20_000, tol=1e-12).fit(x.numpy(), y.numpy())
    a, b = oracle.transform(x.numpy(), y.numpy())
    wanted = [np.corrcoef(a[:, i], b[:, i])[0, 1] for i in range(4)]
    np.testing.assert_allclose(fitted.correlations.numpy(), wanted, atol=1e-4)
    ours, _ = projected(fitted, x, y)
    for number in range(2):  # the same directions, up to their sign
        same = np.corrcoef(ours[:, number], a[:, number])[0, 1]
        assert abs(same) == pytest.approx(1, abs=1e-4)


def test_projections_are_what_the_definition_promises():
    x, y = related()
    fitted = cca(x, y, dim=4, ridge=1e-10)
    a, b = projected(fitted, x, y)
    count = len(x) - 1
    eye = torch.eye(4, dtype=torch.float64)
    torch.testing.assert_close(a.mean(0), torch.zeros_like(a[0]), atol=1e-9, rtol=0)
    torch.testing.assert_close(a.T @ a / count, eye, atol=1e-6, rtol=0)
    torch.testing.assert_close(b.T @ b / count, eye, atol=1e-6, rtol=0)
    torch.testing.assert_close(a.T @ b / count, torch.diag(fitted.correlations), atol=1e-6, rtol=0)
    assert (fitted.correlations.diff() <= 0).all()
    assert fitted.correlations[-1] >= 0 and fitted.correlations[0] <= 1 + 1e-9


def test_no_other_directions_correlate_more():
    x, y = related()
    best = cca(x, y, dim=1, ridge=0).correlations[0]
    for _ in range(300):
        a, b = x @ torch.randn(5).double(), y @ torch.randn(4).double()
        assert torch.corrcoef(torch.stack([a, b]))[0, 1].abs() <= best + 1e-9


def test_fewer_directions_are_the_first_of_more():
    x, y = related()
    few, many = cca(x, y, dim=2), cca(x, y, dim=4)
    torch.testing.assert_close(few.correlations, many.correlations[:2])
    torch.testing.assert_close(few.x_weights, many.x_weights[:, :2])


def test_correlations_survive_any_linear_change_of_either_view():
    x, y = related()
    wanted = cca(x, y, dim=4, ridge=0).correlations
    change, shift = torch.randn(5, 5).double() + 3 * torch.eye(5), torch.randn(5).double()
    moved = cca(x @ change + shift, y * 1000, dim=4, ridge=0).correlations
    torch.testing.assert_close(moved, wanted, atol=1e-7, rtol=0)


def test_both_views_are_treated_alike():
    x, y = related()
    forth, back = cca(x, y, dim=3), cca(y, x, dim=3)
    torch.testing.assert_close(forth.correlations, back.correlations)
    torch.testing.assert_close(forth.project_x(x).abs(), back.project_y(x).abs())


def test_a_view_correlates_perfectly_with_a_map_of_itself():
    x, _ = related()
    fitted = cca(x, x @ torch.randn(5, 5).double(), dim=5, ridge=0)
    torch.testing.assert_close(fitted.correlations, torch.ones(5).double(), atol=1e-8, rtol=0)


def test_unrelated_views_correlate_little():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 20_000, 3, generator=generator)
    assert cca(x, y, dim=3).correlations.max() < 0.05


def test_projecting_weighs_each_direction_by_its_correlation():
    x, y = related()
    fitted = cca(x, y, dim=3)
    a, b = projected(fitted, x, y)
    torch.testing.assert_close(fitted.project_x(x), a * fitted.correlations)
    torch.testing.assert_close(fitted.project_y(y), b * fitted.correlations)


@pytest.mark.parametrize("ridge", [0.0, 1e-10, 1e-4])
def test_directions_that_do_not_vary_count_for_nothing(ridge):
    """A doubled column and a constant one must change neither correlations nor projections."""
    x, y = related()
    wanted = cca(x, y, dim=4, ridge=0)
    wider = torch.cat([x, x[:, :1], torch.full_like(x[:, :1], 5.0)], dim=1)
    fitted = cca(wider, y, dim=4, ridge=ridge)
    tolerance = 1e-6 if ridge < 1e-4 else 1e-2
    torch.testing.assert_close(fitted.correlations, wanted.correlations, atol=tolerance, rtol=0)
    assert fitted.x_weights.isfinite().all() and fitted.y_weights.isfinite().all()
    torch.testing.assert_close(
        fitted.project_x(wider).abs(), wanted.project_x(x).abs(), atol=20 * tolerance, rtol=0
    )


def test_more_columns_than_rows_give_no_nan():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(10, 30, generator=generator), torch.randn(10, 20, generator=generator)
    for ridge in (0.0, 1e-4):
        fitted = cca(x, y, dim=20, ridge=ridge)
        assert fitted.correlations.isfinite().all() and fitted.x_weights.isfinite().all()
        assert fitted.correlations.max() <= 1 + 1e-6
        assert fitted.correlations[9:].abs().max() < 1e-3  # ten centred rows span nine directions


def test_a_constant_view_correlates_with_nothing():
    x, y = related()
    fitted = cca(torch.full_like(x, 2.5), y, dim=3)
    assert fitted.correlations.abs().max() < 1e-9
    assert fitted.project_x(x).isfinite().all()


def test_a_stronger_ridge_lowers_the_correlations():
    x, y = related()
    sums = [cca(x, y, dim=4, ridge=r).correlations.sum() for r in (0.0, 1e-3, 1e-1, 10.0)]
    assert sums == sorted(sums, reverse=True)


def test_float32_rows_give_float32_maps_of_float64_quality():
    x, y = related()
    single, double = cca(x.float(), y.float(), dim=4), cca(x, y, dim=4)
    assert single.x_weights.dtype == torch.float32
    torch.testing.assert_close(single.correlations.double(), double.correlations, atol=1e-5, rtol=0)


@pytest.mark.parametrize("shapes", [((5, 3), (4, 3)), ((1, 3), (1, 3)), ((5,), (5,))])
def test_rows_that_do_not_pair_are_refused(unchecked, shapes):
    with pytest.raises(ValueError, match="expected paired rows"):
        cca(torch.randn(shapes[0]), torch.randn(shapes[1]), dim=1)


@pytest.mark.parametrize("dim", [0, 5, -1])
def test_directions_that_are_not_there_are_refused(dim):
    x, y = related()
    with pytest.raises(ValueError, match=f"dim must lie in 1 … 4, got {dim}"):
        cca(x, y, dim=dim)


def test_rows_that_are_no_numbers_are_refused():
    x, y = related()
    x[3, 1] = torch.nan
    with pytest.raises(ValueError, match="NaN or infinity"):
        cca(x, y, dim=1)
