"""How many places agree: gates that are added up, where a softmax would share out."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.batch import Padded

# A gate's bias at the start: of 64 cells about three open, as many as a picture has things.
SHUT = -3.0


class Tally(nn.Module):
    """A question opens gates at places, each place for itself, and counts what is open.

        n_g = Σ_j σ( w_g(q) · s_j / √d + b_g(q) )

    The weights of a softmax sum to 1 whether one star is there or four, so that what they read is a
    mean, and a mean does not know of how many. A sum does.

    Shapes: query (batch, query_dim) and states (batch, places, state_dim) → (batch, gates).

    Args:
        query_dim: size of the question's vector.
        state_dim: size of a place's.
        gates: how many counts.

    Source: sums and not means tell multisets apart, Xu et al. 2019 (how powerful are graph
    networks?); for counting in pictures, Zhang et al. 2018 (learning to count objects).
    """

    def __init__(self, query_dim: int, state_dim: int, gates: int = 8) -> None:
        super().__init__()
        self.output_dim = gates
        self.ask = nn.Linear(query_dim, gates * (state_dim + 1))

    def open(
        self, query: Float[Tensor, "batch query_dim"], states: Padded
    ) -> Float[Tensor, "batch gates places"]:
        """How far each gate is open at each place, 0 to 1; 0 where a place is padding."""
        asked = self.ask(query).unflatten(1, (self.output_dim, -1))
        weights, bias = asked[..., 1:], asked[..., :1] + SHUT
        places = states.values.to(query.dtype).masked_fill(~states.mask[:, :, None], 0)
        scores = torch.einsum("bgd,bjd->bgj", weights, places) / math.sqrt(places.shape[2]) + bias
        return scores.sigmoid() * states.mask[:, None]

    def forward(
        self, query: Float[Tensor, "batch query_dim"], states: Padded
    ) -> Float[Tensor, "batch gates"]:
        return self.open(query, states).sum(2)
