"""Log-mel frames become vectors: convolutions and a recurrent network."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.audio.strided import StridedEncoder
from xmodal_lab.encoders.pooling import masked_max, recurrent


class AudioEncoder(StridedEncoder):
    """Log-mel frames → one vector: three strided convolutions, bidirectional GRU or LSTM, maximum.

    Each convolution halves the frame rate (20 → 160 ms). Padding has no influence.

    Shapes: ``Padded`` (batch, frames, mels) → states (batch, frames / 8, output_dim) → (batch,
    output_dim).

    Args:
        mels: number of mel bands.
        width: channels of the convolutions.
        hidden_dim: size of each direction's state; the output has twice that.
        cell: 'gru' or 'lstm'.
        halvings: how many convolutions there are; with 2 there is a state every 80 ms.

    Raises:
        ValueError: for another cell.
    """

    def __init__(
        self,
        mels: int = 40,
        width: int = 64,
        hidden_dim: int = 64,
        cell: str = "gru",
        halvings: int = 3,
    ) -> None:
        cells = {"gru": nn.GRU, "lstm": nn.LSTM}
        if cell not in cells:
            raise ValueError(f"unknown cell {cell!r}: choose 'gru' or 'lstm'")
        super().__init__(mels, width, halvings)
        self.output_dim = 2 * hidden_dim
        self.config = {"mels": mels, "width": width, "hidden_dim": hidden_dim, "cell": cell,
                       "halvings": halvings}  # fmt: skip
        self.recurrent = cells[cell](width, hidden_dim, batch_first=True, bidirectional=True)

    def states(self, frames: Padded) -> Padded:
        short = self.shortened(frames)
        return Padded(recurrent(self.recurrent, short), short.lengths)

    def pool(self, states: Padded) -> Float[Tensor, "batch output_dim"]:
        return masked_max(states.values, states.mask)
