"""Exercise `grad_cam`: from feature maps and gradients to the places that count."""

from __future__ import annotations

import numpy as np
import torch

from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception


def grad_cam(maps, gradients):
    """Maps, gradients (batch, channels, lines, columns) → heat (batch, lines, columns), ≥ 0."""
    weights = gradients.mean((2, 3), keepdim=True)
    return (weights * maps).sum(1).relu()


def oracle(maps, gradients):
    """Picture by picture, channel by channel."""
    heats = []
    for channels, slopes in zip(maps, gradients, strict=True):
        heat = np.zeros(channels.shape[1:])
        for channel, slope in zip(channels, slopes, strict=True):
            heat += channel * (slope.sum() / slope.size)
        heats.append(np.maximum(heat, 0))
    return np.stack(heats)


def cases():
    random = torch.Generator().manual_seed(8)
    for shape in (
        (2, 3, 4, 4),
        (1, 5, 3, 6),
        (3, 3, 3, 3),
        (4, 2, 5, 2),
        (2, 6, 1, 1),
        (9, 70, 2, 3),
    ):
        maps, gradients = torch.randn(2, *shape, generator=random)
        # Each channel speaks for the class or against it, in each picture more or less.
        gradients = gradients + 2 * torch.randn(*shape[:2], 1, 1, generator=random)
        batch, channels, lines, columns = shape
        size = f"{batch} pictures, {channels} maps of {lines} × {columns}"
        yield Case((maps, gradients), size.replace("1 pictures", "1 picture"))
    against = -gradients.abs()
    yield Case((maps.abs(), against), "maps that all speak against the class", AGAINST)
    kept = maps.clone().relu(), gradients
    yield Case(kept, "maps behind a ReLU")
    few = gradients * (torch.rand(gradients.shape, generator=random) < 0.5)
    yield Case((maps, few), "gradients of which many are 0")


AGAINST = "Where nothing speaks for the class, all is 0."


def weighted(weights, total=lambda terms: terms.sum(1).relu()):
    """An answer: weights of (maps, gradients), and how the weighted maps become one."""
    return lambda maps, gradients: total(weights(maps, gradients) * maps)


def over_places(maps, gradients):
    return gradients.mean((2, 3), keepdim=True)


PLACES = "A channel's weight is the mean of its gradient over all places, axes 2 and 3."
NEGATIVE = "Is that the absolute value? What speaks against the class becomes 0."
FROM_MAPS = "Are the weights made of the maps? They are means of the gradients."
TERMS = "Is there a ReLU on each channel? Add up first: one channel may cancel another."
BRIGHTEST = "Did you divide by the largest entry? Heat is left as it is."

MISCONCEPTIONS = (
    Misconception(
        "Did you forget the ReLU? What speaks against the class becomes 0.",
        weighted(over_places, lambda terms: terms.sum(1)),
    ),
    Misconception(NEGATIVE, weighted(over_places, lambda terms: terms.sum(1).abs())),
    Misconception(NEGATIVE, weighted(lambda maps, gradients: over_places(maps, gradients.abs()))),
    Misconception(NEGATIVE, weighted(lambda maps, gradients: over_places(maps, gradients).abs())),
    Misconception(TERMS, weighted(over_places, lambda terms: terms.relu().sum(1))),
    Misconception(
        "Is there a ReLU on the gradients? Weights may be negative.",
        weighted(lambda maps, gradients: over_places(maps, gradients.relu())),
    ),
    Misconception(
        "Is there a ReLU on the weights? They may be negative.",
        weighted(lambda maps, gradients: over_places(maps, gradients).relu()),
    ),
    Misconception(FROM_MAPS, weighted(lambda maps, gradients: maps.mean((2, 3), keepdim=True))),
    Misconception(
        "Are maps and gradients swapped? Weights come from the gradients, and weigh the maps.",
        lambda maps, gradients: grad_cam(gradients, maps),
    ),
    Misconception(
        "Did you average over the channels? They are added up.",
        weighted(over_places, lambda terms: terms.mean(1).relu()),
    ),
    Misconception(
        "Did you take the largest channel? They are added up.",
        weighted(over_places, lambda terms: terms.amax(1).relu()),
    ),
    Misconception(
        f"Did you sum the gradient instead? {PLACES}",
        weighted(lambda maps, gradients: gradients.sum((2, 3), keepdim=True)),
    ),
    Misconception(
        f"Did you leave out gradients that are 0? {PLACES}",
        weighted(
            lambda maps, gradients: (
                gradients.sum((2, 3), keepdim=True)
                / (gradients != 0).sum((2, 3), keepdim=True).clamp(min=1)
            )
        ),
    ),
    Misconception(
        f"Did you multiply place by place? {PLACES}", weighted(lambda maps, gradients: gradients)
    ),
    Misconception(
        f"Is the mean over the channels? {PLACES}",
        weighted(lambda maps, gradients: gradients.mean(1, keepdim=True)),
    ),
    Misconception(
        f"Is the mean over the pictures too? {PLACES}",
        weighted(lambda maps, gradients: gradients.mean((0, 2, 3), keepdim=True)),
    ),
    Misconception(
        f"Is that the largest gradient? {PLACES}",
        weighted(lambda maps, gradients: gradients.amax((2, 3), keepdim=True)),
    ),
    Misconception(
        "Did you leave the maps out?",
        lambda maps, gradients: grad_cam(torch.ones_like(maps), gradients),
    ),
    Misconception(
        "Did you keep one number for each channel? Add up the channels (dim=1), keep the places.",
        lambda maps, gradients: (over_places(maps, gradients) * maps).sum((2, 3)).relu(),
    ),
    Misconception(
        BRIGHTEST, lambda maps, gradients: brightest_is_1(grad_cam(maps, gradients), (1, 2))
    ),
    Misconception(
        BRIGHTEST, lambda maps, gradients: brightest_is_1(grad_cam(maps, gradients), (0, 1, 2))
    ),
)


def brightest_is_1(heat, axes):
    return heat / heat.amax(axes, keepdim=True).clamp(min=1e-8)


EXERCISE = Exercise(
    reference=grad_cam,
    oracle=oracle,
    cases=cases,
    result=Entries(if_shape="One map for each picture: the channels are added up (dim=1)."),
    misconceptions=MISCONCEPTIONS,
    advice="Average the gradient over lines and columns, multiply by the maps, add up channels, "
    "then ReLU.",
    praise="equal to an explicit loop on 9 batches of maps",
    at_size=AtSize(
        lambda: (torch.randn(500, 64, 8, 8), torch.randn(500, 64, 8, 8)), "500 pictures", calls=5
    ),
)
