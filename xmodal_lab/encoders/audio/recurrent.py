"""Log-mel frames become vectors: convolutions and a recurrent network."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.encoder import Encoder
from xmodal_lab.encoders.pooling import masked_max, recurrent


class AudioEncoder(Encoder):
    """Log-mel frames → one vector: three strided convolutions, bidirectional GRU or LSTM, maximum.

    Each convolution halves the frame rate (20 → 160 ms). Its output is normalised frame by frame
    (LayerNorm). What every convolution reads is 0 behind the last real frame, so that padding has
    no influence, whatever stands there.

    Shapes: ``Padded`` (batch, frames, mels) → states (batch, frames / 8, output_dim) → (batch,
    output_dim).

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
        self.config = {"mels": mels, "width": width, "hidden_dim": hidden_dim, "cell": cell}
        # A convolution over time, written as one over pictures a single pixel high: frame by frame
        # is the order "channels last", in which torch convolves pictures without copying them.
        self.convolutions = nn.ModuleList(
            nn.Conv2d(mels if number == 0 else width, width, (1, 5), stride=(1, 2), padding=(0, 2))
            for number in range(3)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.recurrent = cells[cell](width, hidden_dim, batch_first=True, bidirectional=True)

    def states(self, frames: Padded) -> Padded:
        lengths = frames.lengths
        values = frames.values.masked_fill(~frames.mask[:, :, None], 0.0)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            values = convolution(values.mT[:, :, None]).squeeze(2).mT
            lengths = (lengths + 1) // 2
            mask = Padded(values, lengths).mask[:, :, None]
            values = F.relu(norm(values)) * mask
        return Padded(recurrent(self.recurrent, Padded(values, lengths)), lengths)

    def pool(self, states: Padded) -> Float[Tensor, "batch output_dim"]:
        return masked_max(states.values, states.mask)
