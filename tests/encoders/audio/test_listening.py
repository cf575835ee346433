"""Frames that matter are found, those that do not are not, and padding never is."""

import pytest
import torch
from torch import nn

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.audio import AudioCNN, AudioEncoder
from xmodal_lab.encoders.audio.listening import frame_gradient, frame_occlusion
from xmodal_lab.encoders.encoder import Encoder

CLASSES = torch.tensor([0, 1])


class Hears(Encoder):
    """Two scores: three times the sum of frame 4, and the sum of all frames."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(3.0))

    def forward(self, frames):
        values = frames.values * frames.mask[:, :, None]
        return torch.stack([self.weight * values[:, 4].sum(1), values.sum((1, 2))], dim=1)


def frames() -> Padded:
    return Padded(torch.ones(2, 10, 4), torch.tensor([10, 7]))


def test_slopes_are_those_of_the_asked_score():
    found = frame_gradient(Hears(), lambda v: v, frames(), CLASSES)
    wanted = torch.zeros(2, 10)
    wanted[0, 4], wanted[1, :7] = 3 * 4**0.5, 4**0.5
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("width", [1, 2, 5])
def test_covering_takes_what_lay_there(width):
    found = frame_occlusion(Hears(), lambda v: v, frames(), CLASSES, width)
    for t in range(10):
        covered = range(t - width // 2, t - width // 2 + width)
        assert found[0, t] == pytest.approx(12 * (4 in covered))
        real = sum(0 <= c < 7 for c in covered)
        assert found[1, t] == pytest.approx(4 * real if t < 7 else 0)


@pytest.mark.parametrize("made", [AudioEncoder, AudioCNN])
def test_padding_does_not_count_and_modes_come_back(made):
    torch.manual_seed(0)
    encoder, head = made(mels=4, width=8).train(), nn.Linear(128, 3)
    short = Padded(torch.randn(2, 30, 4), torch.tensor([30, 18]))
    longer = Padded(torch.cat([short.values, torch.full((2, 8, 4), 9.0)], dim=1), short.lengths)
    for ask in (frame_gradient, frame_occlusion):
        wanted, found = (ask(encoder, head, rows, CLASSES) for rows in (short, longer))
        torch.testing.assert_close(found[:, :30], wanted, atol=1e-5, rtol=1e-4)
        assert found[:, 30:].count_nonzero() == 0 and found[1, 18:].count_nonzero() == 0
        assert encoder.training and wanted.abs().sum() > 0
    assert all(weight.grad is None for weight in encoder.parameters())


def test_no_width_is_refused():
    with pytest.raises(ValueError, match="width must be at least 1 frame, got 0"):
        frame_occlusion(Hears(), lambda v: v, frames(), CLASSES, 0)
