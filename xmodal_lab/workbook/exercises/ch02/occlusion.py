"""Exercise `occlusion`: cover a square, and see how far the score falls."""

from __future__ import annotations

import numpy as np
import torch

from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception


def occlusion(score, image, patch, value=0.0):
    """Image (channels, height, width) → drops (height // patch, width // patch) of its score."""
    return drops(score, image, tiles(image, patch), lambda x, square: filled(x, square, value))


def tiles(image, patch):
    return squares(image, patch, patch, lambda length: length // patch)


def squares(image, step, side, count):
    """Lines of squares, as places in a picture: ``count(length)`` along each axis."""
    down, across = (
        [slice(step * i, step * i + side) for i in range(count(length))]
        for length in image.shape[1:]
    )
    return [[(slice(None), lines, columns) for columns in across] for lines in down]


def filled(picture, square, value):
    picture[square] = value
    return picture


def drops(score, image, squares, cover):
    """Drop of the score for each square, given what covers it in a copy of the picture."""
    covered = [cover(image.clone(), square) for line in squares for square in line]
    scores = score(torch.stack([image, *covered]))
    return (scores[0] - scores[1:]).reshape(len(squares), -1)


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
        advice = LEFT_OVER if height % patch or width % patch else ""
        yield Case((bent, image, patch, *value), what, advice)
    image = torch.rand(5, 4, 6, generator=random)
    fill = torch.rand(5, 1, 1, generator=random)
    what = "the drops for 4 × 6 pixels, 5 channels, patch 2, a value for each channel"
    yield Case((bent, image, 2, fill), what, EACH)
    yield Case((steps, image, 2, 0.1), "the drops of a score that goes down for bright pixels")


LEFT_OVER = "What is left over at the lower and right border stays uncovered: only whole squares."
EACH = "`value` may be one number for each channel, of shape (channels, 1, 1)."


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


def covering(cover, where=tiles):
    """An answer that covers otherwise, cover(picture, square, value), or where(image, patch)."""
    return lambda score, image, patch, value=0.0: drops(
        score, image, where(image, patch), lambda x, square: cover(x, square, value)
    )


def of_side(more):
    return lambda image, patch: squares(image, patch, patch + more, lambda n: n // patch)


def filled_with(content):
    """An answer that fills the square with something else, made of (part, value)."""
    return covering(lambda x, square, value: filled(x, square, content(x[square], value)))


def afterwards(change):
    """An answer that returns something else: change(drops, score of the whole picture)."""
    return lambda score, image, patch, value=0.0: change(
        occlusion(score, image, patch, value), score(image[None])[0]
    )


def everything_else(picture, square, value):
    return filled(torch.full_like(picture, value), square, picture[square])


def one_number(value):
    return value.flatten()[0] if isinstance(value, torch.Tensor) else value


def first_channel(picture, square, value):
    return filled(picture, (0, *square[1:]), value)


def one_after_the_other(score, image, patch, value=0.0):
    spoilt = image.clone()
    return drops(score, image, tiles(image, patch), lambda _, at: filled(spoilt, at, value).clone())


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
    Misconception("Did you cover everything but the square?", covering(everything_else)),
    Misconception(STILL, one_after_the_other),
    Misconception("Did you cover one channel only? All of them.", covering(first_channel)),
    Misconception(
        "Are lines and columns swapped? The first axis goes down.",
        afterwards(lambda drop, whole: drop.T),
    ),
    Misconception("Did you use `value`?", filled_with(lambda part, value: 0.0)),
    Misconception(EACH, covering(lambda x, square, value: filled(x, square, one_number(value)))),
    Misconception(SET, filled_with(lambda part, value: part + value)),
    Misconception(SET, filled_with(lambda part, value: part * value)),
    Misconception(SET, filled_with(lambda part, value: part - value)),
    Misconception(
        "Did you fill in the mean of the square? `value` says what goes there.",
        filled_with(lambda part, value: part.mean((1, 2), keepdim=True)),
    ),
    Misconception(
        LEFT_OVER,
        covering(
            filled, lambda image, patch: squares(image, patch, patch, lambda n: -(-n // patch))
        ),
    ),
    Misconception(INCLUDED, covering(filled, of_side(1))),
    Misconception(INCLUDED, covering(filled, of_side(-1))),
    Misconception(
        "Does the window move by one pixel? The squares lie side by side.",
        covering(filled, lambda image, patch: squares(image, 1, patch, lambda n: n - patch + 1)),
    ),
    Misconception(
        "Where does square number i begin? At pixel i · patch, not at i.",
        covering(filled, lambda image, patch: squares(image, 1, patch, lambda n: n // patch)),
    ),
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
    praise="equal to an explicit loop on 9 pictures, wide and high ones",
    at_size=AtSize(
        lambda: (bent, torch.rand(3, 32, 32), 4, 0.5), "64 squares of a picture", calls=120
    ),
)
