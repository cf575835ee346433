"""Answers to `gru_step` as people write them, and what they are told."""

import torch
from torch import nn


def by_the_library(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.gru_cell(x, h, w_ih, w_hh, b_ih, b_hh)


def by_the_module(x, h, w_ih, w_hh, b_ih, b_hh):
    cell = nn.GRUCell(x.shape[1], h.shape[1])
    weights = {"weight_ih": w_ih, "weight_hh": w_hh, "bias_ih": b_ih, "bias_hh": b_hh}
    return torch.func.functional_call(cell, weights, (x, h))


def gate_by_gate(x, h, w_ih, w_hh, b_ih, b_hh):
    k = h.shape[1]
    r = torch.sigmoid(x @ w_ih[:k].T + b_ih[:k] + h @ w_hh[:k].T + b_hh[:k])
    z = torch.sigmoid(x @ w_ih[k : 2 * k].T + b_ih[k : 2 * k] + h @ w_hh[k : 2 * k].T + b_hh[k:-k])
    n = torch.tanh(x @ w_ih[2 * k :].T + b_ih[2 * k :] + r * (h @ w_hh[-k:].T + b_hh[-k:]))
    return n + z * (h - n)


def row_by_row(x, h, w_ih, w_hh, b_ih, b_hh):
    rows = []
    for one, state in zip(x, h, strict=True):
        a, b = (w_ih @ one + b_ih).view(3, -1), (w_hh @ state + b_hh).view(3, -1)
        r, z = (a[:2] + b[:2]).sigmoid()
        rows.append((1 - z) * (a[2] + r * b[2]).tanh() + z * state)
    return torch.stack(rows)


def by_einsum(x, h, w_ih, w_hh, b_ih, b_hh):
    a = torch.einsum("bd,gd->bg", x, w_ih) + b_ih
    b = torch.einsum("bh,gh->bg", h, w_hh) + b_hh
    k = h.shape[-1]
    gates = torch.special.expit(a[:, : 2 * k] + b[:, : 2 * k])
    r, z = gates[:, :k], gates[:, k:]
    return torch.lerp(torch.tanh(a[:, 2 * k :] + r * b[:, 2 * k :]), h, z)


def parts(x, h, w_ih, w_hh, b_ih, b_hh):
    """(x's, h's) parts of r, z, n."""
    a, b = nn.functional.linear(x, w_ih, b_ih), nn.functional.linear(h, w_hh, b_hh)
    return list(zip(a.tensor_split(3, 1), b.tensor_split(3, 1), strict=True))


def cho(x, h, w_ih, w_hh, b_ih, b_hh):
    (r_x, r_h), (z_x, z_h), (n_x, n_h) = parts(x, h, w_ih, w_hh, b_ih, b_hh)
    z = (z_x + z_h).sigmoid()
    return z * (n_x + (r_x + r_h).sigmoid() * n_h).tanh() + (1 - z) * h


def as_in_the_paper(x, h, w_ih, w_hh, b_ih, b_hh):
    (r_x, r_h), (z_x, z_h), (n_x, _) = parts(x, h, w_ih, w_hh, b_ih, b_hh)
    r, z, k = (r_x + r_h).sigmoid(), (z_x + z_h).sigmoid(), h.shape[1]
    n = (n_x + nn.functional.linear(r * h, w_hh[2 * k :], b_hh[2 * k :])).tanh()
    return (1 - z) * n + z * h


def bias_outside(x, h, w_ih, w_hh, b_ih, b_hh):
    k = h.shape[1]
    (r_x, r_h), (z_x, z_h), (n_x, _) = parts(x, h, w_ih, w_hh, b_ih, b_hh)
    r, z = (r_x + r_h).sigmoid(), (z_x + z_h).sigmoid()
    n = (n_x + b_hh[2 * k :] + r * (h @ w_hh[2 * k :].T)).tanh()
    return (1 - z) * n + z * h


def one_sum(x, h, w_ih, w_hh, b_ih, b_hh):
    r, z, n = (a + b for a, b in parts(x, h, w_ih, w_hh, b_ih, b_hh))
    return (1 - z.sigmoid()) * (r.sigmoid() * n).tanh() + z.sigmoid() * h


def plain_sum(x, h, w_ih, w_hh, b_ih, b_hh):
    _, z, n = (a + b for a, b in parts(x, h, w_ih, w_hh, b_ih, b_hh))
    return torch.lerp(n.tanh(), h, z.sigmoid())


def z_first(x, h, w_ih, w_hh, b_ih, b_hh):
    (z_x, z_h), (r_x, r_h), (n_x, n_h) = parts(x, h, w_ih, w_hh, b_ih, b_hh)
    z = (z_x + z_h).sigmoid()
    return (1 - z) * (n_x + (r_x + r_h).sigmoid() * n_h).tanh() + z * h


def interleaved(x, h, w_ih, w_hh, b_ih, b_hh):
    a = (x @ w_ih.T + b_ih).view(len(x), -1, 3)
    b = (h @ w_hh.T + b_hh).view(len(x), -1, 3)
    r, z = (a + b).sigmoid()[..., 0], (a + b).sigmoid()[..., 1]
    return (1 - z) * (a[..., 2] + r * b[..., 2]).tanh() + z * h


def sigmoid_everywhere(x, h, w_ih, w_hh, b_ih, b_hh):
    (r_x, r_h), (z_x, z_h), (n_x, n_h) = parts(x, h, w_ih, w_hh, b_ih, b_hh)
    z = (z_x + z_h).sigmoid()
    return (1 - z) * (n_x + (r_x + r_h).sigmoid() * n_h).sigmoid() + z * h


def no_biases(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.gru_cell(x, h, w_ih, w_hh)


def one_bias(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.gru_cell(x, h, w_ih, w_hh, b_ih, 0 * b_hh)


def proposal_only(x, h, w_ih, w_hh, b_ih, b_hh):
    (r_x, r_h), _, (n_x, n_h) = parts(x, h, w_ih, w_hh, b_ih, b_hh)
    return (n_x + (r_x + r_h).sigmoid() * n_h).tanh()


def not_transposed(x, h, w_ih, w_hh, b_ih, b_hh):
    return x @ w_ih + h @ w_hh


def own_tanh(x, h, w_ih, w_hh, b_ih, b_hh):
    (r_x, r_h), (z_x, z_h), (n_x, n_h) = parts(x, h, w_ih, w_hh, b_ih, b_hh)
    z, s = (z_x + z_h).sigmoid(), n_x + (r_x + r_h).sigmoid() * n_h
    return (1 - z) * (s.exp() - (-s).exp()) / (s.exp() + (-s).exp()) + z * h


def h_detached(x, h, w_ih, w_hh, b_ih, b_hh):
    return by_einsum(x, h.detach(), w_ih, w_hh, b_ih, b_hh)


def gates_detached(x, h, w_ih, w_hh, b_ih, b_hh):
    (r_x, r_h), (z_x, z_h), (n_x, n_h) = parts(x, h, w_ih, w_hh, b_ih, b_hh)
    z, r = (z_x + z_h).sigmoid().detach(), (r_x + r_h).sigmoid().detach()
    return (1 - z) * (n_x + r * n_h).tanh() + z * h


def into_h(x, h, w_ih, w_hh, b_ih, b_hh):
    h.copy_(by_einsum(x, h, w_ih, w_hh, b_ih, b_hh))
    return h


def twice(x, h, w_ih, w_hh, b_ih, b_hh):
    h = by_einsum(x, h, w_ih, w_hh, b_ih, b_hh)
    return h, h


def clamped(x, h, w_ih, w_hh, b_ih, b_hh):
    (r_x, r_h), (z_x, z_h), (n_x, n_h) = (
        (a.clamp(-8, 8), b.clamp(-8, 8)) for a, b in parts(x, h, w_ih, w_hh, b_ih, b_hh)
    )
    z = (z_x + z_h).sigmoid()
    return torch.lerp((n_x + (r_x + r_h).sigmoid() * n_h).tanh(), h, z)


def small_batches_only(x, h, w_ih, w_hh, b_ih, b_hh):
    return by_einsum(x, h, w_ih, w_hh, b_ih, b_hh) * (1 if len(x) <= 8 else 0.9)


RIGHT = by_the_library, by_the_module, gate_by_gate, row_by_row, by_einsum
WRONG = (
    (clamped, "12 rows, 40 inputs, 64 units"),
    (small_batches_only, "12 rows, 40 inputs, 64 units"),
    (cho, "Is the update gate the wrong way round?"),
    (as_in_the_paper, "Does r meet h before the matrix?"),
    (bias_outside, "Is b_hn added outside the brackets?"),
    (one_sum, "What does r multiply? Only the part that comes from h"),
    (plain_sum, "Did you use the reset gate r?"),
    (z_first, "Are the rows of the gates mixed up?"),
    (interleaved, "Did you deal the rows out in turn?"),
    (sigmoid_everywhere, "What squeezes what?"),
    (no_biases, "Did you use both biases"),
    (one_bias, "Did you use both biases"),
    (proposal_only, "Is the new h a mixture of n and the old h?"),
    (not_transposed, "your version stopped with RuntimeError"),
    (own_tanh, "inputs around 100: entry [0, 2] should be 1.71, yours is nan"),
    (own_tanh, "Of large numbers it overflows"),
    (h_detached, "the gradient of `h` is not"),
    (gates_detached, "the value is right, but the gradient of"),
    (into_h, "changes its input `h`"),
    (twice, "the result should be a tensor, yours is a tuple."),
)
