"""From the waveform itself: a convolution learns the filter bank that a spectrogram is given."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.audio.recurrent import AudioEncoder
from xmodal_lab.encoders.encoder import Encoder


class LearnedFilters(nn.Module):
    """Waveform → as many bands as filters, learned; one row every 20 ms.

        y[t, j] = ln(mean_{s in frame t} (w_j ∗ x)[s]² + 1e-6),   centred and divided by 3

    In the place of ``LogMel``: energy in 32 ms, its logarithm, each utterance centred by its own
    mean. Only the bank itself is learned, by a convolution that begins with random weights.

    Shapes: ``Padded`` 16-bit samples (batch, samples) → ``Padded`` (batch, frames, filters).

    Args:
        filters: how many filters there are.
        size: samples of each filter (16 ms at 8 kHz).
        stride: samples from step to step of the convolution.
        rate: samples a second.

    Raises:
        ValueError: for an utterance shorter than one frame, or a stride that does not divide 20 ms.

    Source: Sainath et al. 2015; squared and averaged as by Zeghidour et al. 2018.
    """

    def __init__(
        self, filters: int = 40, size: int = 128, stride: int = 8, rate: int = 8000
    ) -> None:
        super().__init__()
        self.stride, self.rate = stride, rate
        if round(0.020 * rate) % stride:
            raise ValueError(f"stride must divide the {round(0.020 * rate)} samples of 20 ms")
        self.averaged, self.hop = round(0.032 * rate) // stride, round(0.020 * rate) // stride
        self.convolution = nn.Conv1d(1, filters, size, stride=stride, bias=False)
        nn.init.normal_(self.convolution.weight, std=size**-0.5)

    @property
    def window(self) -> int:
        """Samples that one frame depends on."""
        return (self.averaged - 1) * self.stride + self.convolution.kernel_size[0]

    @property
    def filters(self) -> Float[Tensor, "filters size"]:
        """The weights, one filter a row."""
        return self.convolution.weight.detach()[:, 0]

    @property
    def centres(self) -> Float[Tensor, " filters"]:
        """The frequency that each filter answers to most, in Hz, in steps of about 8 Hz."""
        answers = torch.fft.rfft(self.filters, n=self.rate // 8).abs()
        return answers.argmax(dim=1) * self.rate / (self.rate // 8)

    def forward(self, waveforms: Padded) -> Padded:
        if int(waveforms.lengths.min()) < self.window:
            raise ValueError(
                f"an utterance of {int(waveforms.lengths.min())} samples is shorter than one frame "
                f"of {self.window} samples"
            )
        lengths = 1 + (waveforms.lengths - self.window) // (self.hop * self.stride)
        energy = self.convolution(waveforms.values.float()[:, None] / 32768).square()
        levels = torch.log(F.avg_pool1d(energy, self.averaged, self.hop).mT + 1e-6)
        mask = Padded(levels, lengths).mask[:, :, None]
        frames = lengths[:, None, None]
        mean = (levels * mask).sum((1, 2), keepdim=True) / (frames * levels.shape[2])
        return Padded((levels - mean) * mask / 3.0, lengths)


class RawAudioEncoder(Encoder):
    """Waveform → one vector: a learned filter bank, then ``AudioEncoder``.

    Shapes: ``Padded`` 16-bit samples (batch, samples) → states as those of ``AudioEncoder``.

    Args:
        filters: how many filters are learned.
        size: samples of each.
        stride: samples from step to step of the convolution.
        rate: samples a second.
        rest: arguments of ``AudioEncoder``, without ``mels``.

    Raises:
        ValueError: as ``LearnedFilters`` and ``AudioEncoder``.
    """

    def __init__(
        self, filters: int = 40, size: int = 128, stride: int = 8, rate: int = 8000, **rest
    ) -> None:
        super().__init__()
        self.bank = LearnedFilters(filters, size, stride, rate)
        self.frames = AudioEncoder(filters, **rest)
        self.output_dim = self.frames.output_dim
        bank = {"filters": filters, "size": size, "stride": stride, "rate": rate}
        inner = {name: value for name, value in self.frames.config.items() if name != "mels"}
        self.config = bank | inner

    def states(self, waveforms: Padded) -> Padded:
        return self.frames.states(self.bank(waveforms))

    def pool(self, states: Padded) -> Float[Tensor, "batch output_dim"]:
        return self.frames.pool(states)
