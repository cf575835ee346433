"""Figures of sound: waveforms, spectrograms, filter banks, and gates over a spoken word.

Each returns a matplotlib ``Figure`` with its alt text. Time is in seconds, frequency in hertz.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float, Num
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.charts.looks import WIDEST, line_look
from xmodal_lab.workbook.kit.figures import described
from xmodal_lab.workbook.kit.style import COLOURS

Samples = Num[np.ndarray, " samples"]
Levels = Num[np.ndarray, "frames bands"]
# Where the panels of ``gates`` begin and end, as shares of its width: a player's pointer moves
# between them.
LEFT, RIGHT = 0.085, 0.83
FEW = 16  # filters that are told apart as lines


def waveforms(
    sounds: Mapping[str, Samples],
    rate: int,
    limits: tuple[float, float] | None = None,
    shared: bool = True,
) -> Figure:
    """Waveforms below each other, on one axis of time.

    Args:
        sounds: title → samples; 16-bit steps are drawn as parts of the loudest possible.
        rate: samples a second.
        limits: seconds to show of them; all by default.
        shared: False to give each a scale of pressure of its own.
    """
    heard = {title: level(samples) for title, samples in sounds.items()}
    longest = max(len(samples) for samples in heard.values()) / rate
    peaks = {title: 1.05 * np.abs(samples).max() or 1.0 for title, samples in heard.items()}
    fig = Figure(figsize=(8.6, 0.6 + 1.05 * len(heard)))
    axes = fig.subplots(len(heard), 1, sharex=True, squeeze=False)[:, 0]
    begin, end = limits or (0, longest)
    for axis, (title, samples) in zip(axes, heard.items(), strict=True):
        dots = (end - begin) * rate < 200  # so few that each sample is seen
        look = {"marker": "o", "markersize": 4} if dots else {"lw": 0.7}
        axis.plot(np.arange(len(samples)) / rate, samples, color=COLOURS["green"], **look)
        axis.set_title(title, loc="left", fontsize=10)
        peak = max(peaks.values()) if shared else peaks[title]
        axis.set(ylim=(-peak, peak), xlim=(begin, end), ylabel="pressure", xlabel="time / s")
    _unseen(axes[:-1])
    told = "; ".join(f"{say.line(title)}: {_loud(s, rate)}" for title, s in heard.items())
    return described(
        fig,
        f"Waveforms, pressure (loudest possible = 1) against time / s, from "
        f"{say.number(begin)} to {say.number(end)}. {told}.",
    )


def _unseen(axes: Sequence[Axes]) -> None:
    """Labels of a time that panels share are drawn below the last one; a digest tells all."""
    for axis in axes:
        axis.xaxis.label.set_visible(False)


def level(samples: Samples) -> Float[np.ndarray, " samples"]:
    """Samples as parts of the loudest possible; 16-bit steps are 1/32,768 each."""
    samples = np.asarray(samples)
    return samples / 32768 if samples.dtype == np.int16 else samples.astype(float)


def _loud(samples: Float[np.ndarray, " samples"], rate: int) -> str:
    return (
        f"{say.number(len(samples) / rate)} s, largest {say.number(np.abs(samples).max())} at "
        f"{say.number(np.abs(samples).argmax() / rate)} s"
    )


def spectrogram(
    panels: Mapping[str, Levels],
    hop: float,
    top: float,
    scale: Literal["Hz", "mel"] = "Hz",
    unit: str = "level / dB",
    bounds: tuple[float, float] | None = None,
    columns: int = 3,
) -> Figure:
    """Spectrograms side by side, with one scale of colours: bright is loud.

    Args:
        panels: title → levels (frames, bands), from the lowest band to the highest.
        hop: seconds from frame to frame.
        top: highest frequency in hertz.
        scale: 'Hz' for bands that are equally wide, 'mel' for those of a mel filter bank.
        unit: what the levels are, and their unit.
        bounds: levels of the darkest and the brightest colour; those of the panels by default.
        columns: panels side by side.
    """
    parts = {title: np.asarray(part, dtype=float) for title, part in panels.items()}
    columns = min(columns, len(parts))
    rows = -(-len(parts) // columns)
    low, high = bounds or (
        min(p.min() for p in parts.values()),
        max(p.max() for p in parts.values()),
    )
    fig = Figure(figsize=(min(WIDEST, 2.2 + 3.6 * columns), 0.3 + 2.7 * rows))
    axes = np.ravel(fig.subplots(rows, columns, squeeze=False, sharey=True))
    for axis in axes[len(parts) :]:
        axis.axis("off")
    for number, (axis, (title, part)) in enumerate(zip(axes, parts.items(), strict=False)):
        image = axis.imshow(
            part.T, origin="lower", aspect="auto", cmap="magma", vmin=low, vmax=high,
            extent=(0, len(part) * hop, *_edges(part.shape[1], top, scale)),
        )  # fmt: skip
        axis.set_title(title, fontsize=11)
        axis.set_xlabel("time / s")
        if number % columns == 0:
            axis.set_ylabel("frequency / Hz" if scale == "Hz" else "frequency / Hz, mel scale")
    if scale == "mel":
        ticks = [f for f in (0, 250, 500, 1000, 2000, 4000, 8000) if f <= top]
        axes[0].set_yticks([_mel(f) for f in ticks], [str(f) for f in ticks])
    fig.colorbar(image, ax=list(axes), label=unit, fraction=0.05)
    told = "; ".join(f"{say.line(t)}: {_loudest(p, hop, top, scale)}" for t, p in parts.items())
    kind = ", mel scale" if scale == "mel" else ""
    return described(
        fig, f"Spectrograms, {unit}: frequency / Hz{kind} against time / s; bright is loud. {told}."
    )


def _mel(hertz: float) -> float:
    """The mel scale as HTK has it."""
    return float(2595 * np.log10(1 + np.asarray(hertz) / 700))


def _edges(bands: int, top: float, scale: str) -> tuple[float, float]:
    """Lower edge of the lowest band and upper edge of the highest one."""
    if scale == "Hz":  # of a Fourier transform: the first band is 0 Hz, the last one the top
        half = top / (bands - 1) / 2
        return -half, top + half
    step = _mel(top) / (bands + 1)
    return step / 2, _mel(top) - step / 2


def _loudest(part: Levels, hop: float, top: float, scale: str) -> str:
    frame, band = np.unravel_index(part.argmax(), part.shape)
    low, high = _edges(part.shape[1], top, scale)
    place = low + (band + 0.5) * (high - low) / part.shape[1]
    hertz = place if scale == "Hz" else 700 * (10 ** (place / 2595) - 1)
    return (
        f"{part.shape[1]} bands in {part.shape[0]} frames, levels from {say.number(part.min())} to "
        f"{say.number(part.max())}, loudest at {say.number((frame + 0.5) * hop)} s and "
        f"{say.number(max(hertz, 0))} Hz"
    )


def filter_bank(panels: Mapping[str, Num[np.ndarray, "bins filters"]], top: float) -> Figure:
    """How strongly each filter of a bank answers each frequency.

    Up to 16 filters are lines; more are the rows of a picture, where bright is strong.

    Args:
        panels: title → response of each filter at bins from 0 Hz to ``top``.
        top: hertz of the last bin.
    """
    fig = Figure(figsize=(WIDEST if len(panels) > 1 else 6.4, 3.2))
    axes, told = fig.subplots(1, len(panels), squeeze=False)[0], []
    for axis, (title, responses) in zip(axes, panels.items(), strict=True):
        responses = np.asarray(responses, dtype=float)
        hertz, count = np.linspace(0, top, len(responses)), responses.shape[1]
        peaks = hertz[responses.argmax(axis=0)]
        if count <= FEW:
            for number in range(count):
                axis.plot(hertz, responses[:, number], **line_look(number, marker=False))
            axis.set_ylabel("weight")
        else:
            axis.imshow(
                responses.T, origin="lower", aspect="auto", cmap="magma",
                extent=(0, top, 0.5, count + 0.5),
            )  # fmt: skip
            axis.set_ylabel("filter")
        axis.set_title(title)
        axis.set(xlabel="frequency / Hz", xlim=(0, top))
        told.append(
            f"{say.line(title)}: {count} filters, their strongest frequencies from "
            f"{say.number(peaks.min())} to {say.number(peaks.max())} Hz, half of them below "
            f"{say.number(np.median(peaks))} Hz"
        )
    return described(
        fig, f"Filter banks: the weight of each filter against frequency / Hz. {'; '.join(told)}."
    )


def gates(
    waveform: Samples,
    rate: int,
    frames: Levels,
    traces: Mapping[str, Num[np.ndarray, "steps ..."]],
    words: Sequence[tuple[str, float, float]] = (),
    hop: float = 0.02,
    ylabel: str = "mean of the units",
) -> Figure:
    """A waveform, its log-mel spectrogram and traces of a network below, on one axis of time.

    Args:
        waveform: samples.
        rate: samples a second.
        frames: log-mel levels (frames, mels).
        traces: name → value at each step, or (steps, units), of which the mean is drawn. The steps
            share the time of the waveform evenly.
        words: (word, begin, end) in seconds: marked across all panels.
        hop: seconds from frame to frame.
        ylabel: what the traces are.
    """
    samples, end = level(waveform), len(waveform) / rate
    lines = {
        name: (end * (np.arange(len(trace)) + 0.5) / len(trace), _over_units(trace))
        for name, trace in traces.items()
    }
    panels = 3 if lines else 2
    # Places are given: a player's pointer has to know them.
    fig = Figure(figsize=(WIDEST, 1.9 * panels), layout="none")
    space = {"left": LEFT, "right": RIGHT, "top": 0.93, "bottom": 0.6 / (1.9 * panels)}
    axes = fig.subplots(panels, 1, sharex=True, gridspec_kw=space | {"hspace": 0.12})
    axes[0].plot(np.arange(len(samples)) / rate, samples, color=COLOURS["green"], lw=0.7)
    peak = 1.05 * np.abs(samples).max() or 1.0
    axes[0].set(ylabel="pressure", ylim=(-peak, peak))
    bands = np.shape(frames)[1]
    axes[1].imshow(
        np.asarray(frames).T, origin="lower", aspect="auto", cmap="magma",
        extent=(0, len(frames) * hop, 0.5, bands + 0.5),
    )  # fmt: skip
    axes[1].set_ylabel("mel band")
    if lines:
        for number, (name, (x, y)) in enumerate(lines.items()):
            axes[2].plot(x, y, label=name, **line_look(number, marker=False))
        axes[2].set_ylabel(ylabel)
        axes[2].grid()
        axes[2].legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=10)
    for axis in axes:
        axis.set(xlabel="time / s", xlim=(0, end))
    _unseen(axes[:-1])
    for word, begin, stop in words:
        _mark(axes, word, begin, stop)
    spoken = f" Words: {', '.join(_spoken(*word) for word in words)}." if words else ""
    courses = f" {ylabel}, {say.courses(lines)}." if lines else ""
    return described(
        fig,
        f"A waveform (pressure against time / s) of {_loud(samples, rate)}; below it the levels of "
        f"{bands} bands (mel band), bright is loud{', and traces' if lines else ''}.{spoken}"
        f"{courses}",
    )


def _over_units(trace) -> Float[np.ndarray, " steps"]:
    trace = np.asarray(trace, dtype=float)
    return trace.reshape(len(trace), -1).mean(axis=1)


def _mark(axes: Sequence[Axes], word: str, begin: float, end: float) -> None:
    for axis, colour in zip(axes, ("black", "white", "black"), strict=False):
        for edge in (begin, end):
            axis.axvline(edge, color=colour, linestyle=(0, (4, 3)), lw=0.9)
    axes[0].text(
        (begin + end) / 2, 1.03, word, transform=axes[0].get_xaxis_transform(), ha="center",
        fontsize=10,
    )  # fmt: skip


def _spoken(word: str, begin: float, end: float) -> str:
    return f"“{word}” from {say.number(begin)} to {say.number(end)} s"
