"""The randomisation test: what a shuffle keeps, what it takes, and how alike two maps are."""

import pytest
import torch
from scipy.stats import spearmanr

from xmodal_lab.encoders.image import DeepCNN
from xmodal_lab.encoders.image.randomised import likeness, randomised


def test_weights_keep_their_numbers_and_lose_their_places():
    network = DeepCNN(8, width=4)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    other = randomised(network, seed=1)
    for name, weight in other.named_parameters():
        mine = before[name]
        assert weight.flatten().sort().values.equal(mine.flatten().sort().values), name
        assert mine.unique().numel() < 10 or not weight.equal(mine), name
    assert all(before[name].equal(weight) for name, weight in network.state_dict().items())


def test_the_seed_decides_and_the_processs_own_numbers_stay():
    network = DeepCNN(8, width=4)
    state = torch.get_rng_state()
    one, same, other = (
        randomised(network, seed).stack.stem.convolution.weight for seed in (1, 1, 2)
    )
    assert one.equal(same) and not one.equal(other)
    assert torch.get_rng_state().equal(state)


def test_a_single_layer_can_be_randomised():
    network = DeepCNN(8, width=4)
    layer = network.layers["stage2_1"]
    other = randomised(layer)
    assert type(other) is type(layer) and other is not layer


def test_likeness_is_spearmans():
    maps = torch.randn(4, 5, 6)
    others = (maps + torch.randn(4, 5, 6)).round(decimals=0)  # with ties
    wanted = [spearmanr(a.flatten(), b.flatten()).statistic
              for a, b in zip(maps.numpy(), others.numpy(), strict=True)]  # fmt: skip
    assert likeness(maps, others).tolist() == pytest.approx(wanted, abs=1e-6)


def test_likeness_of_a_map_with_itself_its_opposite_and_with_nothing():
    maps = torch.randn(3, 4, 4)
    assert likeness(maps, maps.exp()).tolist() == pytest.approx([1, 1, 1])
    assert likeness(maps, -maps).tolist() == pytest.approx([-1, -1, -1])
    assert likeness(maps, torch.zeros(3, 4, 4)).tolist() == [0, 0, 0]
