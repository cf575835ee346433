"""The reference solutions of chapter 04 say the same as the package and as scipy."""

import pytest
import torch
from scipy.linalg import orthogonal_procrustes

from xmodal_lab.alignment import assignment, diagnostics, losses
from xmodal_lab.workbook.exercises import contrast_losses, contrast_space
from xmodal_lab.workbook.exercises import contrast_space_oracles as oracles


@pytest.fixture
def batches():
    generator = torch.Generator().manual_seed(5)
    a = torch.randn(12, 6, generator=generator)
    return [a, *(a + 0.8 * torch.randn(12, 6, generator=generator) for _ in range(2))]


def test_the_losses_are_those_of_the_package(batches):
    a, b, foils = batches
    own, package = contrast_losses, losses
    pairs = [
        (own.pair_loss(a, b, 1.2), package.pair_loss(a, b, 1.2)),
        (own.triplet_loss(a, b, 0.3), package.triplet_loss(a, b, 0.3, mining="hard")),
        (own.sigmoid_loss(a, b, 0.1, -2.0), package.sigmoid_loss(a, b, 0.1, -2.0)),
        (
            own.info_nce_with_foils(a, b, foils, 0.1),
            package.info_nce_with_foils(a, b, 0.1, foils_b=foils),
        ),
    ]
    for mine, theirs in pairs:
        torch.testing.assert_close(mine, theirs)


def test_the_diagnostics_are_those_of_the_package(batches):
    a, b, _ = batches
    torch.testing.assert_close(contrast_space.uniformity(a), diagnostics.uniformity(a))
    similarity = torch.nn.functional.normalize(a, dim=1) @ torch.nn.functional.normalize(b).T
    torch.testing.assert_close(
        contrast_space.csls(similarity, 3), diagnostics.csls(similarity, k=3)
    )


def test_many_rounds_of_sinkhorn_end_at_the_transport_plan(batches):
    a, b, _ = batches
    scores = (a @ b.T).double() / 4  # mild ones settle soon
    plan = assignment.sinkhorn(-scores, epsilon=1.0)  # every row and column holds 1/12
    # The package stops where a round changes next to nothing.
    torch.testing.assert_close(
        contrast_space.sinkhorn(scores, 500), 12 * plan, rtol=1e-5, atol=1e-6
    )


def test_the_map_and_its_oracle_are_scipys(batches):
    a, b, _ = batches
    wanted = torch.from_numpy(orthogonal_procrustes(a.double().numpy(), b.double().numpy())[0])
    torch.testing.assert_close(contrast_space.procrustes_map(a.double(), b.double()), wanted)
    torch.testing.assert_close(torch.from_numpy(oracles.procrustes_map(a, b)), wanted)
