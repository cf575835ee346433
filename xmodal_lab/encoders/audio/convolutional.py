"""Log-mel frames become vectors by convolutions alone: a frame sees its neighbours, no past."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.audio.strided import StridedEncoder
from xmodal_lab.encoders.pooling import masked_max


class AudioCNN(StridedEncoder):
    """Log-mel frames → one vector: strided convolutions, residual convolutions, maximum.

    The twin of ``AudioEncoder`` without recurrence: the same first convolutions, then residual ones
    of 5 frames in place of the GRU. With the defaults it has as many parameters (to within 1 %).
    A state sees 1 + 4 · (2^halvings - 1) + 4 · layers · 2^halvings frames, 1.9 s with the defaults;
    a GRU's sees them all.

    Shapes: as ``AudioEncoder``.

    Args:
        mels: number of mel bands.
        width: channels of the convolutions.
        output_dim: size of the states and of the vector.
        layers: how many residual convolutions there are.
        halvings: how many strided convolutions there are.
    """

    def __init__(
        self,
        mels: int = 40,
        width: int = 64,
        output_dim: int = 128,
        layers: int = 2,
        halvings: int = 3,
    ) -> None:
        super().__init__(mels, width, halvings)
        self.output_dim = output_dim
        self.config = {"mels": mels, "width": width, "output_dim": output_dim, "layers": layers,
                       "halvings": halvings}  # fmt: skip
        self.residual = nn.ModuleList(
            nn.Conv2d(width, width, (1, 5), padding=(0, 2)) for _ in range(layers)
        )
        self.residual_norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.last = nn.Linear(width, output_dim)

    def states(self, frames: Padded) -> Padded:
        values, lengths = self.shortened(frames)
        mask = Padded(values, lengths).mask[:, :, None]
        for convolution, norm in zip(self.residual, self.residual_norms, strict=True):
            main = convolution(values.mT[:, :, None]).squeeze(2).mT
            values = (values + F.relu(norm(main))) * mask
        return Padded(self.last(values), lengths)

    def pool(self, states: Padded) -> Float[Tensor, "batch output_dim"]:
        return masked_max(states.values, states.mask)
