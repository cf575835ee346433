"""The recurrent audio encoder: what the shipped checkpoint needs of it."""

import pytest
import torch

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.audio import AudioEncoder


def test_an_unknown_cell_is_refused():
    with pytest.raises(ValueError, match="unknown cell 'rnn': choose 'gru' or 'lstm'"):
        AudioEncoder(cell="rnn")


def test_parameters_are_those_of_the_shipped_checkpoint():
    names = [name for name, _ in AudioEncoder().named_parameters()]
    assert names[:6] == [
        *(f"convolutions.{number}.{kind}" for number in range(3) for kind in ("weight", "bias"))
    ]
    assert sum(p.numel() for p in AudioEncoder().parameters()) == 104_256


@pytest.mark.parametrize(("halvings", "states"), [(1, 20), (2, 10), (3, 5)])
def test_each_convolution_halves_the_frame_rate(halvings, states):
    frames = Padded(torch.randn(2, 40, 40), torch.tensor([40, 33]))
    assert AudioEncoder(halvings=halvings).states(frames).values.shape == (2, states, 128)
