"""Answers to `info_nce` as people write them, and what they are told."""

import numpy as np
import torch


def cosines(a, b):
    return torch.einsum("id,jd->ij", a / a.norm(dim=1)[:, None], b / b.norm(dim=1)[:, None])


def by_logsumexp(a, b, temperature):
    s = cosines(a, b) / temperature
    right = torch.einsum("ii->i", s)
    return (s.logsumexp(0) + s.logsumexp(1) - 2 * right).mean() / 2


def row_by_row(a, b, temperature):
    total = 0
    for i in range(len(a)):
        row = torch.stack([torch.cosine_similarity(a[i], b[j], dim=0) for j in range(len(b))])
        column = torch.stack([torch.cosine_similarity(a[j], b[i], dim=0) for j in range(len(a))])
        total = total - (row / temperature).log_softmax(0)[i]
        total = total - (column / temperature).log_softmax(0)[i]
    return total / (2 * len(a))


def in_float64(a, b, temperature):
    e = (cosines(a.double(), b.double()) / temperature).exp()
    return -((e.diag() / e.sum(1)).log() + (e.diag() / e.sum(0)).log()).mean() / 2


def with_a_mask(a, b, temperature):
    s = cosines(a, b) / temperature
    mask = torch.eye(len(a), device=a.device)
    return -(mask * (s.log_softmax(0) + s.log_softmax(1))).sum() / (2 * mask.sum())


def by_dot_products(a, b, temperature):
    s = torch.stack([torch.stack([x @ y for y in b]) for x in a]) / temperature
    return (s.logsumexp(0) + s.logsumexp(1)).mean() / 2 - s.trace() / len(a)


def rows_in_a_loop(a, b, temperature):
    s = cosines(a, b) / temperature
    return sum(s[i].exp().sum().log() - s[i, i] for i in range(len(a))) / len(a)


def by_numpy(a, b, temperature):
    s = cosines(a, b).detach().numpy() / float(temperature)
    top = s.max()
    rows, columns = (np.log(np.exp(s - top).sum(k)) + top for k in (1, 0))
    return np.mean(rows + columns - 2 * np.diag(s)) / 2


def shares_in_a_loop(a, b, temperature):
    e, total = (cosines(a, b) / temperature).exp(), 0
    for i in range(len(a)):
        total = total - (e[i, i] / e[i].sum()).log() - (e[i, i] / e[:, i].sum()).log()
    return total / (2 * len(a))


def temperature_as_a_number(a, b, temperature):
    return by_logsumexp(a, b, float(temperature))


def pictures_frozen(a, b, temperature):
    with torch.no_grad():
        b = b / b.norm(dim=1, keepdim=True)
    return by_logsumexp(a, b, temperature)


def only_one_normalised(a, b, temperature):
    s = torch.einsum("id,jd->ij", a / a.norm(dim=1)[:, None], b) / temperature
    return (s.logsumexp(0) + s.logsumexp(1) - 2 * s.diagonal()).mean() / 2


def short_rows_stay_short(a, b, temperature):
    a, b = (x / x.norm(dim=1, keepdim=True).clamp(min=1) for x in (a, b))
    return by_dot_products(a, b, temperature)


def longer_norms(a, b, temperature):
    a, b = (x / (x.norm(dim=1, keepdim=True) + 1e-3) for x in (a, b))
    return by_dot_products(a, b, temperature)


def clamped_logits(a, b, temperature):
    s = (cosines(a, b) / temperature).clamp(-50, 50)
    return (s.logsumexp(0) + s.logsumexp(1) - 2 * s.diagonal()).mean() / 2


RIGHT = by_logsumexp, row_by_row, with_a_mask, in_float64
WRONG = (
    (by_dot_products, "Did you normalise the rows?"),
    (rows_in_a_loop, "did you forget from b to a (the columns)?"),
    (lambda a, b, temperature: len(a) * by_logsumexp(a, b, temperature), "sum over the batch"),
    (lambda a, b, temperature: by_logsumexp(a, b, 1 / temperature), "instead of dividing?"),
    (lambda a, b, temperature: by_logsumexp(a, a, temperature), "Normalise the rows, divide all"),
    (only_one_normalised, "Did you normalise only one of `a` and `b`?"),
    (lambda a, b, temperature: only_one_normalised(b, a, temperature), "only one of `a` and `b`?"),
    (lambda a, b, temperature: by_logsumexp(a, b, np.exp(-temperature)), "multiply by exp(τ)?"),
    (short_rows_stay_short, "Is the norm clamped, or something added to it?"),
    (longer_norms, "Is the norm clamped, or something added to it?"),
    (clamped_logits, "Is something clamped?"),
    (lambda a, b, temperature: by_logsumexp(a, b, max(temperature, 0.01)), "something clamped?"),
    (by_numpy, "no gradient flows back"),
    (shares_in_a_loop, "temperature 0.005 should be 82.19, yours is inf. Did exp() overflow?"),
    (temperature_as_a_number, "the gradient of `temperature` is not. Did you detach it"),
    (pictures_frozen, "the gradient of `b` is not"),
    (lambda a, b, temperature: by_logsumexp(a.detach(), b, temperature), "the gradient of `a`"),
    (lambda a, b, temperature: by_logsumexp(a, b, temperature)[None], "has shape [1]"),
    (lambda a, b, temperature: a @ b, "stopped with RuntimeError"),
)
