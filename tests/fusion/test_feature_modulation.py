"""A question turns the knobs of convolutions."""

import pytest
import torch
from torch.nn import functional as F

from xmodal_lab.batch import Padded
from xmodal_lab.fusion import FiLM

GRID = (3, 5)


def made(blocks: int = 2) -> FiLM:
    torch.manual_seed(0)
    return FiLM(6, 4, blocks, GRID).eval()


def cells(batch: int = 7) -> Padded:
    torch.manual_seed(1)
    return Padded(torch.randn(batch, 15, 4), torch.full((batch,), 15))


def queries(batch: int = 7) -> torch.Tensor:
    return torch.randn(batch, 6, generator=torch.Generator().manual_seed(2))


def test_one_block_is_what_the_formula_says():
    model, states, query = made(1), cells(), queries()
    maps = states.values.mT.reshape(7, 4, *GRID)
    scale, shift = model.knobs[0](query).chunk(2, 1)
    convolved = model.convolutions[0](maps) / (1 + 1e-5) ** 0.5  # BatchNorm that has seen nothing
    for row in range(7):
        for channel in range(4):
            knob = (1 + scale[row, channel]) * convolved[row, channel] + shift[row, channel]
            wanted = (maps[row, channel] + F.relu(knob)).max()
            found = model(query, states)[row, 6 + channel]
            torch.testing.assert_close(found, wanted)


def test_the_question_goes_on_and_turns_every_channel():
    model, states, query = made(), cells(), queries()
    torch.testing.assert_close(model(query, states)[:, :6], query)
    other = model(query.roll(1, 0), states)
    assert (other[:, 6:] - model(query, states)[:, 6:]).abs().amax(0).min() > 1e-3


def test_the_grid_is_not_mistaken_for_its_transpose():
    """A neighbour below is another than one to the right."""
    model, states, query = made(), cells(1), queries(1)
    turned = states.values.view(1, *GRID, 4).transpose(1, 2).reshape(1, 15, 4)
    assert not torch.allclose(model(query, Padded(turned, states.lengths)), model(query, states))


def test_what_it_refuses():
    with pytest.raises(ValueError, match=r"15 cells of a grid of \(3, 5\), got 12 places"):
        made()(queries(), Padded(torch.zeros(7, 12, 4), torch.full((7,), 12)))
