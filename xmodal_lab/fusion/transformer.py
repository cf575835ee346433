"""A transformer's block, taken apart: look around, then think for yourself; twice a residual."""

from __future__ import annotations

from typing import Literal

from jaxtyping import Bool, Float
from torch import Tensor, nn

from xmodal_lab.fusion.attention import MultiHeadAttention, blank

Weights = dict[str, Float[Tensor, "batch heads tokens keys"]]


class TransformerBlock(nn.Module):
    """Every token looks at all tokens, and then passes a small network on its own.

        norm before:  h = x + attend(norm x),    y = h + feed(norm h)
        norm after:   h = norm(x + attend x),    y = norm(h + feed h)
        feed(h) = W_2 gelu(W_1 h)

    Equal to ``nn.TransformerEncoderLayer`` with the same weights and 'gelu'. With ``cross`` a token
    looks at a context first, in the same form, and then at its own sequence.

    Args:
        dim: size of a token; a multiple of ``heads``.
        heads: of attention.
        norm: 'before' leaves a way from end to beginning that no norm changes, and learns without
            a warm-up; 'after' is the first transformer's.
        hidden: width inside ``feed``; 4 · dim unless given.
        cross: True for a block that looks at a context, too.

    Raises:
        ValueError: for another ``norm``, or heads that cannot share the dimensions out.

    Source: Vaswani et al. 2017 (after); Xiong et al. 2020 (before); Tan and Bansal 2019 (the order
    cross, self, feed-forward).
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        norm: Literal["before", "after"] = "before",
        hidden: int | None = None,
        cross: bool = False,
    ) -> None:
        super().__init__()
        if norm not in ("before", "after"):
            raise ValueError(f"norm must be 'before' or 'after', got {norm!r}")
        self.norm, hidden = norm, hidden or 4 * dim
        self.cross = MultiHeadAttention(dim, heads) if cross else None
        self.attention = MultiHeadAttention(dim, heads)
        self.feed = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))
        self.cross_norm = nn.LayerNorm(dim) if cross else None
        self.attention_norm, self.feed_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(
        self,
        x: Float[Tensor, "batch tokens dim"],
        mask: Bool[Tensor, "batch tokens"] | None = None,
        context: Float[Tensor, "batch keys dim"] | None = None,
        context_mask: Bool[Tensor, "batch keys"] | None = None,
    ) -> tuple[Float[Tensor, "batch tokens dim"], Weights]:
        """The tokens' new states, and the weights of 'self' and 'cross'.

        Args:
            x: tokens.
            mask: True where a token is real; what comes out elsewhere means nothing.
            context: what a block with ``cross`` looks at.
            context_mask: True where it is real.

        Raises:
            ValueError: where a row has nothing to look at, or a context is missing or too much.
        """
        if (context is None) != (self.cross is None):
            wants = "no context" if self.cross is None else "a context"
            raise ValueError(f"this block was built to look at {wants}: see its argument cross")
        if mask is not None:
            x = blank(x, mask)
        weights = {}
        if context is not None:
            x, weights["cross"] = self._around(
                x, self.cross_norm, lambda h: self.cross(h, context, context_mask)
            )
        x, weights["self"] = self._around(
            x, self.attention_norm, lambda h: self.attention(h, mask=mask)
        )
        x, _ = self._around(x, self.feed_norm, lambda h: (self.feed(h), None))
        return x, weights

    def _around(self, x: Tensor, norm: nn.LayerNorm, change) -> tuple[Tensor, Tensor | None]:
        """A residual around a change, with the norm where it belongs."""
        if self.norm == "before":
            changed, weights = change(norm(x))
            return x + changed, weights
        changed, weights = change(x)
        return norm(x + changed), weights
