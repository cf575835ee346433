"""Crowds as pictures, and which pixels belong to which thing."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from xmodal_lab.datasets.crowds.factors import MOST, Crowd
from xmodal_lab.datasets.scenes.drawing import background, coverage, levels, paint

SIZE = 64
# A pixel belongs to a thing that covers at least so much of it.
BELONGS = 0.1


def draw(
    crowd: Crowd, size: int = SIZE, generator: np.random.Generator | None = None
) -> UInt8[np.ndarray, "3 {size} {size}"]:
    """Draw a crowd, with the shapes, colours, background and noise of ``scenes.draw``.

    Args:
        crowd: what to draw, and where.
        size: pixels a side; the encoders are trained with 64.
        generator: decides background, shades and noise; without it there are none of them.

    Raises:
        ValueError: where size is below 8.
    """
    if size < 8:
        raise ValueError(f"a picture needs at least 8 pixels a side, got size={size}")
    throws = None if generator is None else generator.random(4 + 3 * len(crowd.placed))
    image = background(size, None if throws is None else throws[:4])
    for number, placed in enumerate(crowd.placed):
        shade = np.full(3, 0.5) if throws is None else throws[4 + 3 * number :][:3]
        paint(image, placed.thing, (placed.x, placed.y), placed.radius, placed.tilt, shade)
    return levels(image, generator)


def masks(crowd: Crowd, size: int = SIZE) -> Bool[np.ndarray, "5 {size} {size}"]:
    """Which pixels belong to each thing: covered by it to at least a tenth; none where no thing is.

    Nothing random is in them: ``draw`` paints the same pixels whatever its generator.
    """
    found = np.zeros((MOST, size, size), bool)
    for number, placed in enumerate(crowd.placed):
        shape, centre = placed.thing.shape, (placed.x, placed.y)
        rows, columns, part = coverage(shape, centre, placed.radius, placed.tilt, size)
        found[number, rows, columns] = part >= BELONGS
    return found


def boxes(crowd: Crowd, size: int = SIZE) -> Float32[np.ndarray, "5 4"]:
    """The smallest box around each thing's pixels: x0, y0, x1, y1, in pixels; NaN for no thing.

    The borders lie between pixels: a thing of one pixel in the corner has the box 0, 0, 1, 1.
    """
    found = np.full((MOST, 4), np.nan, np.float32)
    for number, mask in enumerate(masks(crowd, size)[: len(crowd.placed)]):
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        found[number] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return found
