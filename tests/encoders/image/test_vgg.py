"""VGG16: the published layout, its number of parameters, and what fc7 is."""

import pytest
import torch
from torch.nn import functional as F

from xmodal_lab.encoders.image import VGG16

SMALL = {"widths": (4, 4, 8, 8, 8), "dense": 16, "classes": 5, "size": 64}


def test_138_357_544_parameters():
    with torch.device("meta"):
        network = VGG16()
    assert sum(weight.numel() for weight in network.parameters()) == 138_357_544
    dense = sum(w.numel() for n, w in network.named_parameters() if n.startswith(("fc", "head")))
    assert dense == 123_642_856


def test_configuration_d():
    with torch.device("meta"):
        network = VGG16()
    groups = [2, 2, 3, 3, 3]
    wanted = [name for g, n in enumerate(groups, 1)
              for name in [*(f"conv{g}_{i}" for i in range(1, n + 1)), f"pool{g}"]]  # fmt: skip
    assert list(network.layers) == wanted
    assert network.output_dim == 4096 and network.grid == (7, 7)


def test_a_whole_picture_goes_through_and_every_step_is_as_written():
    torch.manual_seed(0)
    network = VGG16(**SMALL).eval()
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406),
                                                          (0.229, 0.224, 0.225)))  # fmt: skip
    maps = (images / 255 - mean) / std
    for name, layer in network.layers.items():
        if name.startswith("pool"):
            maps = F.max_pool2d(maps, 2)
        else:
            c = layer.convolution
            maps = F.relu(F.conv2d(maps, c.weight, c.bias, padding=1))
    flat = F.adaptive_avg_pool2d(maps, 7).flatten(1)
    fc7 = F.relu(network.fc7(F.relu(network.fc6(flat))))
    torch.testing.assert_close(network(images), fc7, atol=1e-6, rtol=0)
    torch.testing.assert_close(network.scores(images), network.head(fc7), atol=1e-6, rtol=0)


def test_in_training_half_of_fc7_drops_out():
    torch.manual_seed(0)
    network = VGG16(**(SMALL | {"dense": 400})).eval()
    states = network.states(torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8))
    whole, thinned = (float((network.train(mode).pool(states) > 0).float().mean())
                      for mode in (False, True))  # fmt: skip
    assert thinned == pytest.approx(whole / 2, abs=0.05)


@pytest.mark.parametrize("size", [31, 33, 0])
def test_sizes_that_do_not_halve_five_times(size):
    with pytest.raises(ValueError, match=f"size must be a multiple of 32, got {size}"):
        VGG16(size=size)
