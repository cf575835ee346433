"""The twin without recurrence: as many parameters, and a window that ends."""

import torch

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.audio import AudioCNN, AudioEncoder


def size(module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_it_has_as_many_parameters_as_its_twin():
    assert abs(size(AudioCNN()) / size(AudioEncoder()) - 1) < 0.01


def seen(encoder, places=40) -> torch.Tensor:
    """Which frames the middle state depends on."""
    frames = torch.randn(1, 8 * places, 40, requires_grad=True)
    states = encoder.eval().states(Padded(frames, torch.tensor([8 * places]))).values
    states[0, places // 2].square().sum().backward()
    return frames.grad[0].abs().sum(1) > 0


def test_a_state_sees_as_many_frames_as_the_docstring_says():
    for layers in (0, 1, 2):
        found = seen(AudioCNN(layers=layers)).nonzero()
        assert int(found.max() - found.min()) + 1 == 1 + 4 * 7 + 4 * layers * 8


def test_the_twin_sees_every_frame():
    assert seen(AudioEncoder()).all()
