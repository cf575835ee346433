"""Answers to `zero_shot` as people write them, and what they are told."""

import numpy as np
import torch


def unit(x):
    return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True)


def by_loops(images, prompts):
    centres = [sum(unit(variant) for variant in bundle) for bundle in prompts]
    scores = [[float(image @ centre / centre.norm()) for centre in centres] for image in images]
    return torch.tensor([row.index(max(row)) for row in scores])


def by_numpy(images, prompts):
    p = prompts.cpu().double().numpy()
    p = (p / np.linalg.norm(p, axis=2, keepdims=True)).sum(axis=1)
    p /= np.linalg.norm(p, axis=1, keepdims=True)
    return torch.from_numpy(np.argmax(images.cpu().double().numpy() @ p.T, axis=1))


def by_distance(images, prompts):
    centres = unit(torch.einsum("cvd->cd", unit(prompts)))
    return torch.cdist(unit(images), centres).argmin(1).int()


def raw_by_numpy(images, prompts):
    return torch.from_numpy((images.numpy() @ prompts.numpy().mean(1).T).argmax(1))


def mean_too_short(images, prompts):
    return torch.einsum("nd,cvd->nc", unit(images), unit(prompts)).argmax(1)


def nearest_prompt(images, prompts):
    each = unit(prompts).reshape(-1, prompts.shape[2])
    return (unit(images) @ each.T).argmax(1) // prompts.shape[1]


def farthest(images, prompts):
    return torch.cdist(unit(images), unit(unit(prompts).sum(1))).argmax(1)


def six_classes(images, prompts):
    return by_loops(images, prompts[:6])


def six_variants(images, prompts):
    return by_loops(images, prompts[:, :6])


RIGHT = by_loops, by_numpy, by_distance
WRONG = (
    (raw_by_numpy, "Did you normalise the prompts at all?"),
    (mean_too_short, "Did you normalise again after averaging?"),
    (nearest_prompt, "Is that the best single variant?"),
    (farthest, "Is that the least similar class?"),
    (six_classes, "Is a number of classes or of variants written into it?"),
    (six_variants, "Is a number of classes or of variants written into it?"),
    (lambda images, prompts: by_loops(images, prompts) + 1, "Classes count from 0."),
    (lambda images, prompts: by_loops(images, prompts).float(), "whole numbers, yours is float32"),
    (lambda images, prompts: by_loops(images, prompts)[:, None], "yours is [60, 1]. One class"),
    (lambda images, prompts: by_loops(images, prompts).numpy(), "should be a tensor"),
    (lambda images, prompts: by_loops(images, prompts).flip(0), "Normalise the variants, average"),
)
