"""Receptive fields: computed by hand, computed from layers, and measured by gradient, all alike."""

from functools import partial

import pytest
import torch
from torch import nn

from xmodal_lab.encoders.image import VGG16, DeepCNN, PictureEncoder, ResNet, SmallCNN, resnet50
from xmodal_lab.encoders.image.picture import cells
from xmodal_lab.encoders.image.receptive_field import (
    Field,
    Window,
    extent,
    measured_field,
    receptive_fields,
)


class Odd(PictureEncoder):
    """Dilation, no padding, even kernels and a mean pooling: nothing is symmetric."""

    size, grid = 40, (3, 3)

    def __init__(self):
        super().__init__()
        self.stack = nn.Sequential(
            nn.Conv2d(3, 4, 4, 2, padding=1),
            nn.Conv2d(4, 4, 3, 1, padding=0, dilation=2),
            nn.AvgPool2d(2, 2),
            nn.Conv2d(4, 4, 3, 2, padding=1),
        )

    def pool(self, states):
        return states.values.mean(1)


NETWORKS = {
    "small": partial(SmallCNN, (8, 8, 8), 8),
    "deep": partial(DeepCNN, 8, width=4),
    "resnet": partial(ResNet, (1, 1, 1, 1), (32, 32, 32, 32), stem=8, size=64),
    "vgg": partial(VGG16, (8, 16, 16, 16, 16), dense=8, classes=3, size=64),
    "odd": Odd,
}


def test_by_hand():
    first = Field().through(Window(5, 2, 2))
    assert first == Field(size=5, jump=2, start=-2)
    second = first.through(Window(3, 2, 1))
    assert second == Field(size=9, jump=4, start=-4)
    assert second.through(Window(3, 1, 2, dilation=2)) == Field(25, 4, -12)
    assert second.through(Window(1)) == second


def test_vgg_and_resnet_as_is_known():
    with torch.device("meta"):
        vgg, resnet = receptive_fields(VGG16().layers), receptive_fields(resnet50().layers)
    assert vgg["conv1_1"].size == 3 and vgg["conv5_3"].size == 196
    assert vgg["pool5"] == Field(212, 32, -90)
    assert resnet["stem"] == Field(7, 2, -3) and resnet["pool"].size == 11
    assert resnet["stage4_3"].size == 427 and resnet["stage4_3"].jump == 32


def test_a_cell_at_the_border_sees_less():
    field = Field(size=9, jump=4, start=-4)
    assert [field.span(cell, 32) for cell in (0, 1, 7)] == [(0, 4), (0, 8), (24, 31)]


@pytest.mark.parametrize("name", NETWORKS)
def test_measured_it_is_what_was_computed(name):
    torch.manual_seed(0)
    network = NETWORKS[name]().train()  # measured in evaluation mode all the same
    images = torch.randint(0, 256, (24, 3, network.size, network.size), dtype=torch.uint8)
    fields = receptive_fields(network.layers)
    for layer, maps in network.maps(images).items():
        lines, columns = maps.shape[2:]
        for cell in ((0, 0), (lines // 2, columns - 1), (lines - 1, columns // 3)):
            strength = measured_field(network, layer, cell, images)
            top, bottom, left, right = extent(strength)
            (first, last), (west, east) = (fields[layer].span(c, network.size) for c in cell)
            if (last - first + 1) > network.size * 0.8:  # the far ends of a wide field are faint
                assert first <= top and bottom <= last and west <= left and right <= east
            else:
                assert (top, bottom, left, right) == (first, last, west, east), (layer, cell)
    assert network.training


def test_strength_is_the_gradient_of_the_cell():
    torch.manual_seed(0)
    network = SmallCNN((8, 8, 8), 8).eval()
    images = torch.rand(2, 3, 32, 32, requires_grad=True)
    loss = network.maps(images)["conv2"][:, :, 3, 5].sum()
    (slope,) = torch.autograd.grad(loss, images)
    found = measured_field(network, "conv2", (3, 5), images)
    torch.testing.assert_close(found, slope.abs().sum(1).mean(0))
    assert not any(weight.grad is not None for weight in network.parameters())


def test_cells_of_a_grid_are_counted_as_states_are():
    maps = torch.arange(12.0).reshape(1, 1, 3, 4)
    assert cells(maps).values.flatten().tolist() == list(range(12))


def test_what_is_not_there():
    network = SmallCNN((8, 8, 8), 8)
    images = torch.zeros(1, 3, 32, 32)
    with pytest.raises(ValueError, match="no layer 'conv7'"):
        measured_field(network, "conv7", (0, 0), images)
    with pytest.raises(ValueError, match=r"no cell \(4, 0\) in a map of \(4, 4\)"):
        measured_field(network, "conv3", (4, 0), images)
    with pytest.raises(ValueError, match="no pixel moves this cell"):
        extent(torch.zeros(4, 4))
    with pytest.raises(ValueError, match=r"the same number both ways, got \(3, 5\)"):
        receptive_fields({"long": nn.Conv2d(1, 1, (3, 5))})
