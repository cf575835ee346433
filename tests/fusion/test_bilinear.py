"""Products of modalities: the factors are the tensor."""

import pytest
import torch

from xmodal_lab.fusion import BilinearFusion

DIMS = {"audio": 2, "image": 3, "text": 4}


def test_factors_give_what_the_whole_tensor_built_from_them_gives():
    torch.manual_seed(0)
    low = BilinearFusion(DIMS, 5, rank=3).double()
    whole = BilinearFusion(DIMS, 5, rank=None).double()
    given = {name: torch.randn(6, dim).double() for name, dim in DIMS.items()}
    a, b, c = low.factors
    with torch.no_grad():
        whole.tensor.copy_(torch.einsum("irk,jrk,lrk->ijlk", a, b, c))
    ones = torch.ones(6, 1).double()
    x, y, z = (torch.cat([given[name], ones], dim=1) for name in DIMS)
    wanted = torch.einsum("bi,bj,bl,ijlk->bk", x, y, z, whole.tensor)
    torch.testing.assert_close(low(given), wanted)
    torch.testing.assert_close(whole(given), wanted)


@pytest.mark.parametrize("rank", [None, 4])
def test_it_is_linear_in_each_modality_alone(rank):
    torch.manual_seed(0)
    fusion = BilinearFusion(DIMS, 5, rank).double()
    given = {name: torch.randn(6, dim).double() for name, dim in DIMS.items()}
    for name, dim in DIMS.items():
        other = torch.randn(6, dim).double()
        middle = fusion(given | {name: (given[name] + other) / 2})
        ends = fusion(given) + fusion(given | {name: other})
        torch.testing.assert_close(middle, ends / 2)


def test_it_learns_a_product_that_no_sum_can():
    """Right is the sign of x · y: each alone says nothing about it."""
    torch.manual_seed(0)
    rows = {"x": torch.randn(200, 1), "y": torch.randn(200, 1)}
    wanted = (rows["x"] * rows["y"])[:, 0].sign()
    fusion = BilinearFusion({"x": 1, "y": 1}, 1, rank=2)
    optimiser = torch.optim.Adam(fusion.parameters(), 0.05)
    for _ in range(200):
        optimiser.zero_grad()
        torch.nn.functional.softplus(-wanted * fusion(rows)[:, 0]).mean().backward()
        optimiser.step()
    assert (fusion(rows)[:, 0].sign() == wanted).double().mean() > 0.95


def test_first_answers_are_neither_nothing_nor_huge():
    torch.manual_seed(0)
    dims = {"text": 128, "image": 256, "audio": 128}
    given = {name: torch.randn(100, dim) for name, dim in dims.items()}
    found = BilinearFusion(dims, 64)(given)
    assert 0.5 < found.std() < 5 and abs(found.mean()) < 1


def test_rank_and_size():
    with pytest.raises(ValueError, match="rank must be at least 1"):
        BilinearFusion(DIMS, 5, rank=0)
    with pytest.raises(ValueError, match=r"would hold 137,388,096 numbers: give a rank"):
        BilinearFusion({"text": 128, "image": 128, "audio": 128}, 64, rank=None)
