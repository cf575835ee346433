"""Cross-attention: one modality asks, the others are looked at."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.batch import Padded
from xmodal_lab.fusion.attention import MultiHeadAttention, blank

States = Padded | Mapping[str, Padded]


class CrossAttentionFusion(nn.Module):
    """A question looks at the places of a picture, or each of its words does.

        f = norm( W q + attention(W q, states) )

    The states of several modalities stand side by side, and one softmax goes over all places.
    A row whose modality has length 0 lacks it. The order of places never counts: what should know
    where it is must carry its position.

    Args:
        query_dim: of the question, or of each word.
        state_dim: of the states, or by modality.
        dim: of what comes out; a multiple of ``heads``.
        heads: of attention.

    Attributes:
        output_dim: ``dim``.

    Source: Bahdanau et al. 2015 (a decoder asks); Vaswani et al. 2017 (this form).
    """

    def __init__(
        self, query_dim: int, state_dim: int | Mapping[str, int], dim: int, heads: int = 1
    ) -> None:
        super().__init__()
        dims = {"": state_dim} if isinstance(state_dim, int) else state_dim
        self.output_dim = dim
        self.question = nn.Linear(query_dim, dim)
        self.places = nn.ModuleDict({f"of {m}": nn.Linear(d, dim) for m, d in dims.items()})
        self.attention, self.norm = MultiHeadAttention(dim, heads), nn.LayerNorm(dim)

    def forward(
        self, query: Float[Tensor, "batch query_dim"] | Padded, states: States
    ) -> Float[Tensor, "batch dim"] | Padded:
        """One vector a row, or one a word where the words ask.

        Raises:
            ValueError: for a row without any place to look at, or a modality that is not known.
        """
        asked, attended, _ = self._looked(query, states)
        fused = self.norm(asked + attended)
        return Padded(fused, query.lengths) if isinstance(query, Padded) else fused[:, 0]

    def weights(
        self, query: Float[Tensor, "batch query_dim"] | Padded, states: States
    ) -> dict[str, Float[Tensor, "batch heads queries places"]]:
        """Where each query looks, by modality; over all modalities the weights sum to 1.

        A single name '' where the states were given without names.

        Raises:
            ValueError: as ``forward`` does.
        """
        *_, weights = self._looked(query, states)
        named = _named(states)
        names = [name for name in self._names if name in named]
        widths = [named[name].values.shape[1] for name in names]
        return dict(zip(names, weights.split(widths, dim=-1), strict=True))

    @property
    def _names(self) -> list[str]:
        return [name.removeprefix("of ") for name in self.places]

    def _looked(self, query: Tensor | Padded, states: States) -> tuple[Tensor, Tensor, Tensor]:
        named = _named(states)
        if strange := named.keys() - set(self._names):
            raise ValueError(f"no such modality here: {sorted(strange)}; known: {self._names}")
        if not named:
            raise ValueError(f"there is nothing to look at: give one of {self._names}")
        places, masks = [], []
        for name in self._names:
            if name in named:
                mask = named[name].mask
                places.append(self.places[f"of {name}"](blank(named[name].values, mask)))
                masks.append(mask)
        asks = blank(query.values, query.mask) if isinstance(query, Padded) else query[:, None]
        asked = self.question(asks)
        return asked, *self.attention(asked, torch.cat(places, 1), torch.cat(masks, 1))


def _named(states: States) -> dict[str, Padded]:
    return {"": states} if isinstance(states, Padded) else dict(states)
