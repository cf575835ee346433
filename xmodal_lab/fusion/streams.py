"""The two classic architectures for pictures with words, in miniature.

Single-stream: all tokens in one sequence, and everybody looks at everybody from the first layer.
Two-stream: each modality has a transformer of its own, and cross-attention lets it look across.

Both take the tokens of any of their modalities. A modality that is missing is absent, or has
length 0 in a row; zeros would look like data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from xmodal_lab.batch import Padded
from xmodal_lab.fusion.tokens import (
    SPREAD,
    Fused,
    Places,
    TokenEmbedding,
    Tokens,
    parted,
    side_by_side,
)
from xmodal_lab.fusion.transformer import TransformerBlock

Norm = Literal["before", "after"]


class SingleStream(nn.Module):
    """One transformer over [CLS] and the tokens of all modalities.

    Args:
        dims: modality → size of its vectors.
        dim: size of a token; a multiple of ``heads``.
        layers: how many blocks.
        heads: of each attention.
        places: modality → most tokens, or (lines, columns); see ``TokenEmbedding``.
        hidden: width inside the feed-forward parts; 4 · dim unless given.
        norm: 'before' or 'after', see ``TransformerBlock``.

    Attributes:
        output_dim: ``dim``.

    Source: VisualBERT, Li et al. 2019.
    """

    def __init__(
        self,
        dims: Mapping[str, int],
        dim: int,
        layers: int,
        heads: int,
        places: Places | None = None,
        hidden: int | None = None,
        norm: Norm = "before",
    ) -> None:
        super().__init__()
        self.output_dim = dim
        self.tokens = TokenEmbedding(dims, dim, places)
        self.cls = nn.Parameter(torch.randn(1, 1, dim) * SPREAD)
        self.blocks = nn.ModuleList(
            TransformerBlock(dim, heads, norm, hidden) for _ in range(layers)
        )
        self.norm = _last_norm(norm, dim)

    def forward(self, tokens: Mapping[str, Padded]) -> Fused:
        """The summary is the state of [CLS], which is 'summary' among the weights' names.

        Raises:
            ValueError: see ``TokenEmbedding``.
        """
        embedded = self.tokens(tokens)
        first = next(iter(embedded.values())).values
        embedded = {"summary": _always(self.cls, first)} | embedded
        (x, mask), trace = side_by_side(embedded), []
        for block in self.blocks:
            x, found = block(x, mask)
            rows = _split(found["self"], embedded, dim=2)
            trace.append(
                {k: w for asks, r in rows.items() for k, w in parted(r, asks, embedded).items()}
            )
        states = _split(self.norm(x), embedded, dim=1)
        summary = states.pop("summary")[:, 0]
        padded = {name: Padded(h, tokens[name].lengths) for name, h in states.items()}
        return Fused(summary, padded, trace)


class TwoStream(nn.Module):
    """A transformer for each modality; in the upper layers each looks at the others first.

    A stream begins with a token of its own, which stands for it in a row where the modality is
    missing. The summary is the mean of these tokens' last states.

    Args:
        dims: modality → size of its vectors; two or more.
        dim: size of a token; a multiple of ``heads``.
        layers: how many blocks with cross-attention each stream has.
        heads: of each attention.
        places: modality → most tokens, or (lines, columns); see ``TokenEmbedding``.
        hidden: width inside the feed-forward parts; 4 · dim unless given.
        norm: 'before' or 'after', see ``TransformerBlock``.
        own: modality → how many blocks it has for itself before; 0 unless named.

    Attributes:
        output_dim: ``dim``.

    Raises:
        ValueError: for fewer modalities than two.

    Source: LXMERT, Tan and Bansal 2019; a token for each stream as in ViLBERT, Lu et al. 2019.
    """

    def __init__(
        self,
        dims: Mapping[str, int],
        dim: int,
        layers: int,
        heads: int,
        places: Places | None = None,
        hidden: int | None = None,
        norm: Norm = "before",
        own: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        if len(dims) < 2:
            raise ValueError(f"streams look across: expected two or more, got {list(dims)}")
        self.output_dim, self.names = dim, tuple(dims)
        self.tokens = TokenEmbedding(dims, dim, places)
        self.first = nn.Parameter(torch.randn(len(dims), 1, 1, dim) * SPREAD)

        def blocks(number: int, cross: bool) -> nn.ModuleList:
            made = (TransformerBlock(dim, heads, norm, hidden, cross) for _ in range(number))
            return nn.ModuleList(made)

        self.own = nn.ModuleList(blocks((own or {}).get(name, 0), False) for name in dims)
        self.across = nn.ModuleList(blocks(layers, True) for _ in dims)
        self.norms = nn.ModuleList(_last_norm(norm, dim) for _ in dims)

    def forward(self, tokens: Mapping[str, Padded]) -> Fused:
        """Among the weights the first token of every stream is the stream's own.

        Layers of one stream alone come first; then those in which all look across.

        Raises:
            ValueError: see ``TokenEmbedding``.
        """
        streams, trace = self._streams(tokens), []
        for index, name in enumerate(self.names):
            for block in self.own[index]:
                x, found = block(*streams[name])
                trace.append({(name, name): found["self"]})
                streams[name] = Tokens(x, streams[name].mask)
        for blocks in zip(*self.across, strict=True):
            streams, weights = self._across(blocks, streams)
            trace.append(weights)
        last = {
            name: norm(streams[name].values)
            for name, norm in zip(self.names, self.norms, strict=True)
        }
        summary = torch.stack([states[:, 0] for states in last.values()]).mean(0)
        states = {
            name: Padded(last[name][:, 1:], tokens[name].lengths)
            for name in self.names
            if name in tokens
        }
        return Fused(summary, states, trace)

    def _streams(self, tokens: Mapping[str, Padded]) -> dict[str, Tokens]:
        embedded = self.tokens(tokens)
        like = next(iter(embedded.values())).values
        streams = {}
        for name, first in zip(self.names, self.first, strict=True):
            parts = {"first": _always(first, like)}
            if name in embedded:
                parts["rest"] = embedded[name]
            streams[name] = side_by_side(parts)
        return streams

    def _across(self, blocks, streams: dict[str, Tokens]) -> tuple[dict[str, Tokens], dict]:
        """One layer: all streams look at what the others were before it."""
        after, weights = {}, {}
        for name, block in zip(self.names, blocks, strict=True):
            others = {other: streams[other] for other in self.names if other != name}
            x, found = block(*streams[name], *side_by_side(others))
            after[name] = Tokens(x, streams[name].mask)
            weights |= {(name, name): found["self"], **parted(found["cross"], name, others)}
        return after, weights


def _always(token: Tensor, like: Tensor) -> Tokens:
    """A token that every row has."""
    values = token.expand(len(like), 1, -1).to(like.dtype)
    return Tokens(values, torch.ones(len(like), 1, dtype=torch.bool, device=like.device))


def _split(x: Tensor, parts: Mapping[str, Tokens], dim: int) -> dict[str, Tensor]:
    widths = [part.mask.shape[1] for part in parts.values()]
    return dict(zip(parts, x.split(widths, dim=dim), strict=True))


def _last_norm(norm: Norm, dim: int) -> nn.Module:
    """Where the norm comes before, nothing has normalised what the last block added."""
    return nn.LayerNorm(dim) if norm == "before" else nn.Identity()
