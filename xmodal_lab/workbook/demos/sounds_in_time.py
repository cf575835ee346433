"""Sounds to play and to look at: a player over its spectrogram, and a window to stretch.

Each class answers ``explore``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Num
from matplotlib.figure import Figure

from xmodal_lab.workbook.charts import hearing
from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.charts.hearing import Levels, Samples, level
from xmodal_lab.workbook.demos.sound_page import chosen, frames_of, page
from xmodal_lab.workbook.kit.figures import Page, described

Traces = Mapping[str, Num[np.ndarray, "steps ..."]]
Words = Sequence[tuple[str, float, float]]


class SpectrogramPlayer:
    """Plays a sound above its waveform, its log-mel spectrogram and what a network does with it.

    While it plays, a line moves over the picture.

    Args:
        heard: name → samples to choose from.
        rate: samples a second.
        traces: of a sound, name → values at each step, such as the gates of a cell; None for none.
        words: name → (word, begin, end) in seconds, where they are known.
        ylabel: what the traces are.
    """

    def __init__(
        self,
        heard: Mapping[str, Samples],
        rate: int,
        traces: Callable[[Samples], Traces] | None = None,
        words: Mapping[str, Words] | None = None,
        ylabel: str = "mean of the units",
    ) -> None:
        self.heard, self.rate, self.traces = dict(heard), rate, traces
        self.ylabel = ylabel
        self.words = words or {}

    def play(self, sound: str = "") -> Page:
        """A player and the picture of one of the sounds; the first by default.

        Raises:
            ValueError: for a sound that is not there.
        """
        name, samples = chosen(self.heard, sound)
        traces = self.traces(samples) if self.traces else {}
        frames, words = frames_of(samples, self.rate), self.words.get(name, ())
        fig = hearing.gates(samples, self.rate, frames, traces, words, ylabel=self.ylabel)
        below = f", and the traces {say.listed(traces)}" if traces else ""
        told = f"its waveform, its log-mel spectrogram{below}"
        return page(name, samples, self.rate, fig, told, moving=True)


class TimeAndFrequency:
    """Shows a sound's spectrogram through a window of any length.

    Args:
        heard: name → samples to choose from.
        rate: samples a second.
        hop: seconds from window to window.
    """

    def __init__(self, heard: Mapping[str, Samples], rate: int, hop: float = 0.002) -> None:
        self.heard, self.rate, self.hop = dict(heard), rate, hop

    def look(self, sound: str = "", milliseconds: int = 32) -> Figure:
        """The spectrogram of one of the sounds; the first by default.

        Args:
            milliseconds: length of the window.

        Raises:
            ValueError: for a sound that is not there, or a window of less than 4 samples.
        """
        return self.compare([milliseconds], sound)

    def compare(self, milliseconds: Sequence[int], sound: str = "") -> Figure:
        """The same through several windows, side by side."""
        name, samples = chosen(self.heard, sound)
        panels = {f"window of {ms} ms": self.levels(samples, ms) for ms in milliseconds}
        # 70 dB below the loudest there is hardly anything but noise.
        top = max(panel.max() for panel in panels.values())
        fig = hearing.spectrogram(
            panels, self.hop, self.rate / 2, bounds=(top - 70, top),
            columns=2 if len(panels) in (2, 4) else 3,
        )  # fmt: skip
        # Half of what a Hann window smears a tone over is 2 / length.
        ends = "; ".join(
            f"a window of {ms} ms tells apart {say.number(2000 / ms)} Hz and {ms} ms"
            for ms in milliseconds
        )
        return described(fig, f"“{name}”; roughly, {ends}. {fig.alt}")

    def levels(self, samples: Samples, milliseconds: int) -> Levels:
        """Levels in dB (frames, bins), a frame every ``hop`` seconds, each window in its middle."""
        window, hop = round(self.rate * milliseconds / 1000), round(self.rate * self.hop)
        if window < 4:
            raise ValueError(f"a window of {milliseconds} ms has {window} samples, 4 are needed")
        waveform = torch.from_numpy(level(samples)).float()
        spectrum = torch.stft(
            waveform, window, hop, window=torch.hann_window(window), return_complex=True,
            pad_mode="constant",
        )  # fmt: skip
        # The longer the window, the more it adds up: a steady tone has one level in all.
        loud = spectrum.abs() / (window / 4)
        return (20 * torch.log10(loud.clamp(min=1e-6))).T.numpy()


def clicks_and_tones(rate: int = 8000, seconds: float = 0.5) -> Float[np.ndarray, " samples"]:
    """Two tones 150 Hz apart and two clicks 8 ms apart: no window parts both pairs by 4 dB."""
    time = np.arange(int(rate * seconds)) / rate
    samples = 0.1 * (np.sin(2 * np.pi * 1425 * time) + np.sin(2 * np.pi * 1575 * time))
    for place in (0.5 * seconds, 0.5 * seconds + 0.008):
        samples[round(place * rate)] += 0.8
    return samples
