"""What a search found, as a row of cards: the picture, the words beside the sound."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import UInt8

from xmodal_lab.datasets.scenes import SAMPLE_RATE, SceneData
from xmodal_lab.workbook.sounds import wav_bytes
from xmodal_lab.workbook.style import COLOURS

SIDE = 112  # displayed pixels of a picture's side


def cards(
    data: SceneData,
    rows: Sequence[int],
    scores: Sequence[float] | None = None,
    show: Sequence[str] = ("image", "text", "audio"),
    heading: str = "",
    right: Mapping[int, str] | None = None,
) -> str:
    """HTML cards of some rows of a data set, side by side.

    Args:
        data: where the rows come from.
        rows: which ones, best first.
        scores: a number under each card, such as its cosine similarity to the query.
        show: which of 'image', 'text' and 'audio' a card shows.
        heading: a line above the cards.
        right: rows to be framed, with a word for each.
    """
    made = []
    for place, row in enumerate(rows, start=1):
        parts = []
        if "image" in show:
            parts.append(picture(data.images[row], f"Picture {place}: {data.captions[row]}"))
        if "text" in show:
            parts.append(f"<div>{html.escape(data.captions[row])}</div>")
        if "audio" in show:
            parts.append(player(data.waveforms[row], data.transcripts[row]))
        if scores is not None:
            parts.append(f'<div style="color:#666">cosine ≈ {float(scores[place - 1]):.2f}</div>')
        style = f"width:{SIDE + 30}px;font-size:12px;line-height:1.3;padding:5px"
        if right and row in right:
            style += f";outline:3px solid {COLOURS['green']};border-radius:6px"
            parts.append(f"<b>✓ {html.escape(right[row])}</b>")
        made.append(f'<div style="{style}">{"".join(parts)}</div>')
    title = f'<div style="margin:.4em 0"><b>{html.escape(heading)}</b></div>' if heading else ""
    return f'{title}<div style="display:flex;flex-wrap:wrap;gap:10px">{"".join(made)}</div>'


def picture(image: UInt8[np.ndarray, "3 height width"], alt: str) -> str:
    """An HTML image of a small picture, enlarged without blurring."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(buffer, format="png")
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}" width="{SIDE}" '
        f'height="{SIDE}" style="image-rendering:pixelated;border-radius:6px">'
    )


def player(waveform: np.ndarray, transcript: str) -> str:
    """An HTML audio player with its transcript below."""
    sound = base64.b64encode(wav_bytes(waveform / 32768, SAMPLE_RATE)).decode()
    text = html.escape(transcript)
    return (
        f'<audio controls preload="none" aria-label="{text}" style="width:100%;height:28px" '
        f'src="data:audio/wav;base64,{sound}"></audio><div style="color:#666">“{text}”</div>'
    )
