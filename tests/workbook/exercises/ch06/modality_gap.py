"""Answers to `modality_gap` as people write them, and what they are told."""

import numpy as np
import torch


def by_numpy(a, b):
    a, b = (x.numpy() / np.linalg.norm(x.numpy(), axis=1, keepdims=True) for x in (a, b))
    return float(np.linalg.norm(a.mean(0) - b.mean(0)))


def by_loops(a, b):
    centres = []
    for cloud in (a.tolist(), b.tolist()):
        units = [[x / sum(y * y for y in row) ** 0.5 for x in row] for row in cloud]
        centres.append([sum(column) / len(cloud) for column in zip(*units, strict=True)])
    return sum((x - y) ** 2 for x, y in zip(*centres, strict=True)) ** 0.5


def by_products(a, b):
    a, b = (torch.einsum("nd,n->nd", x.double(), 1 / x.double().norm(dim=1)) for x in (a, b))
    within = (a @ a.T).mean() + (b @ b.T).mean()
    return (within - 2 * (a @ b.T).mean()).sqrt()


def raw(a, b):
    return float(np.linalg.norm(np.mean(a.numpy(), 0) - np.mean(b.numpy(), 0)))


def centroids_first(a, b):
    a, b = a.sum(0), b.sum(0)
    return (a / a.norm() - b / b.norm()).pow(2).sum().sqrt()


def pairs_in_a_loop(a, b):
    a, b = a / a.norm(dim=1)[:, None], b / b.norm(dim=1)[:, None]
    return sum((x - y).norm() for x in a for y in b) / (len(a) * len(b))


def with_a_small_number(a, b):
    return (by_products(a, b) ** 2 + 1e-3).sqrt()


RIGHT = by_numpy, by_loops, by_products
WRONG = (
    (raw, "should be 1.35, yours is 3.99. Did you normalise the rows?"),
    (centroids_first, "Did you normalise the centroids instead of the rows? Rows first."),
    (pairs_in_a_loop, "the mean distance over pairs? Average first"),
    (lambda a, b: by_products(a, b) ** 2, "the squared distance? Take the root."),
    (lambda a, b: by_products(a, b) / 2, "Normalise the rows, average over the rows"),
    (with_a_small_number, "Is a number added under the root?"),
    (lambda a, b: str(by_products(a, b)), "should be a single number, yours is a str"),
)
