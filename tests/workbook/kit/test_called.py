"""An answer that leaves the work to a forbidden function is found, by whatever door it comes."""

import pytest
import torch
from torch.nn import functional as F

from xmodal_lab.workbook.kit.attempt import Attempt, Mistake
from xmodal_lab.workbook.kit.called import require_without


def halved(x):
    return x / 2


def told(function, *inputs, words=("softmax", "matmul")):
    require_without(words, Attempt(function, halved), [(x,) for x in inputs])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.softmax(0),
        lambda x: torch.softmax(x, 0),
        lambda x: F.softmax(x, 0),
        torch.nn.Softmax(0).forward,
        lambda x: F.log_softmax(x, 0).exp(),
    ],
)
def test_each_door_to_an_operation_is_found(function):
    with pytest.raises(Mistake, match="PyTorch's own softmax made it"):
        told(lambda x: function(x), torch.ones(3))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.scaled_dot_product_attention(x, x, x),
        lambda x: torch.ops.aten.scaled_dot_product_attention(x, x, x),
        lambda x: torch.nn.MultiheadAttention(3, 1, batch_first=True)(x, x, x)[0],
    ],
)
def test_a_function_that_ends_at_plain_products_is_found(function):
    with pytest.raises(Mistake, match="attention made it"):
        told(lambda x: function(x), torch.ones(1, 2, 3), words=("attention",))


def test_an_operation_that_only_later_inputs_reach_is_found():
    with pytest.raises(Mistake, match="softmax"):
        told(lambda x: x.softmax(0) if len(x) > 3 else x, torch.ones(3), torch.ones(4))


def test_what_is_not_forbidden_passes_and_inputs_stay_as_they_are():
    x = torch.ones(3)
    told(lambda x: x.mul_(2).exp() / x.exp().sum(), x)
    assert torch.equal(x, torch.ones(3))
