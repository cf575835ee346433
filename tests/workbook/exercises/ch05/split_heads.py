"""Answers to `split_heads` as people write them, and what they are told."""

import torch


def by_view(x, heads):
    batch, tokens, dim = x.shape
    return x.view(batch, tokens, heads, dim // heads).transpose(1, 2)


def by_chunks(x, heads):
    return torch.stack(x.chunk(heads, dim=-1), dim=1)


def by_slices(x, heads):
    each = x.shape[-1] // heads
    return torch.stack([x[..., h * each : (h + 1) * each] for h in range(heads)], 1)


def by_columns(x, heads):
    batch, tokens, dim = x.shape
    return x.mT.reshape(batch, heads, dim // heads, tokens).mT.contiguous()


def by_loops(x, heads):
    batch, tokens, dim = x.shape
    each = dim // heads
    split = x.new_empty(batch, heads, tokens, each)
    for head in range(heads):
        for place in range(each):
            split[:, head, :, place] = x[:, :, head * each + place]
    return split


def straight(x, heads):
    batch, tokens, dim = x.shape
    return x.view(batch, heads, tokens, dim // heads)


def no_swap(x, heads):
    return x.view(*x.shape[:2], heads, -1)


def in_turn(x, heads):
    return torch.stack([x[..., head::heads] for head in range(heads)], 1)


def last_swapped(x, heads):
    return by_chunks(x, heads).mT


def tokens_split(x, heads):
    return torch.stack(list(x.tensor_split(heads, 1)), 1)


def everything(x, heads):
    return x.unsqueeze(1).repeat(1, heads, 1, 1)


def heads_first(x, heads):
    return by_chunks(x, heads).transpose(0, 1)


def flat(x, heads):
    return by_chunks(x, heads).flatten(0, 1)


def two_heads(x, heads):
    return torch.stack([x[..., : x.shape[-1] // 2], x[..., -(x.shape[-1] // 2) :]], 1)


def three_numbers(x, heads):
    return x.unfold(2, 3, 3).transpose(1, 2)


def four_heads(x, heads):
    split = by_chunks(x, heads).clone()
    split[:, 4:] = 0
    return split


def as_a_list(x, heads):
    return list(x.chunk(heads, -1))


def detached(x, heads):
    return by_view(x.detach(), heads)


def backwards(x, heads):
    return by_chunks(x, heads).flip(1)


def rescaled(x, heads):
    x /= heads**0.5
    return by_view(x, heads)


RIGHT = by_view, by_chunks, by_slices, by_columns, by_loops
WRONG = (
    (straight, "Did you reshape straight to the result?"),
    (no_swap, "Are heads and tokens still to be swapped?"),
    (in_turn, "Does head 0 get every second, third … number?"),
    (last_swapped, "Are the last two axes swapped?"),
    (tokens_split, "Does each head get some of the tokens?"),
    (everything, "Does each head get everything?"),
    (heads_first, "Do heads come before the batch?"),
    (flat, "The axes are (batch, heads, tokens, dim / heads)."),
    (two_heads, "the shape should be [2, 3, 6, 3], yours is [2, 2, 6, 4]"),
    (three_numbers, "the shape should be [3, 4, 4, 2], yours is [3, 2, 4, 3]"),
    (four_heads, "8 heads: entry [0, 4, 0, 0]"),
    (as_a_list, "the result should be a tensor, yours is a list."),
    (detached, "no gradient flows back"),
    (backwards, "Are the heads in reverse order?"),
    (rescaled, "changes its input `x`"),
)
