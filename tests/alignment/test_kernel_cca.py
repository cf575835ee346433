"""Kernel CCA against linear CCA, the dual eigenproblem of the paper, and planted curves."""

import numpy as np
import pytest
import scipy.linalg
import torch

from xmodal_lab.alignment.closed_form import cca, kernel_cca


def related(rows: int = 60, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    make = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    causes = make(rows, 2)
    x = causes @ make(2, 5) + make(rows, 5) * 0.5 + 3
    y = causes @ make(2, 4) + make(rows, 4) * 0.5 - 7
    return x, y


def curved(rows: int = 300, seed: int = 0):
    """y is an even function of x: no line through x says anything about it."""
    generator = torch.Generator().manual_seed(seed)
    cause = torch.randn(rows, 2, generator=generator, dtype=torch.float64)
    noise = torch.randn(2, rows, 2, generator=generator, dtype=torch.float64) * 0.1
    return cause + noise[0], torch.stack([cause[:, 0].abs(), cause[:, 1].cos()], 1) + noise[1]


def held_out_correlation(fitted, x, y) -> float:
    return float(
        torch.corrcoef(torch.stack([fitted.project_x(x)[:, 0], fitted.project_y(y)[:, 0]]))[0, 1]
    )


@pytest.mark.parametrize("ridge", [1e-6, 1e-2, 1.0])
def test_a_linear_kernel_is_linear_cca_with_the_same_ridge(ridge):
    x, y = related()
    fitted, wanted = kernel_cca(x, y, 4, "linear", ridge), cca(x, y, 4, ridge)
    torch.testing.assert_close(fitted.correlations, wanted.correlations, atol=1e-8, rtol=0)
    new_x, new_y = related(seed=1)
    torch.testing.assert_close(
        fitted.project_x(new_x).abs(), wanted.project_x(new_x).abs(), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(
        fitted.project_y(new_y).abs(), wanted.project_y(new_y).abs(), atol=1e-6, rtol=0
    )


def test_correlations_solve_the_papers_dual_problem():
    """max αᵀKxKyβ under αᵀ(Kx² + κKx)α = 1 as a generalised eigenproblem of centred matrices."""
    x, y = curved(40)
    ridge, dim = 0.3, 3
    fitted = kernel_cca(x, y, dim, ridge=ridge, x_width=1.5, y_width=0.8)
    count = len(x)
    centring = np.eye(count) - 1 / count
    kernels, penalties = [], []
    for values, width, features in ((x, 1.5, fitted.x_features), (y, 0.8, fitted.y_features)):
        gram = np.zeros((count, count))
        for i in range(count):
            for j in range(count):
                gram[i, j] = np.exp(-float((values[i] - values[j]).square().sum()) / (2 * width**2))
        kernels.append(centring @ gram @ centring)
        # A share of the mean eigenvalue of the features' covariance, in units of its sum.
        penalties.append(ridge * np.trace(kernels[-1]) / features.whitening.shape[1])
    spaces = []
    for kernel, penalty in zip(kernels, penalties, strict=True):
        values, vectors = np.linalg.eigh(kernel)
        kept = values > 1e-9
        # α = Q Λ^(-1/2) (Λ + κ)^(-1/2) u turns the constraint into |u| = 1.
        spaces.append(vectors[:, kept] * np.sqrt(values[kept] / (values[kept] + penalty)))
    wanted = scipy.linalg.svdvals(spaces[0].T @ spaces[1])[:dim]
    np.testing.assert_allclose(fitted.correlations.numpy(), wanted, atol=1e-6)


def test_a_curve_is_found_where_linear_cca_sees_nothing():
    x, y = curved()
    new = curved(seed=1)
    assert abs(held_out_correlation(cca(x, y, 2), *new)) < 0.3
    assert held_out_correlation(kernel_cca(x, y, 2), *new) > 0.9


def test_a_few_landmarks_come_close_to_all():
    x, y = curved()
    new = curved(seed=1)
    few = kernel_cca(x, y, 2, landmarks=80)
    assert few.x_features.landmarks.shape == (80, 2)
    assert held_out_correlation(few, *new) > 0.9
    again = kernel_cca(x, y, 2, landmarks=80)
    torch.testing.assert_close(few.project_x(new[0]), again.project_x(new[0]))


def test_features_reproduce_the_kernel():
    x, y = curved(50)
    features = kernel_cca(x, y, 1, x_width=0.7).x_features
    wanted = torch.exp(-torch.cdist(x, x).square() / (2 * 0.7**2))
    torch.testing.assert_close(features(x) @ features(x).T, wanted, atol=1e-6, rtol=0)


def test_the_width_is_the_median_distance():
    x, y = related()
    apart = sorted(float((x[i] - x[j]).norm()) for i in range(len(x)) for j in range(i))
    found = kernel_cca(x, y, 1).x_features.width
    assert found == pytest.approx(apart[(len(apart) - 1) // 2], rel=1e-9)


def test_unrelated_rows_correlate_in_training_only():
    generator = torch.Generator().manual_seed(0)
    x, y, new_x, new_y = torch.randn(4, 300, 3, generator=generator)
    assert abs(held_out_correlation(kernel_cca(x, y, 1, ridge=1.0), new_x, new_y)) < 0.25


def test_a_far_away_cloud_and_doubled_rows_do_no_harm():
    x, y = curved(100)
    wanted = kernel_cca(x, y, 2).correlations
    torch.testing.assert_close(kernel_cca(x + 1e4, y, 2).correlations, wanted, atol=1e-4, rtol=0)
    twice = kernel_cca(x.repeat(2, 1), y.repeat(2, 1), 2)
    assert twice.correlations.isfinite().all() and twice.project_x(x).isfinite().all()


def test_float32_stays_float32():
    x, y = curved(100)
    assert kernel_cca(x.float(), y.float(), 2).project_x(x.float()).dtype == torch.float32


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kernel": "cubic"}, "unknown kernel 'cubic': choose one of rbf, linear"),
        ({"landmarks": 1}, "two landmarks or more, got 1"),
        ({"ridge": -1.0}, "ridge must be ≥ 0"),
        ({"x_width": 0.0}, "width of a kernel must be > 0"),
        ({"dim": 0}, "dim must lie in 1 … "),
        ({"dim": 5, "kernel": "linear"}, "dim must lie in 1 … 4, the features of the kernels"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        kernel_cca(*related(), **{"dim": 2, **wrong})


def test_rows_that_do_not_fit_are_refused(unchecked):
    x, y = related()
    with pytest.raises(ValueError, match="expected paired rows"):
        kernel_cca(x, y[1:], 1)
    with pytest.raises(ValueError, match="a linear kernel sees no feature"):
        kernel_cca(torch.zeros_like(x), y, 1, "linear")
    with pytest.raises(ValueError, match="NaN or infinity"):
        kernel_cca(x / 0, y, 1)
