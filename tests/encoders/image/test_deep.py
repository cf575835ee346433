"""Plain and residual networks of one depth: what they share and in what they differ."""

import pytest
import torch
from torch import nn

from xmodal_lab.encoders.image import DeepCNN, Residual


def convolutions(network: nn.Module, kernel: int) -> int:
    found = (m for m in network.modules() if isinstance(m, nn.Conv2d))
    return sum(m.kernel_size == (kernel, kernel) for m in found)


@pytest.mark.parametrize("depth", [8, 14, 20, 32])
@pytest.mark.parametrize("skip", [True, False])
def test_depth_counts_layers_with_weights_and_the_scores(depth, skip):
    network = DeepCNN(depth, skip, width=4)
    assert convolutions(network, 3) + 1 == depth
    assert convolutions(network, 1) == (2 if skip else 0)


def test_plain_and_residual_differ_in_the_two_shortcuts_alone():
    def numbers(**options):
        shapes = {n: w.shape for n, w in DeepCNN(14, **options).named_parameters()}
        return {n: s for n, s in shapes.items() if "shortcut" not in n}, shapes

    (plain, all_plain), (residual, all_residual) = numbers(skip=False), numbers(skip=True)
    assert plain == residual == all_plain
    shortcuts = [n for n in all_residual if "shortcut" in n and "convolution" in n]
    assert sum(all_residual[n].numel() for n in shortcuts) == 10 * 16**2


def test_without_norm_there_is_none_and_convolutions_have_a_bias():
    network = DeepCNN(8, norm=False)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    assert all(m.bias is not None for m in network.modules() if isinstance(m, nn.Conv2d))


@pytest.mark.parametrize("cells", [4, 8])
def test_the_last_grid(cells):
    network = DeepCNN(8, width=4, cells=cells)
    states = network.states(torch.zeros(2, 3, 32, 32))
    assert states.values.shape == (2, cells**2, 16) and network.grid == (cells, cells)


def test_mean_and_maximum_over_the_grid():
    mean, largest = (DeepCNN(8, width=4, pooling=how) for how in ("mean", "max"))
    states = mean.states(torch.rand(3, 3, 32, 32) * 255)
    torch.testing.assert_close(mean.pool(states), states.values.mean(1))
    torch.testing.assert_close(largest.pool(states), states.values.amax(1))


def gradients(skip: bool, norm: bool) -> tuple[float, float]:
    """Size of the gradient in the first and in the last block of 32 layers, before training."""
    torch.manual_seed(0)
    network = DeepCNN(32, skip, norm, width=8).train()
    vector = network(torch.randint(0, 256, (32, 3, 32, 32)).float())
    (vector * torch.randn_like(vector)).sum().backward()
    blocks = [part for part in network.modules() if isinstance(part, Residual)]
    return tuple(float(b.main[0].convolution.weight.grad.norm()) for b in (blocks[0], blocks[-1]))


def test_without_norm_and_shortcuts_the_gradient_fades():
    plain, residual = gradients(False, norm=False), gradients(True, norm=False)
    assert plain[0] < residual[0] / 100


def test_with_norm_a_plain_networks_gradient_swells_towards_the_first_layer():
    """Yang et al. 2019: BatchNorm alone does not tame depth; shortcuts make it grow slower."""
    plain, residual = gradients(False, norm=True), gradients(True, norm=True)
    assert plain[0] / plain[1] > 3 * residual[0] / residual[1] > 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"depth": 9}, r"depth must be 6n \+ 2, such as 8, 14, 20 or 32, got 9"),
        ({"depth": 2}, "got 2"),
        ({"cells": 5}, "cells must be 4 or 8, got 5"),
        ({"pooling": "sum"}, "unknown pooling 'sum': choose 'mean' or 'max'"),
    ],
)
def test_what_cannot_be_built(options, said):
    with pytest.raises(ValueError, match=said):
        DeepCNN(**options)
