"""A result of two tensors with one shape: a state and a cell, a mean and a maximum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from xmodal_lab.workbook.exercises.form import Entries
from xmodal_lab.workbook.kit.attempt import Mistake, kind
from xmodal_lab.workbook.kit.compare import pair_in_words, same


@dataclass(frozen=True)
class Pair(Entries):
    """The result is a pair of tensors, compared as one array (2, …).

    Attributes:
        names: what they are called, in this order.
        if_other: asked where one of them is no tensor.
    """

    names: tuple[str, str] = ("the first", "the second")
    if_other: str = ""

    def joined(self, value) -> torch.Tensor:
        return torch.stack(tuple(value))

    def read(self, value) -> np.ndarray:
        both = f"({self.names[0]}, {self.names[1]})"
        if not isinstance(value, (tuple, list)):
            raise Mistake(f"the result should be the pair {both}, yours is {kind(value)}.")
        if len(value) != 2:
            raise Mistake(f"the result should be the pair {both}, yours has length {len(value)}.")
        for name, part in zip(self.names, value, strict=True):
            if not isinstance(part, torch.Tensor):
                said = f"{name} should be a tensor, yours is {kind(part)}. {self.if_other}"
                raise Mistake(said.strip())
        shapes = [list(part.shape) for part in value]
        if shapes[0] != shapes[1]:
            raise Mistake(
                f"{self.names[0]} and {self.names[1]} should have one shape, yours have "
                f"{shapes[0]} and {shapes[1]}. {self.if_shape}".strip()
            )
        return self.joined(value).detach().cpu().numpy()

    def difference(self, what: str, wanted: np.ndarray, got: np.ndarray) -> tuple[str, str]:
        if got.shape != wanted.shape:
            right, yours = list(wanted.shape[1:]), list(got.shape[1:])
            both = f"{self.names[0]} and {self.names[1]}"
            return f"the shape of {both} should be {right}, yours is {yours}.", self.if_shape
        place = tuple(int(i) for i in np.argwhere(~same(got, wanted))[0])
        right, yours = pair_in_words(wanted[place], got[place])
        entry = f"entry {list(place[1:])} of {self.names[place[0]]}"
        return f"{what}: {entry} should be {right}, yours is {yours}.", ""
