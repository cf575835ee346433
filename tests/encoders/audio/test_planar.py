"""Convolutions over time and bands: what a state sees, and what BatchNorm counts."""

import torch

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.audio import SpectrogramCNN
from xmodal_lab.encoders.audio.planar import normalised


def test_it_is_as_small_as_its_docstring_lets_expect():
    assert sum(p.numel() for p in SpectrogramCNN().parameters()) < 150_000


def test_a_state_sees_all_bands_and_frames_around_its_own():
    encoder, frames = SpectrogramCNN().eval(), torch.randn(1, 160, 40, requires_grad=True)
    states = encoder.states(Padded(frames, torch.tensor([160]))).values
    assert states.shape == (1, 20, 96)
    states[0, 10].square().sum().backward()
    seen = frames.grad[0].abs() > 0
    assert seen.any(0).all()
    times = seen.any(1).nonzero()[:, 0]
    assert 0 < times.min() <= 80 <= times.max() < 159


def test_a_pattern_a_few_bands_higher_is_the_same_pattern_one_cell_further():
    encoder = SpectrogramCNN().eval()
    first = encoder.convolutions[0]
    frames = torch.zeros(1, 16, 40)
    frames[0, 4:9, 10:15] = torch.randn(5, 5)
    higher = frames.roll(2, dims=2)
    low, high = first(frames[:, None]), first(higher[:, None])
    torch.testing.assert_close(high[..., 1:], low[..., :-1])


def test_real_frames_alone_are_normalised():
    torch.manual_seed(0)
    cells, mask = torch.randn(3, 4, 6, 5) + 2, torch.arange(6) < torch.tensor([[6], [2], [4]])
    cells = cells.masked_fill(~mask[:, None, :, None], 1e3)  # behind the last frame: rubbish
    norm = torch.nn.BatchNorm1d(4)
    found = normalised(norm, cells, mask)
    assert found.transpose(1, 2)[~mask].count_nonzero() == 0
    real = cells.transpose(1, 2)[mask]
    mean, spread = real.mean((0, 2)), real.std((0, 2), unbiased=False)
    wanted = ((real - mean[:, None]) / spread[:, None]).relu()
    torch.testing.assert_close(found.transpose(1, 2)[mask], wanted, atol=1e-3, rtol=0)
    torch.testing.assert_close(norm.running_mean, 0.1 * mean)
