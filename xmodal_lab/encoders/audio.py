"""Speech becomes vectors: waveform → log-mel spectrogram → convolutions and a recurrent network."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F
from torchaudio.transforms import MelSpectrogram

from xmodal_lab.datasets.scenes import SAMPLE_RATE
from xmodal_lab.encoders.padding import Padded, masked_max, recurrent


class LogMel(nn.Module):
    """Waveform → log-mel spectrogram, one row every 20 ms.

        S = mel · |STFT(x)|²,   y = (ln(S + 1e-6) - mean) / spread

    Each utterance is centred by its own mean over real frames, so that loudness does not matter.
    No frame reaches beyond the last real sample: padding cannot change a real frame.

    Shapes: ``Padded`` 16-bit samples (batch, samples) → ``Padded`` (batch, frames, mels).

    Args:
        mels: number of mel bands.
        window: samples a frame looks at (32 ms at 8 kHz).
        hop: samples from frame to frame (20 ms at 8 kHz).

    Raises:
        ValueError: for an utterance shorter than one window.
    """

    def __init__(self, mels: int = 40, window: int = 256, hop: int = 160) -> None:
        super().__init__()
        self.mels, self.window, self.hop = mels, window, hop
        self.mel = MelSpectrogram(
            sample_rate=SAMPLE_RATE, n_fft=window, hop_length=hop, n_mels=mels, center=False
        )

    def frames(self, samples: Int64[Tensor, " batch"]) -> Int64[Tensor, " batch"]:
        """How many frames fit into so many samples, at least one.

        Raises:
            ValueError: for fewer samples than one window has.
        """
        if int(samples.min()) < self.window:
            raise ValueError(
                f"an utterance of {int(samples.min())} samples is shorter than one window of "
                f"{self.window} samples"
            )
        return 1 + (samples - self.window) // self.hop

    def forward(self, waveforms: Padded) -> Padded:
        lengths = self.frames(waveforms.lengths)
        power = self.mel(waveforms.values.float() / 32768).transpose(1, 2)
        levels = torch.log(power + 1e-6)
        mask = Padded(levels, lengths).mask[:, :, None]
        frames = lengths[:, None, None]
        mean = (levels * mask).sum((1, 2), keepdim=True) / (frames * levels.shape[2])
        return Padded((levels - mean) * mask / 3.0, lengths)


class AudioEncoder(nn.Module):
    """Log-mel frames → one vector: three strided convolutions, bidirectional GRU or LSTM, maximum.

    Each convolution halves the frame rate (20 → 160 ms). Its output is normalised frame by frame
    (LayerNorm). What every convolution reads is 0 behind the last real frame, so that padding has
    no influence, whatever stands there.

    Shapes: ``Padded`` (batch, frames, mels) → (batch, output_dim).

    Args:
        mels: number of mel bands.
        width: channels of the convolutions.
        hidden_dim: size of each direction's state; the output has twice that.
        cell: 'gru' or 'lstm'.

    Raises:
        ValueError: for another cell.
    """

    def __init__(
        self, mels: int = 40, width: int = 64, hidden_dim: int = 64, cell: str = "gru"
    ) -> None:
        super().__init__()
        cells = {"gru": nn.GRU, "lstm": nn.LSTM}
        if cell not in cells:
            raise ValueError(f"unknown cell {cell!r}: choose 'gru' or 'lstm'")
        self.output_dim = 2 * hidden_dim
        # A convolution over time, written as one over pictures a single pixel high: frame by frame
        # is the order "channels last", in which torch convolves pictures without copying them.
        self.convolutions = nn.ModuleList(
            nn.Conv2d(mels if number == 0 else width, width, (1, 5), stride=(1, 2), padding=(0, 2))
            for number in range(3)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.recurrent = cells[cell](width, hidden_dim, batch_first=True, bidirectional=True)

    def forward(self, frames: Padded) -> Float[Tensor, "batch output_dim"]:
        lengths = frames.lengths
        values = frames.values.masked_fill(~frames.mask[:, :, None], 0.0)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            values = convolution(values.mT[:, :, None]).squeeze(2).mT
            lengths = (lengths + 1) // 2
            mask = Padded(values, lengths).mask[:, :, None]
            values = F.relu(norm(values)) * mask
        halved = Padded(values, lengths)
        return masked_max(recurrent(self.recurrent, halved), halved.mask)
