"""Chapter 00: one exercise, to learn how exercises work."""

from __future__ import annotations

import numpy as np

from xmodal_lab.workbook.compare import Mistake, array, require_entries
from xmodal_lab.workbook.exercises.record import Exercise, Mutant

CHAPTER = "00_start_here"


def mirror(image):
    """Flip an image (3, height, width) left to right; a new array or tensor of the same kind."""
    width = image.shape[2]
    return image[:, :, list(range(width))[::-1]]


def _mirrored(image: np.ndarray) -> np.ndarray:
    wanted = np.empty_like(image)
    channels, height, width = image.shape
    for channel in range(channels):
        for row in range(height):
            for column in range(width):
                wanted[channel, row, width - 1 - column] = image[channel, row, column]
    return wanted


SHAPE_HINT = "Did you swap two axes? The order is channel, height, width."


def _check_mirror(attempt) -> None:
    random = np.random.default_rng(0)
    for height, width in ((2, 3), (4, 4), (5, 8)):
        for dtype in (np.uint8, np.float32):
            image = (random.random((3, height, width)) * 255).astype(dtype)
            result = attempt(image)
            got = array(result, image.shape, np.ndarray, SHAPE_HINT)
            if got.dtype != image.dtype:
                raise Mistake(f"the dtype should stay {image.dtype}, yours is {got.dtype}.")
            suspects = [
                ("Nothing moved: did you return the input?", image),
                ("Is it upside down? The height is axis 1, the width is axis 2.", image[:, ::-1]),
                ("Did you reverse the colour channels instead of the columns?", image[::-1]),
                ("Did you reverse the rows as well as the columns?", image[:, ::-1, ::-1]),
                ("Did you reverse every axis?", image[::-1, ::-1, ::-1]),
                ("Did you swap height and width?", image.swapaxes(1, 2)),
            ]
            require_entries(got, _mirrored(image), suspects, "Which axis holds the columns?")


def _in_place(image):
    image[:] = image[:, :, ::-1].copy()
    return image


EXERCISES = (
    Exercise(
        chapter=CHAPTER,
        reference=mirror,
        checker=_check_mirror,
        praise="equal to a loop over all pixels on 6 images",
        mutants=(
            Mutant(lambda image: image[:, ::-1], "upside down"),
            Mutant(lambda image: image[::-1], "reverse the colour channels"),
            Mutant(lambda image: image.swapaxes(1, 2), "swap two axes"),
            Mutant(lambda image: image[:, ::-1, ::-1], "rows as well as"),
            Mutant(lambda image: np.flip(image), "every axis"),
            Mutant(lambda image: image, "did you return the input?"),
            Mutant(lambda image: np.roll(image, 1, axis=2), "Which axis holds the columns?"),
            Mutant(lambda image: image[:, :, ::-1] / 255, "dtype should stay uint8"),
            Mutant(lambda image: image[:, :, ::-1].tolist(), "should be an array, yours is a list"),
            Mutant(_in_place, "changes its input `image`"),
        ),
    ),
)
