"""Occlusion: the score falls where what it rests on is covered, and by how much it rested there."""

import pytest
import torch

from xmodal_lab.encoders.image import SmallCNN
from xmodal_lab.encoders.image.occlusion import occlusion


class Reads(SmallCNN):
    """A vector of two numbers: the redness of the corner (4–7, 20–23), and the whole greenness."""

    def __init__(self):
        super().__init__((8, 8, 8), 2)

    def forward(self, images):
        red = images[:, 0, 4:8, 20:24].float().sum((1, 2))
        return torch.stack([red, images[:, 1].float().sum((1, 2))], dim=1)


@pytest.fixture
def corner():
    images = torch.full((2, 3, 32, 32), 10.0)
    images[0, 0, 4:8, 20:24] = 110
    return images


def test_only_squares_over_the_place_matter(corner):
    drops = occlusion(Reads(), lambda v: v, corner, torch.tensor([0, 0]), patch=4, stride=4)
    wanted = torch.zeros(2, 8, 8)
    wanted[0, 1, 5] = 16 * 100
    assert drops.equal(wanted)


def test_a_square_that_covers_half_takes_half(corner):
    drops = occlusion(Reads(), lambda v: v, corner, torch.tensor([0, 0]), patch=4, stride=2)
    assert drops.shape == (2, 15, 15)
    assert drops[0, 2, 9] == 800 and drops[0, 1, 9] == 400 and drops[0, 2, 10] == 1600


def test_each_picture_is_asked_for_its_own_class_and_chunks_change_nothing(corner):
    torch.manual_seed(0)
    network, head = SmallCNN((8, 8, 8), 6).train(), torch.nn.Linear(6, 3)
    images = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    classes = torch.tensor([0, 1, 2, 2, 1])
    found = occlusion(network, head, images, classes, 8, 8)
    assert network.training and not found.requires_grad
    torch.testing.assert_close(occlusion(network, head, images, classes, 8, 8, chunk=2), found)
    network.eval()
    covered = images.float().clone()
    covered[:, :, 16:24, 8:16] = images.float().flatten(2).median(2).values[:, :, None, None]
    with torch.no_grad():
        change = (head(network(images)) - head(network(covered)))[range(5), classes]
    torch.testing.assert_close(found[:, 2, 1], change, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("patch", "stride"), [(0, 1), (33, 1), (4, 0)])
def test_squares_that_do_not_fit(corner, patch, stride):
    with pytest.raises(ValueError, match=r"patch must lie in 1 … 32, stride from 1, got"):
        occlusion(Reads(), lambda v: v, corner, torch.tensor([0, 0]), patch, stride)
