"""From many states to one vector, with care that padding never counts.

What stands behind the last word of a short sentence must not change its vector: not through an
average, not through a maximum, not through the backward direction of a recurrent network.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from xmodal_lab.batch import Padded


def masked_max(
    values: Float[Tensor, "batch time dim"], mask: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch dim"]:
    """The largest value over the real steps, for each dimension."""
    return values.masked_fill(~mask[:, :, None], -torch.inf).amax(dim=1)


def masked_mean(
    values: Float[Tensor, "batch time dim"], mask: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch dim"]:
    """The mean over the real steps: Σ_t m_t h_t / Σ_t m_t."""
    real = values.masked_fill(~mask[:, :, None], 0.0)
    return real.sum(1) / mask.sum(1, keepdim=True)


def recurrent(network: torch.nn.RNNBase, batch: Padded) -> Float[Tensor, "batch time dim"]:
    """Outputs of a recurrent network that starts its backward direction at the last real step.

    Outputs at padded steps are 0.
    """
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        batch.values, batch.lengths.cpu(), batch_first=True, enforce_sorted=False
    )
    outputs, _ = network(packed)
    steps = batch.values.shape[1]
    return torch.nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True, total_length=steps)[0]
