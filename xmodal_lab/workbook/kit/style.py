"""The look shared by every figure: colours that survive colour blindness, and a second cue.

A modality is never told by colour alone: images are ● and solid, texts ▲ and dashed, audio ■
and dotted, in every chapter.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

import matplotlib

# Okabe and Ito, "Color universal design" (2008).
COLOURS = MappingProxyType(
    {
        "orange": "#E69F00",
        "sky": "#56B4E9",
        "green": "#009E73",
        "yellow": "#F0E442",
        "blue": "#0072B2",
        "vermilion": "#D55E00",
        "purple": "#CC79A7",
        "black": "#000000",
        "grey": "#767676",
    }
)


# Words on a page keep the colour of its theme, light or dark; ours are for frames, which stand out
# on both. A caption is paler by this opacity, and still legible (4.5 : 1, as WCAG 2.2 asks).
CAPTION = "opacity:.75"


def frame(colour: str) -> str:
    """CSS of a frame in one of ``COLOURS``."""
    return f"border:3px solid {COLOURS[colour]};border-radius:6px"


class Look(NamedTuple):
    """How a modality is drawn: ``ax.plot(x, y, **look.line)``, ``ax.scatter(x, y, **look.dot)``."""

    colour: str
    marker: str
    linestyle: str

    @property
    def line(self) -> dict[str, str]:
        """Keyword arguments for a line."""
        return {"color": self.colour, "linestyle": self.linestyle, "marker": self.marker}

    @property
    def dot(self) -> dict[str, str]:
        """Keyword arguments for a scatter of points."""
        return {"color": self.colour, "marker": self.marker}


MODALITY = MappingProxyType(
    {
        "image": Look(COLOURS["blue"], "o", "-"),
        "text": Look(COLOURS["vermilion"], "^", "--"),
        "audio": Look(COLOURS["green"], "s", ":"),
    }
)

# Black comes last: axes and labels are black already. Yellow is left out, too pale for a line.
CYCLE = tuple(
    COLOURS[name] for name in ("blue", "vermilion", "green", "orange", "purple", "sky", "black")
)
LINE_STYLES = ("-", "--", ":", "-.", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)))

RC = MappingProxyType(
    {
        "font.family": ["DejaVu Sans"],  # bundled with matplotlib: the same on every machine
        "font.size": 11,
        "axes.titlesize": 12,
        "axes.spines.top": False,
        "axes.spines.right": False,
        # No grid unless asked for (ax.grid()): matplotlib draws it across pictures and heat maps.
        "axes.axisbelow": True,
        "axes.grid": False,
        "grid.color": "#DDDDDD",
        "grid.linewidth": 0.8,
        "lines.linewidth": 1.8,
        "lines.markersize": 5,
        "legend.frameon": True,
        "legend.framealpha": 0.9,  # lines pass behind a legend; its words stay legible
        "legend.edgecolor": "#DDDDDD",
        "legend.fancybox": False,
        "figure.figsize": (7.0, 4.0),
        "figure.facecolor": "white",  # transparent pictures are unreadable in a dark theme
        "savefig.facecolor": "white",
        "figure.constrained_layout.use": True,
        "image.cmap": "viridis",
        "image.interpolation": "nearest",
    }
)


def apply() -> None:
    """Set the look for figures made from now on; other settings of matplotlib stay as they are."""
    from cycler import cycler

    matplotlib.rcParams.update(RC)
    matplotlib.rcParams["axes.prop_cycle"] = cycler(color=CYCLE) + cycler(linestyle=LINE_STYLES)
