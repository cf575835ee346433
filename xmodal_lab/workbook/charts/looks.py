"""How the series of a chart are told apart: by colour and by a second cue."""

from __future__ import annotations

from xmodal_lab.workbook.kit.style import COLOURS, LINE_STYLES

WIDEST = 9.6  # inches; on a page of 800 pixels a wider figure has letters too small to read
PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}  # behind a note
TONES = ("blue", "vermilion", "green", "orange", "purple", "sky", "black")
MARKERS = "o^sDPXv*<>"


def dot_look(number: int) -> dict[str, str]:
    """Colour and marker of a group; no two of the first seventy are alike."""
    return {
        "color": COLOURS[TONES[number % len(TONES)]],
        "marker": MARKERS[number % len(MARKERS)],
    }


def line_look(number: int, marker: bool = True) -> dict:
    """Colour, line style and marker of a curve; no two of the first seventy are alike."""
    look = dot_look(number) | {"linestyle": LINE_STYLES[number % len(LINE_STYLES)]}
    return look if marker else look | {"marker": ""}
