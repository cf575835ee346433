"""Sequences of different lengths in one tensor, and the care that padding never counts.

Two sentences of 4 and 14 words share a batch of 14 columns. What stands behind the fourth word is
padding. It must not change the sentence's vector: not through an average, not through a maximum,
not through the backward direction of a recurrent network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor


class Padded(NamedTuple):
    """A batch of sequences, padded with zeros to the longest.

    Attributes:
        values: (batch, time, …) tensor.
        lengths: (batch,) how many steps of each row are real, at least 1.
    """

    values: Tensor
    lengths: Int64[Tensor, " batch"]

    @property
    def mask(self) -> Bool[Tensor, "batch time"]:
        """True where a step is real."""
        steps = torch.arange(self.values.shape[1], device=self.values.device)
        return steps[None, :] < self.lengths[:, None]

    def rows(self, index: Tensor) -> Padded:
        """The rows with these numbers, cut to the longest among them."""
        lengths = self.lengths[index]
        return Padded(self.values[index, : int(lengths.max())], lengths)

    def to(self, device: torch.device | str) -> Padded:
        return Padded(self.values.to(device), self.lengths.to(device))


def pad(sequences: Sequence[Tensor | np.ndarray | list]) -> Padded:
    """Stack sequences of different lengths, with zeros behind the shorter ones.

    Raises:
        ValueError: where there is no sequence, or one of them is empty.
    """
    tensors = [torch.as_tensor(sequence) for sequence in sequences]
    if not tensors or any(len(tensor) == 0 for tensor in tensors):
        raise ValueError("cannot pad an empty batch, or a sequence of length 0")
    lengths = torch.tensor([len(tensor) for tensor in tensors])
    return Padded(torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True), lengths)


def masked_max(
    values: Float[Tensor, "batch time dim"], mask: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch dim"]:
    """The largest value over the real steps, for each dimension."""
    return values.masked_fill(~mask[:, :, None], -torch.inf).amax(dim=1)


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
