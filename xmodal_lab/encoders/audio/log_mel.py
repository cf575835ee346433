"""Waveform → log-mel spectrogram: what the audio encoders read."""

from __future__ import annotations

import torch
from jaxtyping import Int64
from torch import Tensor, nn
from torchaudio.transforms import MelSpectrogram

from xmodal_lab.batch import Padded
from xmodal_lab.datasets.scenes import SAMPLE_RATE


class LogMel(nn.Module):
    """Waveform → log-mel spectrogram, one row every 20 ms.

        S = mel · |STFT(x)|²,   y = (ln(S + 1e-6) - mean) / spread

    Each utterance is centred by its own mean over real frames, so that loudness does not matter.
    No frame reaches beyond the last real sample: padding cannot change a real frame.

    Shapes: ``Padded`` 16-bit samples (batch, samples) → ``Padded`` (batch, frames, mels).

    Args:
        mels: number of mel bands.
        window: samples a frame looks at; None for 32 ms.
        hop: samples from frame to frame; None for 20 ms.
        rate: samples a second.

    Raises:
        ValueError: for an utterance shorter than one window.
    """

    def __init__(
        self,
        mels: int = 40,
        window: int | None = None,
        hop: int | None = None,
        rate: int = SAMPLE_RATE,
    ) -> None:
        super().__init__()
        self.mels, self.rate = mels, rate
        self.window = round(0.032 * rate) if window is None else window
        self.hop = round(0.020 * rate) if hop is None else hop
        self.mel = MelSpectrogram(
            sample_rate=rate, n_fft=self.window, hop_length=self.hop, n_mels=mels, center=False
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
