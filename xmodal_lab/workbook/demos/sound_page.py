"""What the widgets of sound share: a sound by its name, its frames, a player above a figure."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from xmodal_lab.batch import pad
from xmodal_lab.encoders.audio import LogMel
from xmodal_lab.workbook.charts import hearing
from xmodal_lab.workbook.charts.hearing import Levels, Samples, level
from xmodal_lab.workbook.kit import figures, sounds
from xmodal_lab.workbook.kit.figures import Page, described
from xmodal_lab.workbook.kit.style import COLOURS


def chosen(heard: Mapping[str, Samples], name: str) -> tuple[str, Samples]:
    """A sound and its name; the first one for an empty name.

    Raises:
        ValueError: for a name that is not there.
    """
    name = name or next(iter(heard))
    if name not in heard:
        raise ValueError(f"there is no sound {name!r}: choose one of {', '.join(heard)}")
    return name, heard[name]


def frames_of(samples: Samples, rate: int) -> Levels:
    """Log-mel levels (frames, 40), a frame every 20 ms; a shorter sound has silence behind it."""
    window, hop = rate * 32 // 1000, rate // 50
    steps = np.rint(level(samples) * 32768)
    steps = np.pad(steps, (0, max(window - len(steps), 0)))
    return LogMel(window=window, hop=hop, rate=rate)(pad([steps])).values[0].numpy()


def page(
    name: str, samples: Samples, rate: int, fig: Figure, below: str, moving: bool = False
) -> Page:
    """A player above a figure; ``moving`` draws a line over one of ``gates`` while it plays."""
    fig.alt = ""
    picture, width, _ = figures.render(fig)
    figures.close(fig)
    alt = f"A player of “{name}”, {len(samples) / rate:.1f} s; below it {below}."
    control, told = sounds.player(level(samples), rate, name, style="max-width:100%")
    pointer = ""
    if moving:
        pointer = (
            f'<div style="position:absolute;top:0;bottom:8%;left:{100 * hearing.LEFT:.1f}%;'
            f'width:2px;background:{COLOURS["vermilion"]}"></div>'
        )
        follow = (
            "const p=this.parentElement.querySelector('[style*=absolute]');"
            f"p.style.left=({100 * hearing.LEFT:.1f}+{100 * (hearing.RIGHT - hearing.LEFT):.1f}"
            "*this.currentTime/(this.duration||1))+'%'"
        )
        control = control.replace("<audio ", f'<audio ontimeupdate="{html.escape(follow)}" ', 1)
    image = (
        f'<div style="position:relative;display:inline-block;max-width:100%">'
        f'<img alt="{html.escape(alt)}" width="{width}" style="max-width:100%;display:block" '
        f'src="data:image/png;base64,{base64.b64encode(picture).decode()}">{pointer}</div>'
    )
    return described(f"<div>{control}<div>{told}</div>{image}</div>", alt)
