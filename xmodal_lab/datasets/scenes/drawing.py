"""Scenes as pictures: shapes as signed distances, so that every edge is smooth at every size.

Lengths are in units of a 64 × 64 canvas; y points down, as rows of an image do. A signed distance
is negative inside a shape, so a pixel's coverage is ``clip(0.5 - distance in pixels, 0, 1)``.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from xmodal_lab.datasets.scenes.factors import Scene, Thing

CANVAS = 64.0
RGB = {
    "red": (222, 40, 44),
    "green": (38, 176, 62),
    "blue": (48, 84, 232),
    "yellow": (244, 222, 48),
    "purple": (152, 58, 196),
    "orange": (246, 138, 28),
    "cyan": (48, 212, 222),
    "white": (240, 240, 238),
}
RADII = {"small": (9.5, 10.5), "large": (14.5, 16.0)}
COLOUR_JITTER, NOISE, TILT = 14.0, 9.0, np.deg2rad(22)

Patch = Float[np.ndarray, "height width"]


def _circle(x: Patch, y: Patch) -> Patch:
    return np.hypot(x, y) - 0.94


def _square(x: Patch, y: Patch) -> Patch:
    return np.maximum(np.abs(x), np.abs(y)) - 0.8


def _triangle(x: Patch, y: Patch) -> Patch:
    slanted = 0.8660254 * np.abs(x) - 0.5 * y
    return np.maximum(slanted, y) - 0.52


def _star(x: Patch, y: Patch) -> Patch:
    # Fold the plane into one of five equal wedges; what is left is one edge, a straight line.
    angle = np.arctan2(x, -y)
    wedge = 2 * np.pi / 5
    folded = np.abs(angle - wedge * np.round(angle / wedge))
    radius = np.hypot(x, y)
    along, across = radius * np.cos(folded), radius * np.sin(folded)
    tip, notch = (1.05, 0.0), (0.46 * np.cos(wedge / 2), 0.46 * np.sin(wedge / 2))
    edge = np.array([tip[0] - notch[0], tip[1] - notch[1]])
    edge /= np.hypot(*edge)
    return -(along - tip[0]) * edge[1] + (across - tip[1]) * edge[0]


def _heart(x: Patch, y: Patch) -> Patch:
    # Two discs and a square standing on its corner: the square's side is a disc's diameter.
    x = np.abs(x)
    disc = np.hypot(x - 0.43, y + 0.3) - 0.55
    body = 0.70710678 * (x + np.abs(y - 0.06)) - 0.60
    return np.minimum(disc, body)


def _cross(x: Patch, y: Patch) -> Patch:
    x, y = np.abs(x), np.abs(y)
    return np.minimum(
        np.maximum(x - 0.98, y - 0.32),
        np.maximum(x - 0.32, y - 0.98),
    )


def _ring(x: Patch, y: Patch) -> Patch:
    return np.abs(np.hypot(x, y) - 0.74) - 0.24


def _moon(x: Patch, y: Patch) -> Patch:
    return np.maximum(np.hypot(x, y) - 0.98, 0.78 - np.hypot(x - 0.48, y))


DISTANCE = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "heart": _heart,
    "cross": _cross,
    "ring": _ring,
    "moon": _moon,
}


def draw(
    scene: Scene, size: int = 32, generator: np.random.Generator | None = None
) -> UInt8[np.ndarray, "3 {size} {size}"]:
    """Draw a scene: red, green and blue levels of size × size pixels.

    The generator decides position, tilt, colour and background first and the noise last: the
    same generator state gives the same picture at every size, only sharper.

    Args:
        scene: what to draw.
        size: pixels a side; the encoders are trained with 32.
        generator: without it the plainest picture results: centred, upright, free of noise.

    Raises:
        ValueError: where size is below 8.
    """
    if size < 8:
        raise ValueError(f"a picture needs at least 8 pixels a side, got size={size}")
    draws = generator.random(8 + 6 * len(scene.things)) if generator is not None else None
    image = background(size, draws[:4] if draws is not None else None)
    centres, radii = _layout(scene, draws[4:8] if draws is not None else None, draws)
    for number, thing in enumerate(scene.things):
        throw = draws[8 + 6 * number :] if draws is not None else np.full(6, 0.5)
        tilt = TILT * (2 * throw[1] - 1)
        paint(image, thing, centres[number], radii[number], tilt, throw[2:5])
    return levels(image, generator)


def levels(
    image: Float[np.ndarray, "3 size size"], generator: np.random.Generator | None
) -> UInt8[np.ndarray, "3 size size"]:
    """Add the noise, where there is a generator, and round to 0–255."""
    if generator is not None:
        # The difference of two even throws has a triangular density; 32 bits are enough for each.
        noise = generator.random((2, *image.shape), dtype=np.float32)
        image += NOISE * (noise[0] - noise[1])
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def background(size: int, draws: np.ndarray | None) -> Float[np.ndarray, "3 size size"]:
    """A dark grey, sloping a little; four throws decide how, None stands for the plainest."""
    level, slope, angle, tint = (0.5, 0.0, 0.0, 0.5) if draws is None else draws
    ramp = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    direction = 2 * np.pi * angle
    shade = np.cos(direction) * ramp[None, :] + np.sin(direction) * ramp[:, None]
    plane = 28 + 44 * level + 44 * slope * shade
    tints = np.array([tint - 0.5, 0.0, 0.5 - tint], dtype=np.float32) * 14
    return plane.astype(np.float32)[None] + tints[:, None, None]


def _layout(scene: Scene, draws: np.ndarray | None, throws: np.ndarray | None):
    """Centres (x, y) and radii; the relation's axis dominates.

    Two things may touch, but what lies in both stays below a hundredth of the smaller one.
    """
    radii = []
    for number, thing in enumerate(scene.things):
        low, high = RADII[thing.size]
        radii.append(low + (high - low) * (0.5 if throws is None else throws[8 + 6 * number]))
    if draws is None:
        draws = np.full(4, 0.5)
    if len(scene.things) == 1:
        room = CANVAS - 2 * radii[0]
        return [(radii[0] + room * draws[0], radii[0] + room * draws[1])], radii
    if scene.relation in ("right of", "below"):
        centres, reversed_radii = _layout_in_order(radii[::-1], draws)
        centres, radii = centres[::-1], reversed_radii[::-1]
    else:
        centres, radii = _layout_in_order(radii, draws)
    if scene.relation in ("above", "below"):
        centres = [(y, x) for x, y in centres]
    return centres, radii


def _layout_in_order(radii: list[float], draws: np.ndarray):
    first, second = radii
    room = CANVAS - first - second
    distance = min(first + second, room)
    distance += draws[0] * (room - distance)
    start = first + draws[1] * (room - distance)
    side_room = min(0.45 * distance, 10.0)
    middle = 32 + (draws[2] - 0.5) * side_room
    offset = (draws[3] - 0.5) * side_room
    across = [
        float(np.clip(middle + s * offset, r, CANVAS - r)) for s, r in ((1, first), (-1, second))
    ]
    return [(start, across[0]), (start + distance, across[1])], radii


def paint(
    image: Float[np.ndarray, "3 size size"],
    thing: Thing,
    centre: tuple[float, float],
    radius: float,
    tilt: float,
    shade: np.ndarray,
) -> None:
    """Paint a thing into an image; three throws of ``shade`` shift its red, green and blue."""
    rows, columns, part = coverage(thing.shape, centre, radius, tilt, image.shape[1])
    colour = np.array(RGB[thing.colour], dtype=np.float32)
    colour += COLOUR_JITTER * (2 * shade.astype(np.float32) - 1)
    patch = image[:, rows, columns]
    patch += part * (colour[:, None, None] - patch)


def coverage(
    shape: str, centre: tuple[float, float], radius: float, tilt: float, size: int
) -> tuple[slice, slice, Patch]:
    """How much of each pixel a shape covers, 0 to 1: rows and columns around it, and the shares.

    Args:
        shape: one of ``SHAPES``.
        centre, radius: in canvas units.
        tilt: in radians, clockwise.
        size: pixels a side of the picture.
    """
    scale = size / CANVAS
    # Only the square around the thing is computed: most of the picture stays untouched.
    reach = radius * 1.2 + 1 / scale
    columns = _span(centre[0], reach, scale, size)
    rows = _span(centre[1], reach, scale, size)
    x = (_pixel_middles(columns) / scale - centre[0]) / radius
    y = (_pixel_middles(rows) / scale - centre[1]) / radius
    cos, sin = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
    turned_x = cos * x[None, :] + sin * y[:, None]
    turned_y = cos * y[:, None] - sin * x[None, :]
    distance = DISTANCE[shape](turned_x, turned_y) * (radius * scale)
    return rows, columns, np.clip(0.5 - distance, 0, 1)


def _span(centre: float, reach: float, scale: float, size: int) -> slice:
    return slice(
        max(0, int((centre - reach) * scale)), min(size, int((centre + reach) * scale) + 1)
    )


def _pixel_middles(span: slice) -> Float[np.ndarray, " pixels"]:
    return np.arange(span.start, span.stop, dtype=np.float32) + 0.5
