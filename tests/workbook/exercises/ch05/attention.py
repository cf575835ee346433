"""Answers to `attention` as people write them, and what they are told."""

import math

import torch
from torch import nn
from torch.nn import functional


def by_einsum(queries, keys, values, mask):
    scores = torch.einsum("bqd,bkd->bqk", queries, keys) * queries.shape[-1] ** -0.5
    weights = torch.softmax(torch.where(mask[:, None, :], scores, float("-inf")), -1)
    return torch.einsum("bqk,bke->bqe", weights, torch.where(mask[..., None], values, 0.0))


def by_rows(queries, keys, values, mask):
    rows = []
    for q, k, v, seen in zip(queries, keys, values, mask, strict=True):
        weights = torch.softmax(q @ k[seen].T / math.sqrt(q.shape[1]), dim=1)
        rows.append(weights @ v[seen])
    return torch.stack(rows)


def by_queries(queries, keys, values, mask):
    out = queries.new_empty(*queries.shape[:2], values.shape[2])
    for row in range(len(queries)):
        k, v = keys[row, mask[row]], values[row, mask[row]]
        for place, q in enumerate(queries[row]):
            scores = (k * q).sum(1) / len(q) ** 0.5
            terms = (scores - scores.max()).exp()
            out[row, place] = (terms[:, None] * v).sum(0) / terms.sum()
    return out


def by_lowest(queries, keys, values, mask):
    lowest = torch.finfo(queries.dtype).min
    scores = torch.bmm(queries / math.sqrt(queries.shape[2]), keys.transpose(1, 2))
    weights = scores.masked_fill(~mask.unsqueeze(1), lowest).softmax(-1)
    return torch.bmm(weights, values.masked_fill(~mask.unsqueeze(2), 0))


def of_torch(queries, keys, values, mask):
    values = values.masked_fill(~mask[..., None], 0)
    keys = keys.masked_fill(~mask[..., None], 0)
    return functional.scaled_dot_product_attention(queries, keys, values, mask[:, None])


def of_torch_with_heads(queries, keys, values, mask):
    hide = ~mask[..., None]
    q, k, v = (
        x[:, None] for x in (queries, keys.masked_fill(hide, 0), values.masked_fill(hide, 0))
    )
    return nn.functional.scaled_dot_product_attention(q, k, v, mask[:, None, None])[:, 0]


def general(queries, keys, values, mask, divide=math.sqrt, fill=-math.inf, axis=-1):
    scores = queries @ keys.transpose(-2, -1) / divide(queries.size(-1))
    scores = scores.masked_fill(mask[:, None, :].logical_not(), fill)
    return scores.softmax(axis) @ values.masked_fill(~mask[..., None], 0)


def unscaled(queries, keys, values, mask):
    return general(queries, keys, values, mask, divide=lambda d: 1)


def by_d(queries, keys, values, mask):
    return general(queries, keys, values, mask, divide=float)


def by_value_dim(queries, keys, values, mask):
    return general(queries, keys, values, mask, divide=lambda d: values.size(-1) ** 0.5)


def by_eight(queries, keys, values, mask):
    return general(queries, keys, values, mask, divide=lambda d: 8.0)


def along_queries(queries, keys, values, mask):
    return general(queries, keys, values, mask, fill=-1e30, axis=1)


def along_rows(queries, keys, values, mask):
    return general(queries, keys, values, mask, fill=-1e30, axis=0)


def swapped(queries, keys, values, mask):
    scores = keys @ queries.transpose(1, 2) / queries.size(-1) ** 0.5
    return scores.masked_fill(~mask[:, None], -math.inf).softmax(-1) @ values


def deaf(queries, keys, values, mask):
    return general(queries, keys, values, torch.ones_like(mask))


def turned_mask(queries, keys, values, mask):
    scores = queries @ keys.mT / queries.size(-1) ** 0.5
    return scores.masked_fill(mask[:, None], -1e30).softmax(-1) @ values


def ones_and_zeros(queries, keys, values, mask):
    scores = queries @ keys.mT / queries.size(-1) ** 0.5 + mask[:, None].float()
    return scores.softmax(-1) @ values


def zero_scores(queries, keys, values, mask):
    scores = queries @ keys.mT / queries.size(-1) ** 0.5
    return scores.masked_fill(~mask[:, None], 0).softmax(-1) @ values


def masked_after(queries, keys, values, mask):
    weights = (queries @ keys.mT / queries.size(-1) ** 0.5).softmax(-1)
    return torch.where(mask[:, None], weights, 0) @ values


def masked_after_and_shared(queries, keys, values, mask):
    weights = (queries @ keys.mT / queries.size(-1) ** 0.5).softmax(-1)
    weights = torch.where(mask[:, None], weights, 0)
    return weights / weights.sum(-1, keepdim=True) @ values.masked_fill(~mask[..., None], 0)


def minus_1e9(queries, keys, values, mask):
    return general(queries, keys, values, mask, fill=-1e9)


def minus_20(queries, keys, values, mask):
    return general(queries, keys, values, mask, fill=-20)


def minus_1e4(queries, keys, values, mask):
    return general(queries, keys, values, mask, fill=-1e4)


def by_exp(queries, keys, values, mask):
    terms = (queries @ keys.mT / queries.size(-1) ** 0.5).exp() * mask[:, None]
    return terms / terms.sum(-1, keepdim=True) @ values.masked_fill(~mask[..., None], 0)


def leaks(queries, keys, values, mask):
    scores = torch.where(mask[:, None], queries @ keys.mT / queries.size(-1) ** 0.5, -math.inf)
    return scores.softmax(-1) @ values


def mask_times_values(queries, keys, values, mask):
    scores = torch.where(mask[:, None], queries @ keys.mT / queries.size(-1) ** 0.5, -math.inf)
    return scores.softmax(-1) @ (values * mask[..., None])


def first_row(queries, keys, values, mask):
    return by_rows(queries[:1], keys[:1], values[:1], mask[:1]).repeat(len(queries), 1, 1)


def last_row_of_one(queries, keys, values, mask):
    return by_rows(queries, keys, values, mask).squeeze()


def sixteen_keys(queries, keys, values, mask):
    return by_rows(queries, keys[:, :16], values[:, :16], mask[:, :16])


def float32(queries, keys, values, mask):
    return by_rows(queries.float(), keys.float(), values.float(), mask)


def half_in_float32(queries, keys, values, mask):
    scores = torch.zeros(*queries.shape[:2], keys.shape[1])
    scores[:] = queries @ keys.mT / queries.size(-1) ** 0.5
    weights = scores.masked_fill(~mask[:, None], -math.inf).softmax(-1)
    return weights @ values.masked_fill(~mask[..., None], 0)


def weights_only(queries, keys, values, mask):
    scores = queries @ keys.mT / queries.size(-1) ** 0.5
    return scores.masked_fill(~mask[:, None], -math.inf).softmax(-1)


def keys_collected(queries, keys, values, mask):
    return by_rows(queries, keys, keys, mask)


def into_keys(queries, keys, values, mask):
    keys[~mask], values[~mask] = 0, 0
    return general(queries, keys, values, mask)


def keys_detached(queries, keys, values, mask):
    return by_rows(queries, keys.detach(), values, mask)


def detached_weights(queries, keys, values, mask):
    return by_rows(queries.detach(), keys.detach(), values, mask)


RIGHT = by_einsum, by_rows, by_queries, by_lowest
WRONG = (
    (of_torch, "the result is right, but PyTorch's own scaled_dot_product_attention made it."),
    (of_torch_with_heads, "PyTorch's own scaled_dot_product_attention made it."),
    (unscaled, "Did you forget √d?"),
    (by_d, "Is the root missing?"),
    (by_value_dim, "That looks like √e."),
    (by_eight, "Scores queries @ keys.mT / √d"),
    (along_queries, "Is the softmax over the keys?"),
    (along_rows, "Is the softmax over the batch?"),
    (swapped, "Are queries and keys swapped?"),
    (deaf, "Did you use `mask`?"),
    (turned_mask, "Did you use `mask` the wrong way round?"),
    (ones_and_zeros, "Is the mask added as 1 and 0?"),
    (zero_scores, "Is the score of what is hidden 0?"),
    (masked_after, "Did you mask after the softmax?"),
    (masked_after_and_shared, "Is there a number too large or too small for exp?"),
    (minus_1e9, "−1e9 is none of them, −∞ is (-torch.inf)."),
    (minus_20, "not low enough? −∞ always is"),
    (minus_1e4, "not low enough? −∞ always is"),
    (by_exp, "Is there a number too large or too small for exp?"),
    (leaks, "NaN in hidden keys and values: entry"),
    (leaks, "A weight of 0 does not stop it, NaN · 0 is NaN"),
    (mask_times_values, "A weight of 0 does not stop it, NaN · 0 is NaN"),
    (first_row, "3 of everything: entry [1, 0, 0]"),
    (last_row_of_one, "the shape should be [1, 2, 2], yours is [2, 2]."),
    (sixteen_keys, "12 queries, 64 keys of 16 numbers: entry"),
    (float32, "These numbers are float64, and float32 is too coarse"),
    (half_in_float32, "These numbers are float16"),
    (weights_only, "Are those the weights?"),
    (keys_collected, "Did you collect keys?"),
    (into_keys, "changes its input `keys`"),
    (keys_detached, "the gradient of `keys` is not"),
    (detached_weights, "the gradient of `queries` is not"),
)
