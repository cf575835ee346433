"""Log-mel frames become vectors by convolutions over time and bands: the spectrogram as a picture.

A formant that lies a band higher in another throat is the same pattern one cell further, which
convolutions over time alone, with weights of their own for every band, have to learn anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.encoder import Encoder
from xmodal_lab.encoders.pooling import masked_max

# Steps over (time, bands): four times finer in both at the end of the second, then 8 and 8.
STRIDES = ((2, 2), (2, 2), (2, 1), (1, 2))


class SpectrogramCNN(Encoder):
    """Log-mel frames → one vector: four 3 × 3 convolutions, one over all bands, maximum over time.

    A state stands for eight frames. BatchNorm counts real frames alone, so that padding has no
    influence, in training either.

    Shapes: ``Padded`` (batch, frames, mels) → states (batch, frames / 8, output_dim) → (batch,
    output_dim).

    Args:
        mels: number of mel bands.
        widths: channels of the four 3 × 3 convolutions.
        output_dim: size of the states and of the vector.

    Source: convolutions over time and frequency for speech, Abdel-Hamid et al. 2014, Sainath and
    Parada 2015; BatchNorm, Ioffe and Szegedy 2015.
    """

    def __init__(
        self, mels: int = 40, widths: Sequence[int] = (16, 32, 48, 64), output_dim: int = 96
    ) -> None:
        super().__init__()
        self.output_dim = output_dim
        self.config = {"mels": mels, "widths": list(widths), "output_dim": output_dim}
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
            for before, width, stride in zip((1, *widths), widths, STRIDES, strict=False)
        )
        # 40 bands are 5 cells now: this one reads them all, so what a state holds knows its pitch.
        self.convolutions.append(
            nn.Conv2d(widths[-1], output_dim, (3, -(-mels // 8)), padding=(1, 0), bias=False)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in (*widths, output_dim))

    def states(self, frames: Padded) -> Padded:
        lengths = frames.lengths
        cells = frames.values.masked_fill(~frames.mask[:, :, None], 0.0)[:, None]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            cells = convolution(cells)
            lengths = -(-lengths // convolution.stride[0])
            cells = normalised(norm, cells, Padded(cells[:, 0], lengths).mask)
        return Padded(cells.squeeze(3).mT, lengths)

    def pool(self, states: Padded) -> Float[Tensor, "batch output_dim"]:
        return masked_max(states.values, states.mask)


def normalised(
    norm: nn.BatchNorm1d,
    cells: Float[Tensor, "batch channels time bands"],
    mask: Bool[Tensor, "batch time"],
) -> Float[Tensor, "batch channels time bands"]:
    """max(norm(cells), 0) over the real frames; 0 at the others."""
    cells = cells.transpose(1, 2)
    found = torch.zeros_like(cells)
    found[mask] = F.relu(norm(cells[mask]))
    return found.transpose(1, 2)
