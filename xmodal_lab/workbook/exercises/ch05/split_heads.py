"""Exercise `split_heads`: one wide row of numbers becomes several narrow ones."""

from __future__ import annotations

import numpy as np
import torch

from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception


def split_heads(x, heads):
    """x (batch, tokens, dim) → (batch, heads, tokens, dim / heads); head 0 gets the first part."""
    return x.unflatten(2, (heads, -1)).transpose(1, 2)


def oracle(x, heads):
    """Number by number."""
    batch, tokens, dim = x.shape
    each = dim // heads
    split = np.zeros((batch, heads, tokens, each))
    for row, token, place in np.ndindex(batch, tokens, dim):
        split[row, place // each, token, place % each] = x[row, token, place]
    return split


def cases():
    random = torch.Generator().manual_seed(53)
    for batch, tokens, dim, heads in (
        (2, 6, 9, 3),
        (2, 5, 6, 2),
        (3, 4, 8, 4),
        (1, 7, 10, 2),
        (2, 3, 9, 3),
        (3, 3, 3, 3),
        (2, 4, 5, 1),
        (4, 1, 6, 2),
        (3, 12, 64, 8),
    ):
        x = torch.randn(batch, tokens, dim, generator=random)
        what = f"{batch} rows, {tokens} tokens of {dim} numbers, {heads} heads"
        what = what.replace("1 rows", "1 row").replace("1 tokens", "1 token")
        yield Case((x, heads), what.replace(" 1 heads", " 1 head"))


def each_its_turn(x, heads):
    """Number 0 for head 0, number 1 for head 1, and so on in turn."""
    return x.unflatten(2, (-1, heads)).permute(0, 3, 1, 2)


CUT = (
    "Did you reshape straight to the result? That cuts the row of tokens, not each token: first "
    "(batch, tokens, heads, dim / heads), then swap two axes."
)
SWAP = "Are heads and tokens still to be swapped? transpose(1, 2)."

MISCONCEPTIONS = (
    Misconception(CUT, lambda x, heads: x.reshape(len(x), heads, x.shape[1], -1)),
    Misconception(SWAP, lambda x, heads: x.unflatten(2, (heads, -1))),
    Misconception(
        "Does head 0 get every second, third … number? It gets the first dim / heads in a row.",
        each_its_turn,
    ),
    Misconception(
        "Does head 0 get every second, third … number? It gets the first dim / heads in a row.",
        lambda x, heads: x.unflatten(2, (-1, heads)),
    ),
    Misconception(
        "Are the last two axes swapped? First the tokens, then the numbers of each.",
        lambda x, heads: x.unflatten(2, (heads, -1)).permute(0, 2, 3, 1),
    ),
    Misconception(
        "Are there `heads` numbers in each head? Each has dim / heads of them.",
        lambda x, heads: split_heads(x, x.shape[2] // heads),
    ),
    Misconception(
        "Do heads come before the batch? (batch, heads, tokens, dim / heads).",
        lambda x, heads: torch.stack(x.chunk(heads, dim=2)),
    ),
    Misconception(
        "Are the heads in reverse order?", lambda x, heads: split_heads(x, heads).flip(1)
    ),
    Misconception(
        "Does each head get everything? It gets its own part of each token.",
        lambda x, heads: x[:, None].expand(-1, heads, -1, -1),
    ),
    Misconception(
        "Does each head get some of the tokens? Each sees all tokens, and a part of each.",
        lambda x, heads: torch.stack(x.chunk(heads, dim=1), 1),
    ),
)

EXERCISE = Exercise(
    reference=split_heads,
    oracle=oracle,
    cases=cases,
    result=Entries(if_shape="The axes are (batch, heads, tokens, dim / heads)."),
    misconceptions=MISCONCEPTIONS,
    advice="First (batch, tokens, heads, dim / heads), then swap the two axes in the middle.",
    praise="equal to an explicit loop on 9 batches of tokens",
    gradient=("x",),
    at_size=AtSize(lambda: (torch.randn(32, 76, 64), 4), "32 rows of 76 tokens", calls=200),
)
