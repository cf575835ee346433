"""Figures of scenes: pictures with their words, speech as spectrograms, answers to a query.

Each returns a matplotlib ``Figure`` with its alt text. What depends on training stands
in notes, never in titles: titles are compared when a notebook is checked.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.patches import Rectangle

from xmodal_lab.datasets.scenes import SAMPLE_RATE, SceneData
from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.kit.figures import described
from xmodal_lab.workbook.kit.style import COLOURS


def scene_grid(data: SceneData, rows: Sequence[int], columns: int = 6) -> Figure:
    """Pictures of some rows with their captions below."""
    height = -(-len(rows) // columns)
    fig = Figure(figsize=(1.6 * columns, 2.5 * height))
    axes = np.ravel(fig.subplots(height, columns))
    for axis in axes:
        axis.axis("off")
    for axis, row in zip(axes, rows, strict=False):
        _picture(axis, data.images[row], data.captions[row])
    told = "; ".join(data.captions[row] for row in rows)
    return described(fig, f"{say.several(len(rows), 'picture')} with their captions: {told}.")


def three_ways(data: SceneData, row: int) -> Figure:
    """One scene seen, read and heard: picture, caption, and spectrogram of its speech."""
    fig = Figure(figsize=(9.5, 2.9))
    seen, heard = fig.subplots(1, 2, width_ratios=(1, 2.6))
    seen.axis("off")
    _picture(seen, data.images[row], f"“{data.captions[row]}”", width=26)
    spectrogram(heard, data.waveforms[row])
    heard.set_title(f"voice {data.voices[row]}: “{data.transcripts[row]}”", fontsize=10)
    return described(
        fig,
        f"A picture with its caption “{data.captions[row]}”, beside the spectrogram of voice "
        f"{data.voices[row]} saying “{data.transcripts[row]}”, {_sound(data.waveforms[row])}.",
    )


def _sound(waveform: np.ndarray) -> str:
    seconds = say.number(len(waveform) / SAMPLE_RATE)
    return f"{seconds} seconds of time by frequency, up to {SAMPLE_RATE / 2000:g} kHz"


def spectrogram(axis: Axes, waveform: np.ndarray) -> None:
    """Draw how loud each frequency is over time, in decibels below the loudest."""
    samples = np.asarray(waveform, dtype=float)
    window, hop = 256, 64
    starts = np.arange(0, len(samples) - window, hop)
    frames = samples[starts[:, None] + np.arange(window)] * np.hanning(window)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    decibels = 10 * np.log10(power / power.max() + 1e-6)
    axis.imshow(
        decibels.T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        extent=(0, len(samples) / SAMPLE_RATE, 0, SAMPLE_RATE / 2000),
        interpolation="bilinear",
    )
    axis.set(xlabel="time / s", ylabel="frequency / kHz")


def spoken_search(
    waveform: np.ndarray, transcript: str, data: SceneData, found: Sequence[int], right: int
) -> Figure:
    """A spoken query and the pictures it found, the right one framed and ticked."""
    fig = Figure(figsize=(9.6, 2.8))
    spoken_search_on(fig, waveform, transcript, data, found, right)
    answers = "; ".join(
        f"{place}, {data.captions[row]}{', the right one, framed' if row == right else ''}"
        for place, row in enumerate(found, start=1)
    )
    missing = "" if right in list(found) else " The right one is not among them."
    return described(
        fig,
        f"The spectrogram of a spoken question, “{transcript}”, {_sound(waveform)}, and the "
        f"pictures found for it, the nearest first: {answers}.{missing}",
    )


def spoken_search_on(fig: FigureBase, waveform, transcript, data, found, right) -> None:
    """The same on a figure, or a part of one, that exists already."""
    axes = fig.subplots(1, 1 + len(found), width_ratios=(2.3, *[1] * len(found)))
    spectrogram(axes[0], waveform)
    axes[0].set_title("the question, spoken", fontsize=10)
    words = textwrap.fill(f"“{transcript}”", 38)
    axes[0].set_xlabel(f"time / s\n{words}", fontsize=9)
    for place, (axis, row) in enumerate(zip(axes[1:], found, strict=True), start=1):
        axis.axis("off")
        axis.imshow(data.images[row].transpose(1, 2, 0))
        axis.set_title(f"answer {place}", fontsize=10)
        if row == right:
            _frame(axis, "✓ this one")


def _frame(axis: Axes, note: str) -> None:
    axis.add_patch(
        Rectangle((-0.5, -0.5), 32, 32, fill=False, edgecolor=COLOURS["green"], linewidth=5)
    )
    axis.text(15.5, 36.5, note, ha="center", color=COLOURS["green"], fontsize=10, weight="bold")


def minimal_pair(
    image: UInt8[np.ndarray, "3 height width"],
    captions: Sequence[str],
    cosines: Sequence[float],
) -> Figure:
    """A picture beside its true caption and a swapped one, with how similar each is to it."""
    fig = Figure(figsize=(8.6, 2.5))
    seen, told = fig.subplots(1, 2, width_ratios=(1, 2.6))
    seen.axis("off")
    seen.imshow(image.transpose(1, 2, 0))
    # A list: matplotlib 3.8.0 takes a pair of colours for a colour and its opacity.
    colours = [COLOURS["blue"], COLOURS["orange"]]
    told.barh([1, 0], cosines, color=colours, height=0.32)
    for place, name, caption, cosine in zip(
        (1, 0), ("true", "swapped"), captions, cosines, strict=True
    ):
        told.text(0, place + 0.22, f"{name}: {caption}", va="bottom", fontsize=10)
        told.text(cosine + 0.01, place, f"{cosine:.2f}", va="center", fontsize=10)
    told.set(
        xlim=(0, 1.12),
        ylim=(-0.35, 1.65),
        yticks=[],
        xlabel="cosine to the picture",
        ylabel="caption",
    )
    told.grid(axis="x")
    bars = "; ".join(
        f"{name}, “{caption}”: {cosine:.2f}".replace("-", "−")
        for name, caption, cosine in zip(("true", "swapped"), captions, cosines, strict=True)
    )
    return described(fig, f"A picture, and bars of its cosine to two captions. {bars}.")


def log_mel(frames: Float[np.ndarray, "frames mels"]) -> Figure:
    """What the audio encoder reads: log-mel levels over time."""
    fig = Figure(figsize=(8.5, 2.4))
    axis = fig.subplots()
    axis.imshow(
        np.asarray(frames).T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        extent=(0, len(frames) * 0.02, 0.5, 40.5),
    )
    axis.set(xlabel="time / s", ylabel="mel band")
    loudness = np.asarray(frames).mean(axis=1)
    # The middle of the range parts words from pauses.
    loud = 100 * (loudness > (loudness.min() + loudness.max()) / 2).mean()
    return described(
        fig,
        f"Levels of {np.shape(frames)[1]} mel bands over {say.number(len(frames) * 0.02)} seconds; "
        f"bright is loud. {loud:.0f} % of the time are bright, loudest at "
        f"{say.number(loudness.argmax() * 0.02)} s.",
    )


def _picture(axis: Axes, image: np.ndarray, caption: str, width: int = 20) -> None:
    axis.imshow(image.transpose(1, 2, 0))
    axis.text(
        image.shape[2] / 2 - 0.5,
        image.shape[1] * 1.02,
        textwrap.fill(caption, width),
        ha="center",
        va="top",
        fontsize=9,
    )
