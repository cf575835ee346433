"""Figures that come with their description: a digest that is compared, alt text that is read.

A recorded notebook holds each figure three times: as a picture, as the alt text for people who
do not see it, and as a digest of what was drawn. Pictures differ by a pixel between machines, so
they are never compared; digests hold nothing that a layout, a tie or a measured number decides,
so they are.
"""

from __future__ import annotations

import base64
import io
import sys
from itertools import groupby

from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from xmodal_lab.workbook.kit.mode import in_notebook
from xmodal_lab.workbook.kit.stopping import cut_short

SHARPNESS = 1.5  # saved pixels per displayed pixel: sharp on a dense screen, and still small
SHRINK_ABOVE = 30_000  # bytes; charts have few colours, and a chapter has many charts
SHORTEST_ALT = 20  # characters


class NoDescription(ValueError):
    """A figure or page has no alt text, or one that describes nothing."""


class Page(str):
    """HTML that brings its alt text, as ``described`` makes it."""

    alt: str


def described(shown: Figure | str, alt: str) -> Figure | Page:
    """A figure, or a page of HTML, with its alt text: ``show`` and ``explore`` find it there.

    Raises:
        ValueError: where the alt text says next to nothing.
    """
    shown = Page(shown) if isinstance(shown, str) else shown
    shown.alt = require_alt(alt)
    return shown


def show(fig: Figure, alt: str | None = None) -> None:
    """Display a figure with its alt text, and close it.

    Args:
        fig: a matplotlib figure, made with or without pyplot.
        alt: what somebody learns who does not see it: what is drawn, and what follows from it.
            Figures of ``workbook.charts`` bring theirs.

    Raises:
        TypeError: where ``fig`` is no figure.
        ValueError: where the alt text is missing or says next to nothing.
    """
    _require_figure(fig)
    alt = alt_of(fig, alt)
    text = digest(fig)
    picture, width, height = render(fig)
    close(fig)
    if not in_notebook():
        print(text)
        return
    from IPython.display import display

    display(
        {"image/png": base64.b64encode(picture).decode(), "text/plain": text},
        metadata={"image/png": {"alt": alt, "width": width, "height": height}},
        raw=True,
    )
    if cut := cut_short(before_this_cell=True):
        print(cut)


def _require_figure(fig) -> None:
    if not isinstance(fig, Figure):
        kind = type(fig).__name__
        raise TypeError(f"show(fig) wants a matplotlib Figure, got {kind}: pass `fig`")


def alt_of(shown: Figure | str, given: str | None = None) -> str:
    """The alt text that was given, else the one that ``shown`` brings; ValueError without any."""
    return require_alt(getattr(shown, "alt", None) if given is None else given)


def require_alt(alt: str | None) -> str:
    """The alt text, stripped; raises ValueError where it describes nothing."""
    text = " ".join(alt.split()) if isinstance(alt, str) else ""
    if alt is None:
        raise NoDescription(
            "this figure brings no alt text, as charts do: describe in a sentence what it shows, "
            "for people who do not see it, e.g. show(fig, alt='Two red dots above a blue one.')"
        )
    if len(text) < SHORTEST_ALT or len(text.split()) < 4:
        raise NoDescription(
            f"alt={alt!r} is too short: describe in a sentence what the figure shows, for people "
            "who do not see it, e.g. alt='Loss over 200 steps falls from 4.1 to 0.6.'"
        )
    return text


def render(fig: Figure, small: bool = True) -> tuple[bytes, int, int]:
    """PNG bytes of a figure, and the width and height to display it at, in pixels.

    ``small`` takes half as long again, for a picture that is to be kept.
    The same figure gives the same bytes: no date and no version is written into the file.
    """
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=100 * SHARPNESS, metadata={"Software": None})
    picture = buffer.getvalue()
    width, height = (round(100 * inches) for inches in fig.get_size_inches())
    if small and len(picture) > SHRINK_ABOVE:
        picture = shrink(picture)
    return picture, width, height


def shrink(picture: bytes) -> bytes:
    """The same PNG with at most 256 colours, where that makes it smaller."""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        few = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        few.save(buffer, format="png", optimize=True)
    return min(picture, buffer.getvalue(), key=len)


def close(fig: Figure) -> None:
    """Forget a pyplot figure, so that the notebook does not display it a second time."""
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(fig)


def digest(fig: Figure) -> str:
    """One line that says what was drawn: the same on every machine.

    A panel reads ``[title | x: label | y: label | what is drawn | legend: entries]``; neighbouring
    panels that read the same are counted. Notes inside a panel (names beside points, numbers in
    cells, arrows) are left out, words and number: which of them find room, and what they say, is
    decided by layouts and measured numbers.
    """
    panels = [_panel(axes) for axes in fig.axes if axes.get_visible()]
    told = []
    for panel, same in groupby(panels):
        count = len(list(same))
        told.append(f"{count} × [{panel}]" if count > 1 else f"[{panel}]")
    heading = fig.get_suptitle()
    return " ".join(["Figure", *([_plain(heading) + ":"] if heading else []), *told])


def _panel(axes) -> str:
    title = axes.get_title() or axes.get_title("left") or axes.get_title("right")
    parts = [_plain(title) or "–"]
    if axes.axison:
        parts += [
            f"x: {_plain(axes.get_xlabel()) or '–'}",
            f"y: {_plain(axes.get_ylabel()) or '–'}",
        ]
        if hasattr(axes, "get_zlabel"):
            parts.append(f"z: {_plain(axes.get_zlabel()) or '–'}")
    else:
        parts.append("no axes")
    parts.append(", ".join(_drawn(axes)) or "empty")
    legend = axes.get_legend()
    if legend is not None:
        entries = [_plain(text.get_text()) for text in legend.get_texts()]
        parts.append(f"legend: {', '.join(entries)}")
    return " | ".join(parts)


def _drawn(axes) -> list[str]:
    if axes.get_label() == "<colorbar>":
        return ["colour bar"]
    lines = [line for line in axes.lines if line.get_visible()]
    dots = [c for c in axes.collections if isinstance(c, PathCollection) and c.get_visible()]
    others = [c for c in axes.collections if not isinstance(c, PathCollection)]
    bars = sum(len(c) for c in axes.containers if isinstance(c, BarContainer))
    points = sum(len(line.get_xdata()) for line in lines) + sum(len(d.get_offsets()) for d in dots)
    counts = [
        (len(lines), "line"),
        (points, "point"),
        (bars, "bar"),
        (len(others), "area"),
    ]
    told = [f"{count} {noun}{'s' * (count > 1)}" for count, noun in counts if count]
    shapes = [image.get_array().shape for image in axes.images if isinstance(image, AxesImage)]
    return told + [f"image {'×'.join(map(str, shape))}" for shape in shapes]


def _plain(text: str) -> str:
    return " ".join(text.split())
