"""Typical wrong answers to `zero_shot` and `modality_gap`, and what each must be told."""

from __future__ import annotations

import torch
from torch.nn import functional

from xmodal_lab.workbook.exercises.record import Mutant


def _unit(x):
    return functional.normalize(x, dim=-1)


def _zero_shot(images, prompts):
    return (_unit(images) @ _unit(_unit(prompts).mean(1)).T).argmax(1)


def _zero_shot_along(image=-1, variant=-1, mean=-1, average=1):
    """A solution that normalises, or averages, along these axes."""

    def zero_shot(images, prompts):
        classes = functional.normalize(prompts, dim=variant).mean(dim=average)
        classes = functional.normalize(classes, dim=mean)
        return (functional.normalize(images, dim=image) @ classes.T).argmax(1)

    return zero_shot


ZERO_SHOT = (
    Mutant(_zero_shot_along(image=0), "columns of the images (dim=0)"),
    Mutant(_zero_shot_along(variant=1), "over the variants (dim=1, the default)"),
    Mutant(_zero_shot_along(variant=0), "prompts over the classes (dim=0)"),
    Mutant(_zero_shot_along(mean=0), "class means over the classes (dim=0)"),
    Mutant(_zero_shot_along(0, 0, 0), "prompts over the classes (dim=0)"),
    Mutant(_zero_shot_along(0, -1, 0), "columns of the images (dim=0)"),
    Mutant(_zero_shot_along(0, 1, 0), "over the variants (dim=1, the default)"),
    Mutant(_zero_shot_along(average=0), "average over the classes (dim=0)"),
    Mutant(lambda images, prompts: torch.zeros(len(images)).long(), "normalise again; the class"),
    Mutant(lambda images, prompts: (images @ prompts.mean(1).T).argmax(1), "normalise the prompts"),
    Mutant(
        lambda images, prompts: (_unit(images) @ _unit(prompts).mean(1).T).argmax(1),
        "normalise again",
    ),
    Mutant(
        lambda images, prompts: (_unit(images) @ _unit(prompts.mean(1)).T).argmax(1),
        "before averaging",
    ),
    Mutant(
        lambda images, prompts: (
            torch.einsum("nd,cvd->ncv", _unit(images), _unit(prompts)).amax(2).argmax(1)
        ),
        "best single variant",
    ),
    Mutant(
        lambda images, prompts: (_unit(images) @ _unit(_unit(prompts).mean(1)).T).argmin(1),
        "least similar class",
    ),
    Mutant(
        lambda images, prompts: (_unit(images) @ _unit(_unit(prompts).mean(1)).T).argmax(0),
        "argmax over the classes",
    ),
    Mutant(
        lambda images, prompts: (_unit(images) @ _unit(_unit(prompts).mean(1)).T).amax(1),
        "whole numbers",
    ),
    Mutant(lambda images, prompts: _zero_shot(images, prompts).tolist(), "yours is a list"),
    Mutant(lambda images, prompts: _zero_shot(images, prompts[:, :1]), "first variant only"),
)

MODALITY_GAP = (
    Mutant(lambda a, b: (_unit(a).mean(1) - _unit(b).mean(1)).norm(), "rows (dim=0): the centroid"),
    Mutant(lambda a, b: (_unit(a).mean() - _unit(b).mean()).norm(), "rows (dim=0): the centroid"),
    Mutant(
        lambda a, b: (
            functional.normalize(a, dim=0).mean(0) - functional.normalize(b, dim=0).mean(0)
        ).norm(),
        "normalise the columns?",
    ),
    Mutant(lambda a, b: (a / a.norm()).mean(0).dist((b / b.norm()).mean(0)), "the whole matrix"),
    Mutant(lambda a, b: (_unit(a.mean(0)) - _unit(b.mean(0))).norm(), "instead of the rows"),
    Mutant(lambda a, b: 0.0, "average over the rows (dim=0), subtract, take the norm"),
    Mutant(lambda a, b: (a.mean(0) - b.mean(0)).norm(), "normalise the rows?"),
    Mutant(lambda a, b: torch.cdist(_unit(a), _unit(b)).mean(), "mean distance over pairs"),
    Mutant(lambda a, b: (_unit(a) - _unit(b)).norm(dim=1).mean(), "mean distance over pairs"),
    Mutant(lambda a, b: (_unit(a).mean(0) - _unit(b).mean(0)).square().sum(), "squared"),
    Mutant(
        lambda a, b: (_unit(_unit(a).mean(0)) - _unit(_unit(b).mean(0))).norm(), "centroids too"
    ),
    Mutant(lambda a, b: (_unit(a).mean(0) - _unit(b).mean(0)).abs().sum(), "absolute"),
    Mutant(
        lambda a, b: 1 - functional.cosine_similarity(_unit(a).mean(0), _unit(b).mean(0), dim=0),
        "cosine",
    ),
    Mutant(
        lambda a, b: _unit(a).mean(0) - _unit(b).mean(0),
        "yours has shape [2]. Did you forget the norm?",
    ),
)
