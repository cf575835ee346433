"""The trunk with a grid: which pixels a cell sees, what it refuses."""

import pytest
import torch

from xmodal_lab.encoders import registry
from xmodal_lab.encoders.image import GridCNN


@pytest.fixture
def trunk() -> GridCNN:
    torch.manual_seed(0)
    return GridCNN((4, 6, 8)).eval()


def test_a_cell_sees_its_pixels_and_those_around_it(trunk):
    """The gradient of one cell reaches 31 × 31 pixels around its own 8 × 8, and not one more."""
    image = (torch.rand(1, 3, 64, 64) * 255).requires_grad_()
    cell = 3 * 8 + 4  # line 3, column 4: pixels 24–31 down and 32–39 to the right
    trunk.states(image).values[0, cell].sum().backward()
    lines, columns = image.grad[0].abs().sum(0).nonzero().T
    # Convolutions of stride 2 look one pixel further up and left than down and right.
    assert (lines.min(), lines.max()) == (24 - 15, 24 + 15)
    assert (columns.min(), columns.max()) == (32 - 15, 32 + 15)


def test_moving_the_picture_by_a_cell_moves_the_states_by_one(trunk):
    picture = torch.zeros(1, 3, 64, 64)
    picture[:, :, 26:34, 20:30] = torch.rand(3, 8, 10) * 255
    states = trunk.states(picture).values.view(8, 8, 8)
    moved = trunk.states(picture.roll((8, 16), (2, 3))).values.view(8, 8, 8)
    # Not at the border, whose padding is no black pixel.
    torch.testing.assert_close(moved[3:6, 4:6], states[2:5, 2:4], atol=1e-5, rtol=0)


def test_the_vector_is_the_mean_of_the_cells(trunk):
    images = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8)
    torch.testing.assert_close(trunk(images), trunk.states(images).values.mean(1))


def test_what_it_refuses(trunk):
    with pytest.raises(ValueError, match=r"\(batch, 3, 64, 64\), got \(2, 3, 32, 32\)"):
        trunk.states(torch.zeros(2, 3, 32, 32))
    with pytest.raises(ValueError, match="three widths, one for each halving"):
        GridCNN((8, 16))


def test_checkpoints_know_it():
    made = registry.build("GridCNN", {"widths": [4, 6, 8]})
    assert type(made) is GridCNN and made.output_dim == 8 and made.grid == (8, 8)
