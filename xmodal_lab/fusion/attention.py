"""Attention, written out: a query looks at keys, and takes a mean of what stands at them.

A mask is True where a query may look. What stands at keys that nobody may look at never matters,
neither in a value nor in a gradient: not even NaN.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

Attended = tuple[Float[Tensor, "... queries value"], Float[Tensor, "... queries keys"]]


def scaled_dot_product_attention(
    q: Float[Tensor, "... queries dim"],
    k: Float[Tensor, "... keys dim"],
    v: Float[Tensor, "... keys value"],
    mask: Bool[Tensor, "..."] | None = None,
) -> Attended:
    """Every query takes the mean of the values, weighted by how well their keys fit.

        weights = softmax_keys( q kᵀ / √dim ),   out = weights v

    Without √dim scores of random vectors would spread as far as √dim, and the softmax would choose
    one key alone before anything is learned. Equal to ``F.scaled_dot_product_attention``, which
    does not give the weights and is faster.

    Args:
        q: queries.
        k: keys.
        v: values, one a key.
        mask: (…, queries, keys) or what broadcasts to it; True where a query may look.

    Returns:
        What each query found, and its weights; these sum to 1.

    Raises:
        ValueError: where a query has nothing to look at, with the number of its row.

    Source: Vaswani et al. 2017.
    """
    if mask is None:
        mask = torch.ones(1, k.shape[-2], dtype=torch.bool, device=k.device)
    mask = mask.expand(*mask.shape[:-1], k.shape[-2])
    check_something_to_see(mask)
    # Before anything is multiplied: 0 times NaN is NaN, in the gradient too.
    seen = mask.any(-2)[..., None]
    k, v = k.where(seen, 0), v.where(seen, 0)
    # First the root, then the product, and the softmax in 32 bits: halves end at 65,504.
    scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(-1, -2)
    weights = scores.float().masked_fill(~mask, -torch.inf).softmax(-1).to(v.dtype)
    return weights @ v, weights


class ScaledDotProductAttention(nn.Module):
    """``scaled_dot_product_attention`` as a layer, without parameters."""

    def forward(
        self,
        q: Float[Tensor, "... queries dim"],
        k: Float[Tensor, "... keys dim"],
        v: Float[Tensor, "... keys value"],
        mask: Bool[Tensor, "..."] | None = None,
    ) -> Attended:
        return scaled_dot_product_attention(q, k, v, mask)


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each in a part of the dimensions of its own.

        out = W_o [head_1; …; head_h],   head_i = attention(W_q,i x, W_k,i c, W_v,i c)

    Equal to ``nn.MultiheadAttention`` with the same weights (there W_q, W_k and W_v are one block).

    Args:
        dim: of queries and of what comes out; a multiple of ``heads``.
        heads: how many.
        context_dim: of what is looked at; ``dim`` unless given.

    Raises:
        ValueError: where the heads cannot share the dimensions out.

    Source: Vaswani et al. 2017.
    """

    def __init__(self, dim: int, heads: int, context_dim: int | None = None) -> None:
        super().__init__()
        if heads < 1 or dim % heads:
            raise ValueError(f"{dim} dimensions cannot be shared out to {heads} heads evenly")
        self.heads, context_dim = heads, dim if context_dim is None else context_dim
        self.query, self.output = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.key, self.value = nn.Linear(context_dim, dim), nn.Linear(context_dim, dim)

    def forward(
        self,
        x: Float[Tensor, "batch queries dim"],
        context: Float[Tensor, "batch keys context_dim"] | None = None,
        mask: Bool[Tensor, "batch keys"] | Bool[Tensor, "batch queries keys"] | None = None,
    ) -> tuple[Float[Tensor, "batch queries dim"], Float[Tensor, "batch heads queries keys"]]:
        """What every query found, and each head's weights.

        Args:
            x: asks; looks at itself where there is no context.
            context: is looked at.
            mask: which keys are real, or which of them each query may look at.

        Raises:
            ValueError: where a query has nothing to look at, with the number of its row.
        """
        looked_at = x if context is None else context
        if mask is not None:
            mask = mask[:, None] if mask.ndim == 2 else mask
            looked_at = blank(looked_at, mask.any(1))
            x = looked_at if context is None else x
            mask = mask[:, None]  # the same for all heads
        q = split_heads(self.query(x), self.heads)
        k = split_heads(self.key(looked_at), self.heads)
        v = split_heads(self.value(looked_at), self.heads)
        found, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.output(found.transpose(1, 2).flatten(2)), weights


def split_heads(
    x: Float[Tensor, "batch tokens dim"], heads: int
) -> Float[Tensor, "batch heads tokens part"]:
    """Cut every vector into equal parts, one a head: head i gets the i-th dim/heads numbers."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def blank(
    values: Float[Tensor, "batch tokens dim"], mask: Bool[Tensor, "batch tokens"]
) -> Float[Tensor, "batch tokens dim"]:
    """0 at padding, whatever stood there: 0 tokenss NaN is NaN, in the gradient of a weight too."""
    return values.where(mask[..., None], 0)


def check_something_to_see(mask: Bool[Tensor, "... keys"]) -> None:
    """Every query may look at one key at least: a softmax over nothing would be NaN.

    Raises:
        ValueError: with the number of the first row where a query may not.
    """
    blind = ~mask.any(-1)
    if blind.any():
        row = blind.nonzero()[0].tolist()[0] if blind.ndim else 0
        raise ValueError(
            f"row {row} has nothing to look at: its mask is False for all {mask.shape[-1]} keys. "
            "Leave the row out, or give it a token that is always there, such as [CLS]"
        )
