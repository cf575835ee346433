"""The picture encoder: what it sees, what it refuses."""

import pytest
import torch

from xmodal_lab.encoders.image import SmallCNN


@pytest.fixture
def network() -> SmallCNN:
    torch.manual_seed(0)
    return SmallCNN((8, 8, 8), 32).eval()


def spot(row: int, column: int) -> torch.Tensor:
    image = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    image[:, :, row : row + 4, column : column + 4] = 255
    return image


def test_where_a_thing_stands_matters(network):
    """Averaging the grid away would make the four corners nearly one vector."""
    corners = torch.cat([spot(r, c) for r in (8, 20) for c in (8, 20)])
    vectors = network(corners)
    apart = torch.cdist(vectors, vectors) + torch.eye(4) * 1e9
    assert apart.min() > 0.1 * vectors.norm(dim=1).mean()


def test_channels_are_told_apart(network):
    red, blue = torch.zeros(2, 1, 3, 32, 32, dtype=torch.uint8)
    red[:, 0], blue[:, 2] = 255, 255
    assert not torch.allclose(network(red), network(blue), atol=1e-3)


def test_whole_levels_and_floats_are_one_picture(network):
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    torch.testing.assert_close(network(images), network(images.float()), atol=0, rtol=0)


def test_a_picture_alone_is_the_picture_in_its_batch_when_evaluating(network):
    images = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    alone = torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(network(images), alone, atol=1e-5, rtol=0)


def test_memory_layout_does_not_matter(network):
    images = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    other = images.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(network(other), network(images), atol=1e-6, rtol=0)


def test_every_weight_learns():
    torch.manual_seed(0)
    network = SmallCNN((8, 8, 8), 32)
    network(torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)).square().sum().backward()
    assert all(weight.grad.count_nonzero() > 0 for weight in network.parameters())


@pytest.mark.parametrize("shape", [(2, 3, 64, 64), (2, 1, 32, 32), (3, 32, 32), (2, 32, 32, 3)])
def test_another_shape_is_refused(network, unchecked, shape):
    with pytest.raises(ValueError, match=r"expected pictures \(batch, 3, 32, 32\), got"):
        network(torch.zeros(shape))


def test_with_group_norm_pictures_do_not_see_each_other_while_training():
    torch.manual_seed(0)
    network = SmallCNN((8, 16, 8), 32, norm="group").train()
    images = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    alone = torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(network(images), alone, atol=1e-5, rtol=0)
    assert not list(network.buffers())  # nothing that moves, nothing to put back


def test_batch_norm_is_the_default_and_another_norm_is_refused(network):
    assert any(isinstance(layer, torch.nn.BatchNorm2d) for layer in network.modules())
    with pytest.raises(ValueError, match="unknown norm 'layer': choose 'batch' or 'group'"):
        SmallCNN(norm="layer")
