"""What every encoder is: vectors at places, and one vector pooled from them."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.batch import Padded


class Encoder(nn.Module):
    """One modality's batch → one vector a row, with what was not pooled yet in reach.

        f(x) = pool(states(x))

    A map, an attention or a decoder asks for the states: a vector at every place, where a place is
    a word, a frame or a cell of a picture's grid. Padding never counts: the states at real places
    do not depend on it, and what stands at the other places means nothing.

    An encoder that people's own words reach has ``read(sentences) -> Padded`` too.

    Attributes:
        output_dim: size of the pooled vector.
        config: arguments that make an encoder of the same shape, ``type(encoder)(**config)``; JSON
            can hold them.
        grid: (lines, columns) where the places are cells of a picture, counted line by line.
        frozen: True where the weights come from elsewhere, found again by ``config``, and do not
            learn: checkpoints leave them out.

    Source: ``forward_features`` and ``forward_head`` of timm's models, Wightman 2019.
    """

    output_dim: int
    config: dict[str, Any]
    grid: tuple[int, int] | None = None
    frozen: bool = False

    def states(self, x: Tensor | Padded) -> Padded:
        """Vectors (batch, places, dim) with the number of real places in each row."""
        raise NotImplementedError(f"{type(self).__name__} has no states(x)")

    def pool(self, states: Padded) -> Float[Tensor, "batch output_dim"]:
        """One vector from those of the real places."""
        raise NotImplementedError(f"{type(self).__name__} has no pool(states)")

    def forward(self, x: Tensor | Padded) -> Float[Tensor, "batch output_dim"]:
        return self.pool(self.states(x))
