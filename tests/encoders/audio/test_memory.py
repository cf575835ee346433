"""The gradient over time of a network whose powers are known."""

import pytest
import torch
from torch import nn

from xmodal_lab.encoders.audio.memory import gradient_over_time


def linear_memory(factor: float) -> nn.RNN:
    """h' = relu(x + factor · h): for x > 0 each step back multiplies the slope by the factor."""
    network = nn.RNN(3, 3, nonlinearity="relu", bias=False, batch_first=True)
    with torch.no_grad():
        network.weight_ih_l0.copy_(torch.eye(3))
        network.weight_hh_l0.copy_(factor * torch.eye(3))
    return network


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.2])
def test_each_step_back_multiplies_by_the_recurrent_weight(factor):
    found = gradient_over_time(linear_memory(factor), torch.rand(4, 12, 3) + 0.1)
    wanted = torch.tensor([factor ** (11 - t) for t in range(12)])
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-4)


def test_it_leaves_no_gradient_behind():
    network, inputs = nn.LSTM(3, 4, batch_first=True), torch.randn(2, 5, 3)
    assert gradient_over_time(network, inputs).shape == (5,)
    assert all(weight.grad is None for weight in network.parameters()) and inputs.grad is None


@pytest.mark.parametrize("wrong", [{"bidirectional": True}, {"batch_first": False}])
def test_what_it_cannot_follow_is_refused(wrong):
    network = nn.GRU(3, 4, **({"batch_first": True} | wrong))
    with pytest.raises(ValueError, match="one direction and batch_first=True"):
        gradient_over_time(network, torch.randn(2, 5, 3))
