"""Words, cells of a picture and frames of sound become tokens of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from xmodal_lab.batch import Padded
from xmodal_lab.fusion.attention import blank

Places = Mapping[str, int | tuple[int, int]]


class Fused(NamedTuple):
    """What a transformer over several modalities gives.

    Attributes:
        summary: one vector a row (batch, dim).
        states: by modality, the tokens in the last layer (batch, tokens, dim).
        weights: for each layer, (who asks, who is looked at) → (batch, heads, asking, looked at);
            a query's weights sum to 1 over all that it looks at in one softmax.
    """

    summary: Tensor
    states: dict[str, Padded]
    weights: list[dict[tuple[str, str], Tensor]]


class Tokens(NamedTuple):
    """Some tokens side by side: values (batch, tokens, dim), and True where one is real."""

    values: Float[Tensor, "batch tokens dim"]
    mask: Bool[Tensor, "batch tokens"]


class TokenEmbedding(nn.Module):
    """Vectors of several modalities → tokens that know what they are and where they stand.

        token = W_m x + m + position

    Args:
        dims: modality → size of its vectors.
        dim: size of a token.
        places: modality → most tokens of a sequence, or (lines, columns) of a grid whose cells
            come line by line; a modality that is not named is a set, without positions.

    Source: segment and position embeddings, Devlin et al. 2019; of pictures, Li et al. 2019.
    """

    def __init__(self, dims: Mapping[str, int], dim: int, places: Places | None = None) -> None:
        super().__init__()
        self.names = tuple(dims)
        self.project = nn.ModuleList(nn.Linear(dims[name], dim) for name in self.names)
        self.modality = nn.Parameter(torch.randn(len(dims), dim) * SPREAD)
        self.positions = nn.ModuleDict()
        for name, number in (places or {}).items():
            if name not in dims:
                raise ValueError(f"places of {name!r}, but the modalities are {self.names}")
            kind = Line(number, dim) if isinstance(number, int) else Grid(*number, dim)
            self.positions[f"of {name}"] = kind

    def forward(self, tokens: Mapping[str, Padded]) -> dict[str, Tokens]:
        """Of the modalities that are there, in the order of ``dims``.

        Raises:
            ValueError: for a modality that is not known, more tokens than places, or a row that
                has nothing at all, with its number.
        """
        if strange := tokens.keys() - set(self.names):
            raise ValueError(f"no such modality here: {sorted(strange)}; known: {self.names}")
        if not tokens:
            raise ValueError(f"there are no tokens: give at least one of {self.names}")
        empty = sum(one.lengths for one in tokens.values()) == 0
        if empty.any():
            row = empty.nonzero()[0].item()
            raise ValueError(f"row {row} has no token of any modality: leave the row out")
        made = {}
        for index, name in enumerate(self.names):
            if name in tokens:
                values, mask = tokens[name].values, tokens[name].mask
                x = self.project[index](blank(values, mask)) + self.modality[index]
                place = f"of {name}"
                if place in self.positions:
                    x = x + self.positions[place](x.shape[1])
                made[name] = Tokens(x, mask)
        return made


# Of first embeddings. BERT's 0.02 suits vectors of 768 numbers; with 64 attention begins blind.
SPREAD = 0.1


class Line(nn.Module):
    """A learned vector for every place of a sequence."""

    def __init__(self, longest: int, dim: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(longest, dim) * SPREAD)

    def forward(self, tokens: int) -> Float[Tensor, "tokens dim"]:
        """Those of the first places.

        Raises:
            ValueError: for more tokens than there are places.
        """
        if tokens > len(self.places):
            raise ValueError(
                f"a sequence has {tokens} tokens, but there are {len(self.places)} places: "
                "shorten it, or build the model with more"
            )
        return self.places[:tokens]


class Grid(nn.Module):
    """Places of a grid, line by line: a learned vector for the line plus one for the column."""

    def __init__(self, lines: int, columns: int, dim: int) -> None:
        super().__init__()
        self.lines, self.columns = Line(lines, dim), Line(columns, dim)

    def forward(self, tokens: int) -> Float[Tensor, "tokens dim"]:
        """Those of all cells.

        Raises:
            ValueError: for another number of tokens than cells.
        """
        places = (self.lines.places[:, None] + self.columns.places[None]).flatten(0, 1)
        if tokens != len(places):
            shape = f"{len(self.lines.places)} × {len(self.columns.places)}"
            raise ValueError(f"expected the {len(places)} cells of a {shape} grid, got {tokens}")
        return places


def side_by_side(tokens: Mapping[str, Tokens]) -> Tokens:
    """One sequence of all."""
    values, masks = zip(*tokens.values(), strict=True)
    return Tokens(torch.cat(values, 1), torch.cat(masks, 1))


def merge_neighbours(cells: Padded, grid: tuple[int, int]) -> Padded:
    """Every 2 × 2 cells of a grid become one with their vectors behind each other.

    Shapes: (batch, lines · columns, dim) → (batch, lines/2 · columns/2, 4 · dim). A quarter of the
    tokens: a sixteenth of the pairs that attention compares.

    Raises:
        ValueError: for a grid of odd sides, or another number of cells.

    Source: patch merging, Liu et al. 2021 (Swin).
    """
    (lines, columns), (batch, found, dim) = grid, cells.values.shape
    if lines % 2 or columns % 2 or found != lines * columns:
        raise ValueError(f"expected the cells of a grid of even sides, got {found} for {grid}")
    squares = cells.values.reshape(batch, lines // 2, 2, columns // 2, 2, dim)
    merged = squares.transpose(2, 3).reshape(batch, found // 4, 4 * dim)
    return Padded(merged, cells.lengths // 4)


def parted(
    weights: Float[Tensor, "batch heads asking keys"], asks: str, seen: Mapping[str, Tokens]
) -> dict[tuple[str, str], Tensor]:
    """One query's weights by what was looked at."""
    widths = [tokens.mask.shape[1] for tokens in seen.values()]
    shares = weights.split(widths, dim=-1)
    return {(asks, name): share for name, share in zip(seen, shares, strict=True)}
