"""What an encoder makes of a whole data set, once and for all."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.batch import Batch, Padded


@torch.no_grad()
def features(
    encoder: nn.Module, inputs: Tensor | Padded, chunk: int = 500
) -> Float[Tensor, "rows dim"]:
    """Vectors of all rows, a chunk at a time, without gradient; on the CPU.

    The encoder answers in the mode it is in: call ``eval()`` where it has been trained.
    """
    rows, device = Batch(x=inputs), next(encoder.parameters()).device
    parts = map(rows.rows, torch.arange(rows.size).split(chunk))
    return torch.cat([encoder(part.to(device)["x"]).cpu() for part in parts])
