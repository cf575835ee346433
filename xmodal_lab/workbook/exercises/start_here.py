"""Chapter 00: one exercise, to learn how exercises work."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from xmodal_lab.workbook.exercises.record import Exercise, Mutant
from xmodal_lab.workbook.kit.attempt import Mistake
from xmodal_lab.workbook.kit.compare import array, require_entries

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


OFF_BY_ONE = "Is it off by one? Column j of the result is column −1−j of the image."
ORDER = "The order is channel, height, width."


def _shape_hint(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    if len(shape) < len(wanted):
        return "An axis is missing: did you index with a single number? A slice keeps the axis."
    if sorted(shape) == sorted(wanted):
        return f"Did you swap two axes? {ORDER}"
    short = [w - s for w, s in zip(wanted, shape, strict=False)]
    if len(shape) == len(wanted) and sorted(short) == [0, 0, 1]:
        what = ("channel", "row", "column")[short.index(1)]
        return (
            f"One {what} is missing: a slice stops before its bound, so `:-1` leaves out the last. "
            "What does `::-1` do?"
        )
    if len(shape) == len(wanted) and short[:2] == [0, 0] and short[2] > 0:
        return "Columns are missing: does it work for every width?"
    return ORDER


def _short_row(row: np.ndarray) -> str:
    numbers = [f"{value:.4g}" for value in row.tolist()]
    if len(numbers) > 5:
        numbers[2:-2] = ["…"]
    return f"[{', '.join(numbers)}]"


def _rows_around(image: np.ndarray, got: np.ndarray, place: tuple[int, ...]) -> str:
    row = place[:2]
    return f"the input has the row {_short_row(image[row])} there, you have {_short_row(got[row])}"


def _check_mirror(attempt) -> None:
    random = np.random.default_rng(0)
    for height, width in ((2, 3), (4, 4), (5, 8), (2, 130)):
        for dtype in (np.uint8, np.float32):
            image = (random.random((3, height, width)) * 255).astype(dtype)
            result = attempt(image)
            hint = _shape_hint(tuple(getattr(result, "shape", ())), image.shape)
            got = array(result, image.shape, np.ndarray, hint)
            if got.dtype != image.dtype:
                raise Mistake(f"the dtype should stay {image.dtype}, yours is {got.dtype}.")
            require_entries(
                got,
                _mirrored(image),
                _suspects(image),
                _order_hint(got, image),
                context=partial(_rows_around, image, got),
            )


def _order_hint(got: np.ndarray, image: np.ndarray) -> str:
    if np.array_equal(np.sort(got, axis=2), np.sort(image, axis=2)):
        return "The columns are not in reversed order."
    return "Which axis holds the columns?"


def _suspects(image: np.ndarray) -> list[tuple[str, np.ndarray]]:
    return [
        ("Nothing moved: did you return the input?", image),
        ("Is it upside down? The height is axis 1, the width is axis 2.", image[:, ::-1]),
        ("Did you reverse the colour channels instead of the columns?", image[::-1]),
        ("Did you reverse the rows as well as the columns?", image[:, ::-1, ::-1]),
        ("Did you reverse every axis?", image[::-1, ::-1, ::-1]),
        ("Did you swap height and width?", image.swapaxes(1, 2)),
        (OFF_BY_ONE, np.roll(image[:, :, ::-1], 1, axis=2)),
        (OFF_BY_ONE, np.roll(image[:, :, ::-1], -1, axis=2)),
    ]


def _in_place(image):
    image[:] = image[:, :, ::-1].copy()
    return image


EXERCISES = (
    Exercise(
        chapter=CHAPTER,
        reference=mirror,
        checker=_check_mirror,
        praise="equal to a loop over all pixels on 8 images",
        mutants=(
            Mutant(lambda image: image[:, ::-1], "upside down"),
            Mutant(lambda image: image[::-1], "reverse the colour channels"),
            Mutant(lambda image: image.swapaxes(1, 2), "swap two axes"),
            Mutant(lambda image: image[:, :, :-1], "One column is missing"),
            Mutant(lambda image: image[:, :, -1:0:-1], "One column is missing"),
            Mutant(lambda image: image[:, :-1], "One row is missing"),
            Mutant(lambda image: image[:, :, -1], "index with a single number"),
            Mutant(lambda image: image[:, :, :1], "Columns are missing"),
            Mutant(lambda image: image[:, :, 7::-1], "does it work for every width?"),
            Mutant(lambda image: image[:, :, 31::-1], "does it work for every width?"),
            Mutant(lambda image: image[:1, :, ::-1], "The order is channel, height, width."),
            Mutant(lambda image: image[:, :, [-j for j in range(image.shape[2])]], "off by one?"),
            Mutant(lambda image: image[:, :, range(-2, -2 - image.shape[2], -1)], "off by one?"),
            Mutant(lambda image: torch.as_tensor(image)[:, :, ::-1], "use numpy, or torch.flip."),
            Mutant(lambda image: np.sort(image, axis=2), "not in reversed order"),
            Mutant(lambda image: image[:, ::-1, ::-1], "rows as well as"),
            Mutant(lambda image: np.flip(image), "every axis"),
            Mutant(lambda image: image, "did you return the input?"),
            Mutant(lambda image: image.copy(), "the input has the row [162, 68, 10] there"),
            Mutant(lambda image: np.roll(image, 1, axis=2), "not in reversed order."),
            Mutant(lambda image: image[:, :, ::-1] / 255, "dtype should stay uint8"),
            Mutant(lambda image: image[:, :, ::-1].tolist(), "should be an array, yours is a list"),
            Mutant(lambda image: np.sort(image, axis=0), "Which axis holds the columns?"),
            Mutant(_in_place, "changes its input `image`"),
        ),
    ),
)
