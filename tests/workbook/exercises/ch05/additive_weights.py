"""Answers to `additive_weights` as people write them, and what they are told."""

import torch
from torch.nn import functional


def by_linear(states, present, W, b, v):
    scores = functional.linear(torch.tanh(functional.linear(states, W, b)), v[None])[..., 0]
    return torch.softmax(torch.where(present, scores, float("-inf")), dim=-1)


def by_einsum(states, present, W, b, v):
    hidden = torch.tanh(torch.einsum("bmd,hd->bmh", states, W) + b)
    scores = torch.einsum("bmh,h->bm", hidden, v).masked_fill(~present, -torch.inf)
    terms = (scores - scores.amax(1, keepdim=True)).exp()
    return terms / terms.sum(1, keepdim=True)


def by_rows(states, present, W, b, v):
    rows = []
    for row, there in zip(states, present, strict=True):
        weights = row.new_zeros(len(there))
        scores = torch.stack([torch.dot(v, torch.tanh(W @ s + b)) for s in row[there]])
        weights[there] = torch.softmax(scores, 0)
        rows.append(weights)
    return torch.stack(rows)


def by_lowest(states, present, W, b, v):
    scores = (torch.tanh(states @ W.T + b) * v).sum(-1)
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~present, lowest).softmax(-1) * present


def score(states, W, b, v):
    return torch.tanh(functional.linear(states, W, b)) @ v


def batch_axis(states, present, W, b, v):
    scores = score(states, W, b, v)
    scores[~present] = -1e30
    return functional.softmax(scores, dim=0) * present


def no_mask(states, present, W, b, v):
    return functional.softmax(score(states, W, b, v), -1)


def masked_late(states, present, W, b, v):
    return torch.where(present, no_mask(states, present, W, b, v), 0.0)


def masked_late_and_shared(states, present, W, b, v):
    weights = masked_late(states, present, W, b, v)
    return weights / (weights.sum(1, keepdim=True))


def absent_are_0_and_share(states, present, W, b, v):
    states = states.masked_fill(~present[..., None], 0)
    weights = masked_late(states, present, W, b, v)
    return weights / (weights.sum(1, keepdim=True) + 1e-12)


def mask_added(states, present, W, b, v):
    return functional.softmax(score(states, W, b, v) + present.to(states.dtype), -1)


def mask_multiplied(states, present, W, b, v):
    return functional.softmax(score(states, W, b, v) * present.to(states.dtype), -1)


def low(states, present, W, b, v):
    return score(states, W, b, v).masked_fill(~present, -999).softmax(-1) * present


def hidden_states_are_0(states, present, W, b, v):
    return functional.softmax(score(states * present[..., None], W, b, v), -1) * present


def exp_by_hand(states, present, W, b, v):
    terms = torch.where(present, torch.exp(score(states, W, b, v)), 0)
    return terms / terms.sum(-1, keepdim=True)


def no_tanh(states, present, W, b, v):
    scores = functional.linear(states, W, b) @ v
    return scores.masked_fill(~present, -torch.inf).softmax(-1)


def no_bias(states, present, W, b, v):
    return by_linear(states, present, W, torch.zeros_like(b), v)


def matrix_turned(states, present, W, b, v):
    return by_linear(states, present, W.T if W.shape[0] == W.shape[1] else W, b, v)


def gates(states, present, W, b, v):
    return torch.sigmoid(score(states, W, b, v)).masked_fill(~present, 0)


def scaled(states, present, W, b, v):
    return by_linear(states, present, W, b, v / len(b) ** 0.5)


def first_row(states, present, W, b, v):
    weights = by_linear(states[:1], present[:1], W, b, v)
    return weights.repeat(len(states), 1)


def read_by_weights(states, present, W, b, v):
    return (by_linear(states, present, W, b, v)[..., None] * states).sum(1)


def detached_network(states, present, W, b, v):
    return by_linear(states, present, W.detach(), b, v)


def detached_scores(states, present, W, b, v):
    return by_linear(states.detach(), present, W, b, v)


def into_states(states, present, W, b, v):
    states[~present] = 0
    return by_linear(states, present, W, b, v)


def as_float32(states, present, W, b, v):
    return by_linear(
        *(x.float() if x.is_floating_point() else x for x in (states, present, W, b, v))
    )


def four_modalities(states, present, W, b, v):
    right = by_linear(states, present, W, b, v)
    return torch.cat([right[:, :4], right[:, 4:] * 0], 1)


RIGHT = by_linear, by_einsum, by_rows, by_lowest
WRONG = (
    (batch_axis, "Is the softmax over the batch?"),
    (no_mask, "Did you use `present`?"),
    (masked_late, "Did you mask after the softmax?"),
    (masked_late_and_shared, "Is there a number too large or too small for exp?"),
    (absent_are_0_and_share, "scores of some hundreds: entry"),
    (absent_are_0_and_share, "and leave the rest to torch.softmax."),
    (mask_added, "Is the mask added as 1 and 0?"),
    (mask_multiplied, "Is the score of what is absent 0?"),
    (low, "scores around −30,000: entry"),
    (low, "not low enough"),
    (hidden_states_are_0, "Scores v · tanh(W s + b), −∞ where one is absent"),
    (exp_by_hand, "Is there a number too large or too small for exp?"),
    (no_tanh, "Did you forget the tanh?"),
    (no_bias, "Did you forget b, or add it behind the tanh?"),
    (matrix_turned, "Is W turned round?"),
    (gates, "Is that a gate for each modality?"),
    (scaled, "Did you divide the scores by a root?"),
    (first_row, "entry [1, "),
    (read_by_weights, "One weight for each row and modality"),
    (detached_network, "the gradient of `W` is not"),
    (detached_scores, "the gradient of `states` is not"),
    (into_states, "changes its input `states`"),
    (as_float32, "These numbers are float64, and float32 is too coarse"),
    (four_modalities, "17 rows, 6 modalities"),
)
