"""Exercise `occlusion`: cover a square, and see how far the score falls."""

from __future__ import annotations

import numpy as np
import torch

from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception


def occlusion(score, image, patch, value=0.0):
    """Image (channels, height, width) → drops (height // patch, width // patch) of its score."""
    return drops(score, image, patch, squares(image, patch), lambda x: torch.full_like(x, value))


def squares(image, patch):
    """Lines of corners (top, left) of squares that lie side by side."""
    height, width = (side - side % patch for side in image.shape[1:])
    return [[(i, j) for j in range(0, width, patch)] for i in range(0, height, patch)]


def drops(score, image, patch, corners, cover):
    """Drop of the score for each square, which ``cover`` makes something else of."""
    pictures = [image]
    for top, left in (corner for line in corners for corner in line):
        covered = image.clone()
        part = covered[:, top : top + patch, left : left + patch]
        part[:] = cover(part)
        pictures.append(covered)
    scores = score(torch.stack(pictures))
    return (scores[0] - scores[1:]).reshape(len(corners), -1)


def oracle(score, image, patch, value=0.0):
    """Square by square: which pixels belong to it is told by dividing their line and column."""
    _, height, width = image.shape
    line, column = np.indices((height, width)) // patch
    whole, found = score(image[None])[0], []
    for i in range(height // patch):
        inside = [(line == i) & (column == j) for j in range(width // patch)]
        found.append([whole - score(np.where(here, value, image)[None])[0] for here in inside])
    return np.array(found)


def cases():
    random = torch.Generator().manual_seed(9)
    for channels, height, width, patch, *value in (
        (3, 4, 6, 2),
        (2, 6, 6, 3),
        (3, 6, 4, 2, 0.5),
        (1, 7, 8, 3, -1.0),
        (2, 4, 4, 1, 1.0),
        (3, 5, 5, 5, 0.25),
        (2, 9, 9, 4),
    ):
        image = torch.rand(channels, height, width, generator=random)
        what = f"the drops for {height} × {width} pixels, {channels} channels, patch {patch}"
        what = what.replace("1 channels", "1 channel")
        what += f", value {value[0]}" if value else ""
        yield Case((bent, image, patch, *value), what)
    yield Case((steps, image, 2, 0.1), "the drops of a score that goes down for bright pixels")


def bent(images):
    """A score that counts each pixel differently; numpy's arrays go through it too."""
    _require_a_batch(images)
    around = images.cumsum(2).cumsum(3)
    return (images * around).sum((1, 2, 3)) + 2 * images[:, 0].sum((1, 2))


def steps(images):
    _require_a_batch(images)
    return 3 - images.cumsum(3)[:, 0].sum((1, 2)) + images.cumsum(2)[:, -1].sum((1, 2))


def _require_a_batch(images) -> None:
    if images.ndim != 4:
        shape = tuple(images.shape)
        raise ValueError(
            f"`score` takes a batch (n, channels, height, width), it was given {shape}"
        )


def covering(cover):
    """An answer that makes something else of a square, given (part, value)."""
    return lambda score, image, patch, value=0.0: drops(
        score, image, patch, squares(image, patch), lambda part: cover(part, value)
    )


def afterwards(change):
    """An answer that returns something else: change(drops, score of the whole picture)."""
    return lambda score, image, patch, value=0.0: change(
        occlusion(score, image, patch, value), score(image[None])[0]
    )


def everything_else(score, image, patch, value=0.0):
    def only(top, left):
        kept = torch.full_like(image, value)
        here = (slice(None), slice(top, top + patch), slice(left, left + patch))
        kept[here] = image[here]
        return score(image[None])[0] - score(kept[None])[0]

    return torch.stack([torch.stack([only(*at) for at in line]) for line in squares(image, patch)])


def one_after_the_other(score, image, patch, value=0.0):
    whole, image, found = score(image[None])[0], image.clone(), []
    for line in squares(image, patch):
        for top, left in line:
            image[:, top : top + patch, left : left + patch] = value
            found.append(whole - score(image[None])[0])
    return torch.stack(found).reshape(image.shape[1] // patch, -1)


def of_size(more):
    """An answer whose squares have other sides than `patch`, at the same corners."""
    return lambda score, image, patch, value=0.0: drops(
        score,
        image,
        patch + more,
        squares(image, patch),
        lambda part: torch.full_like(part, value),
    )


def first_channel(part, value):
    part = part.clone()
    part[0] = value
    return part


def at_each_pixel(score, image, patch, value=0.0):
    height, width = image.shape[1:]
    corners = [[(i, j) for j in range(width - patch + 1)] for i in range(height - patch + 1)]
    return drops(score, image, patch, corners, lambda x: torch.full_like(x, value))


def at_index(score, image, patch, value=0.0):
    height, width = image.shape[1:]
    corners = [[(i, j) for j in range(width // patch)] for i in range(height // patch)]
    return drops(score, image, patch, corners, lambda x: torch.full_like(x, value))


SIGN = "Is the sign turned? The drop is the whole picture's score minus the covered one's."
STILL = "Is the last square still covered when the next is tried? Take a fresh copy each time."
INCLUDED = "Is a line too much or too little covered? `start : start + patch` leaves the end out."
SET = "Is the square set to `value`, whatever was there?"

MISCONCEPTIONS = (
    Misconception(SIGN, afterwards(lambda drop, whole: -drop)),
    Misconception(
        "Is that the score of the covered picture? How far it fell is asked for.",
        afterwards(lambda drop, whole: whole - drop),
    ),
    Misconception("Did you cover everything but the square?", everything_else),
    Misconception(STILL, one_after_the_other),
    Misconception("Did you cover one channel only? All of them.", covering(first_channel)),
    Misconception(
        "Are lines and columns swapped? The first axis goes down.",
        afterwards(lambda drop, whole: drop.T),
    ),
    Misconception("Did you use `value`?", covering(lambda part, value: torch.zeros_like(part))),
    Misconception(SET, covering(lambda part, value: part + value)),
    Misconception(SET, covering(lambda part, value: part * value)),
    Misconception(SET, covering(lambda part, value: part - value)),
    Misconception(
        "Did you fill in the mean of the square? `value` says what goes there.",
        covering(lambda part, value: part.mean((1, 2), keepdim=True).expand_as(part)),
    ),
    Misconception(INCLUDED, of_size(1)),
    Misconception(INCLUDED, of_size(-1)),
    Misconception(
        "Does the window move by one pixel? The squares lie side by side.", at_each_pixel
    ),
    Misconception("Where does square number i begin? At pixel i · patch, not at i.", at_index),
    Misconception(
        "Is that an absolute value? A score may rise as well: then the drop is negative.",
        afterwards(lambda drop, whole: drop.abs()),
    ),
    Misconception(
        "Did you cut off what is negative? A score may rise as well.",
        afterwards(lambda drop, whole: drop.clamp(min=0)),
    ),
    Misconception(
        "Did you divide by the score? The plain difference is asked for.",
        afterwards(lambda drop, whole: drop / whole),
    ),
    Misconception(
        "Is that a ratio of scores? Their difference is asked for.",
        afterwards(lambda drop, whole: 1 - drop / whole),
    ),
    Misconception(
        "Is that a list of squares? Give it lines and columns: reshape.",
        afterwards(lambda drop, whole: drop.flatten()),
    ),
)

EXERCISE = Exercise(
    reference=occlusion,
    oracle=oracle,
    cases=cases,
    result=Entries(if_shape="How many whole squares fit, down and across?"),
    misconceptions=MISCONCEPTIONS,
    advice="Copy the picture, set one square of all channels to `value`; the drop is the score "
    "before minus the score after.",
    praise="equal to an explicit loop on 8 pictures, wide and high ones",
    at_size=AtSize(
        lambda: (bent, torch.rand(3, 32, 32), 4, 0.5), "64 squares of a picture", calls=20
    ),
)
