"""What travels from the data to the models: rows of several modalities, side by side.

Two sentences of 4 and 14 words share a tensor of 14 columns. What stands behind the fourth word is
padding, and ``Padded`` keeps count of it. A ``Batch`` holds one such entry, or a plain tensor, for
each modality, and whatever else a row has: labels, wrong captions, numbers of meanings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int64
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
        return Padded(*(part.to(device) for part in self))

    def widened(self, steps: int) -> Padded:
        """The same rows in so many columns."""
        missing = steps - self.values.shape[1]
        beside = (0, 0) * (self.values.ndim - 2)
        return self._replace(values=torch.nn.functional.pad(self.values, (*beside, 0, missing)))


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


# What a batch is made of; public functions take any such mapping.
Entries = Mapping[str, Tensor | Padded]


class Batch(dict[str, Tensor | Padded]):
    """Rows of several modalities: row i of every entry belongs to one thing.

    A dictionary by the entry's name. An entry is a tensor whose first axis counts the rows, or
    ``Padded``. A batch stays on the CPU until ``fit``, ``embed_all`` or a closed form moves it.
    """

    @property
    def size(self) -> int:
        """How many rows.

        Raises:
            ValueError: where there is no entry, or they have different numbers of rows.
        """
        counts = {name: len(_parts(values)[-1]) for name, values in self.items()}
        if len(set(counts.values())) != 1:
            raise ValueError(f"expected modalities with one number of rows, got {counts}")
        return next(iter(counts.values()))

    @property
    def device(self) -> torch.device:
        """Where the rows lie."""
        return next(iter(self.tensors())).device

    def rows(self, index: Tensor) -> Batch:
        """The rows with these numbers of every entry, on the device where it lies."""
        return Batch(
            (name, values.rows(index.to(values.lengths.device)))
            if isinstance(values, Padded)
            else (name, values[index.to(values.device)])
            for name, values in self.items()
        )

    def select(self, names: Iterable[str]) -> Batch:
        """Some of the entries, in the order of ``names``.

        Raises:
            KeyError: for a name that is not there.
        """
        return Batch((name, self[name]) for name in names)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The same rows on one device."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pinned(self) -> Batch:
        """The same rows in memory that a GPU can fetch without waiting."""
        return self._each(torch.Tensor.pin_memory)

    def joined(self, join: Callable[[Tensor], Tensor], agree: Callable[[int], int]) -> Batch:
        """These rows and those of others, by a function that joins tensors of one width.

        Args:
            join: makes one tensor of this one and those of the others.
            agree: the largest of a number here and the others'.
        """
        wide = Batch(
            (name, values.widened(agree(values.values.shape[1])))
            if isinstance(values, Padded)
            else (name, values)
            for name, values in self.items()
        )
        return wide._each(join)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        return Batch(
            (name, Padded(*map(change, values)))
            if isinstance(values, Padded)
            else (name, change(values))
            for name, values in self.items()
        )

    def finite(self) -> Bool[Tensor, " rows"]:
        """Which rows hold neither NaN nor infinity; on the CPU."""
        fine = torch.ones(self.size, dtype=torch.bool)
        for values in self.values():
            numbers = _parts(values)[0]
            fine &= numbers.reshape(len(fine), -1).isfinite().all(dim=1).cpu()
        return fine

    def tensors(self) -> list[Tensor]:
        """Every tensor, lengths included."""
        return [tensor for values in self.values() for tensor in _parts(values)]

    @property
    def bytes(self) -> int:
        """How much memory the rows take."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.tensors())


def _parts(values: Tensor | Padded) -> tuple[Tensor, ...]:
    """What an entry consists of; the last one has a row for each row."""
    return tuple(values) if isinstance(values, Padded) else (values,)
