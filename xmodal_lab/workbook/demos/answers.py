"""What a search found, as a row of cards: the picture, the words beside the sound."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes import SAMPLE_RATE, SceneData, Waveforms
from xmodal_lab.encoders.inputs import log_mel
from xmodal_lab.evaluation.spaces import embed_captions
from xmodal_lab.joint.retrieval import search
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.kit import sounds
from xmodal_lab.workbook.kit.figures import described
from xmodal_lab.workbook.kit.style import CAPTION, frame

SIDE = 112  # displayed pixels of a picture's side


class Label(NamedTuple):
    """How a card is marked: a word with a sign, and the colour of its frame, by name."""

    word: str
    colour: str


ASKED_FOR = Label("✓ asked for", "green")
TWIN = Label("⇄ its twin: relation reversed", "grey")


NOUNS = {"image": "pictures", "audio": "players of voices"}


class Answers:
    """Answers a caption with the pictures and voices that lie nearest to it in a joint space.

    A gallery cannot hold everything somebody may ask for. So the scene that the caption names is
    drawn and spoken on the spot and hidden in the gallery, with its twin: the same things, their
    relation reversed.

    Args:
        space: a trained joint space of text, image and audio.
        gallery: scenes to search in.
    """

    def __init__(self, space: JointSpace, gallery: SceneData) -> None:
        self.space, self.gallery = space, gallery
        self.points = space.embed_data(gallery)

    def ask(self, caption: str, pictures: int = 5, voices: int = 3) -> str:
        """HTML cards of the nearest pictures and voices; those drawn for the caption are framed.

        Raises:
            ValueError: for unknown words, with the nearest known ones, and for texts that are no
                caption of the grammar.
        """
        query = embed_captions(self.space, [caption])
        return self._page(caption, query, {"image": pictures, "audio": voices})

    def hear(self, caption: str, voice: int = 2, pictures: int = 5) -> str:
        """A player that speaks the caption, and cards of the pictures nearest to the *sound*.

        Args:
            caption: what the voice says.
            voice: 0 to 23; 20 and above never spoke in training.

        Raises:
            ValueError: as ``ask``.
        """
        sound = scenes.speak(caption, voice, scenes.stream(voice))
        frames = log_mel(Waveforms.collect([sound], 1))
        query = self.space.embed_all({"audio": frames})["audio"]
        page = self._page(caption, query, {"image": pictures})
        return described(player(sound, caption) + page, f"A player of voice {voice}. {page.alt}")

    def _page(self, caption: str, query: Tensor, found: Mapping[str, int]) -> str:
        scene = scenes.parse(caption)
        hidden = [scene] if scene.relation is None else [scene, scenes.swapped(scene, "relation")]
        guests = scenes.from_scenes(hidden, seed=7)
        new = self.space.embed_data(guests, *found)
        first = len(self.gallery)
        labels = {first: ASKED_FOR, first + 1: TWIN}
        headings = {"image": "Pictures it finds", "audio": "Voices that say it"}
        page, told = "", []
        for modality, count in found.items():
            cosines, rows = search(query, torch.cat([self.points[modality], new[modality]]), count)
            page += cards(
                self.gallery + guests,
                rows[0].tolist(),
                cosines[0].tolist(),
                [modality],
                headings[modality],
                labels,
            )
            told.append(f"{count} {NOUNS[modality]}{_places(rows[0].tolist(), labels)}")
        nearest = say.listed(told)
        return described(page, f"What lies nearest to “{caption}”, the best first: {nearest}.")


def _places(rows: Sequence[int], labels: Mapping[int, Label]) -> str:
    """Which of the cards are marked, and how."""
    marked = [f"{labels[row].word} is number {n}" for n, row in enumerate(rows, 1) if row in labels]
    return f" ({'; '.join(marked)})" if marked else " (nothing that was hidden is among them)"


def cards(
    data: SceneData,
    rows: Sequence[int],
    scores: Sequence[float] | None = None,
    show: Sequence[str] = ("image", "text", "audio"),
    heading: str = "",
    labels: Mapping[int, Label] | None = None,
) -> str:
    """HTML cards of some rows of a data set, side by side.

    Args:
        data: where the rows come from.
        rows: which ones, best first.
        scores: a number under each card, such as its cosine similarity to the query.
        show: which of 'image', 'text' and 'audio' a card shows.
        heading: a line above the cards.
        labels: rows to be marked and framed.
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
            parts.append(f'<div style="{CAPTION}">cosine ≈ {float(scores[place - 1]):.2f}</div>')
        style = (
            f"width:{SIDE + 30}px;font-size:12px;line-height:1.3;padding:5px;box-sizing:content-box"
        )
        if labels and row in labels:
            word, colour = labels[row]
            style += f";{frame(colour)}"
            parts.append(f"<b>{html.escape(word)}</b>")
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
    style = "width:100%;height:28px"
    control, told = sounds.player(waveform / 32768, SAMPLE_RATE, f"“{transcript}”", style)
    return f"{control}<div>{told}</div>"
