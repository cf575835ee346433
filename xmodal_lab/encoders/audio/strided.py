"""What the audio encoders begin with: convolutions over time that halve the frame rate."""

from __future__ import annotations

from torch import nn
from torch.nn import functional as F

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.encoder import Encoder


class StridedEncoder(Encoder):
    """Strided convolutions over time, each halving the frame rate; what follows is up to others.

    Each output is normalised frame by frame (LayerNorm). What every convolution reads is 0 behind
    the last real frame, so that padding has no influence, whatever stands there.

    Args:
        mels: number of mel bands.
        width: channels of the convolutions.
        halvings: how many convolutions there are.
    """

    def __init__(self, mels: int, width: int, halvings: int) -> None:
        super().__init__()
        # A convolution over time, written as one over pictures a single pixel high: frame by frame
        # is the order "channels last", in which torch convolves pictures without copying them.
        self.convolutions = nn.ModuleList(
            nn.Conv2d(mels if number == 0 else width, width, (1, 5), stride=(1, 2), padding=(0, 2))
            for number in range(halvings)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(halvings))

    def shortened(self, frames: Padded) -> Padded:
        """(batch, frames, mels) → (batch, frames / 2^halvings, width)."""
        lengths = frames.lengths
        values = frames.values.masked_fill(~frames.mask[:, :, None], 0.0)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            values = convolution(values.mT[:, :, None]).squeeze(2).mT
            lengths = (lengths + 1) // 2
            mask = Padded(values, lengths).mask[:, :, None]
            values = F.relu(norm(values)) * mask
        return Padded(values, lengths)
