"""Sounds to play, to look at and to spoil: a player over its spectrogram, a window to stretch,
noise to turn up, and a file of one's own.

Each class answers ``explore``. A recogniser comes in as ``answer(waveform) -> probabilities``.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Num
from matplotlib.figure import Figure
from torch import Tensor

from xmodal_lab.batch import pad
from xmodal_lab.datasets import sounds as files
from xmodal_lab.encoders.audio import LogMel
from xmodal_lab.workbook.charts import hearing
from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.charts.hearing import Levels, Samples, level
from xmodal_lab.workbook.kit import figures, sounds
from xmodal_lab.workbook.kit.figures import Page, described
from xmodal_lab.workbook.kit.mode import in_notebook, is_static
from xmodal_lab.workbook.kit.style import COLOURS

Traces = Mapping[str, Num[np.ndarray, "steps ..."]]
Answer = Callable[[Float[np.ndarray, " samples"]], Float[np.ndarray, " classes"] | Tensor]
Words = Sequence[tuple[str, float, float]]
TOLD = 12  # classes whose probabilities are told one by one
SECONDS, MEGABYTES = 10.0, 5.0  # of an uploaded sound


class SpectrogramPlayer:
    """Plays a sound above its waveform, its log-mel spectrogram and what a network does with it.

    While it plays, a line moves over the picture.

    Args:
        heard: name → samples to choose from.
        rate: samples a second.
        traces: of a sound, name → values at each step, such as the gates of a cell; None for none.
        words: name → (word, begin, end) in seconds, where they are known.
    """

    def __init__(
        self,
        heard: Mapping[str, Samples],
        rate: int,
        traces: Callable[[Samples], Traces] | None = None,
        words: Mapping[str, Words] | None = None,
    ) -> None:
        self.heard, self.rate, self.traces = dict(heard), rate, traces
        self.words = words or {}

    def play(self, sound: str = "") -> Page:
        """A player and the picture of one of the sounds; the first by default.

        Raises:
            ValueError: for a sound that is not there.
        """
        name, samples = chosen(self.heard, sound)
        traces = self.traces(samples) if self.traces else {}
        fig = hearing.gates(
            samples, self.rate, frames_of(samples, self.rate), traces, self.words.get(name, ())
        )
        below = f", and the traces {say.listed(traces)}" if traces else ""
        return _page(name, samples, self.rate, fig, f"its waveform, its log-mel spectrogram{below}")


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
        fig = hearing.spectrogram(panels, self.hop, self.rate / 2, bounds=(top - 70, top))
        ends = "; ".join(
            f"a window of {ms} ms tells apart {say.number(1000 / ms)} Hz and {ms} ms"
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
    """Two tones 60 Hz apart and two clicks 20 ms apart: no window parts both pairs well."""
    time = np.arange(int(rate * seconds)) / rate
    samples = 0.1 * (np.sin(2 * np.pi * 1500 * time) + np.sin(2 * np.pi * 1560 * time))
    for place in (0.5 * seconds, 0.5 * seconds + 0.02):
        samples[round(place * rate)] += 0.8
    return samples


class Noisy:
    """Plays a sound under noise, and shows what a recogniser answers.

    Args:
        heard: what is said → samples to choose from.
        rate: samples a second.
        answer: gives probabilities of a waveform in [-1, 1].
        classes: what they are of.
        seed: of the noise, which is the same for every strength.
    """

    def __init__(
        self,
        heard: Mapping[str, Samples],
        rate: int,
        answer: Answer,
        classes: Sequence[str],
        seed: int = 0,
    ) -> None:
        self.heard, self.rate, self.seed = dict(heard), rate, seed
        self.answer, self.classes = answer, list(classes)

    def play(self, sound: str = "", decibels: int = 20) -> Page:
        """A player of the spoilt sound, its spectrogram, and the answer as bars.

        Args:
            sound: one of those given; the first by default.
            decibels: how much more power the sound has than the noise.

        Raises:
            ValueError: for a sound that is not there.
        """
        name, samples = chosen(self.heard, sound)
        spoilt = noisy(level(samples), decibels, self.seed)
        under = f"{name}, noise at {decibels} dB".replace("-", "−")
        return answered(under, spoilt, self.rate, self.answer, self.classes)


class Upload:
    """Reads a WAV, FLAC or Ogg file that somebody chooses, and shows what a recogniser answers.

    Args:
        answer, classes: as ``Noisy`` takes them.
        rate: samples a second that the recogniser wants.
        seconds, megabytes: longest and largest file that is read.
    """

    def __init__(
        self,
        answer: Answer,
        classes: Sequence[str],
        rate: int,
        seconds: float = SECONDS,
        megabytes: float = MEGABYTES,
    ) -> None:
        self.answer, self.classes, self.rate = answer, list(classes), rate
        self.seconds, self.megabytes = seconds, megabytes

    def control(self) -> Any:
        """A button that opens a file, for ``explore``; an empty text where nobody can press it."""
        if is_static() or not in_notebook():
            return ""
        import ipywidgets

        return ipywidgets.FileUpload(accept=".wav,.flac,.ogg", multiple=False)

    def hear(self, file: Any = "") -> Page:
        """What the recogniser answers to an uploaded file.

        Args:
            file: the value of the button, in the form of ipywidgets 7 or 8; empty for none yet.

        Raises:
            UnreadableSound: for a file that is no sound, or beyond the limits.
        """
        if not file:
            told = (
                f"No sound yet: choose a WAV, FLAC or Ogg file of up to {self.seconds:g} seconds "
                f"and {self.megabytes:g} megabytes."
            )
            return described(f"<p>{told}</p>", told)
        name, content = _uploaded(file)
        samples = files.read(content, self.rate, self.seconds, self.megabytes, name)
        return answered(name, samples, self.rate, self.answer, self.classes)


def _uploaded(file: Any) -> tuple[str, bytes]:
    """Name and content of the last uploaded file."""
    if isinstance(file, Mapping):  # ipywidgets 7: name → {"content": …}
        name, last = list(file.items())[-1]
    else:  # ipywidgets 8: ({"name": …, "content": …},)
        last = file[-1]
        name = last["name"]
    return name, bytes(last["content"])


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


def noisy(
    samples: Float[np.ndarray, " samples"], decibels: float, seed: int = 0
) -> Float[np.ndarray, " samples"]:
    """White noise added: the sound has 10^(decibels / 10) times its power."""
    noise = np.random.default_rng(seed).normal(size=len(samples))
    loud, soft = (np.sqrt(np.mean(np.square(part))) for part in (samples, noise))
    return samples + noise * loud / soft * 10 ** (-decibels / 20)


def answered(
    name: str, samples: Samples, rate: int, answer: Answer, classes: Sequence[str]
) -> Page:
    """A player of a sound, its spectrogram, and a recogniser's probabilities as bars.

    Raises:
        ValueError: for another number of probabilities than classes.
    """
    found = np.asarray(answer(np.asarray(samples, dtype=np.float32)), dtype=float).ravel()
    if len(found) != len(classes):
        raise ValueError(f"{len(classes)} classes need as many probabilities, got {len(found)}")
    best = np.argsort(-found, kind="stable")[:TOLD]
    fig = Figure(figsize=(9.0, 2.9))
    left, right = fig.subplots(1, 2, width_ratios=(1.5, 1))
    frames = frames_of(samples, rate)
    left.imshow(
        frames.T, origin="lower", aspect="auto", cmap="magma",
        extent=(0, len(frames) / 50, 0.5, frames.shape[1] + 0.5),
    )  # fmt: skip
    left.set(xlabel="time / s", ylabel="mel band")
    shown = best if len(classes) > TOLD else np.arange(len(classes))
    right.barh(range(len(shown)), found[shown], color=COLOURS["blue"])
    right.set_yticks(range(len(shown)), [classes[i] for i in shown])
    right.set(xlabel="probability", xlim=(0, 1), ylim=(len(shown) - 0.5, -0.5))
    told = ", ".join(f"{classes[i]} ≈ {found[i]:.2f}" for i in shown)
    # A recording is compared word by word, digits after ≈ apart: which of many classes lead may
    # differ, and then only a live page says so.
    if len(classes) > TOLD and is_static():
        told = "the highest as bars"
    return _page(name, samples, rate, fig, f"its log-mel spectrogram and the answer: {told}")


def _page(name: str, samples: Samples, rate: int, fig: Figure, below: str) -> Page:
    """A player above a figure; where the figure is one of ``gates``, a line moves over it."""
    fig.alt = ""
    picture, width, _ = figures.render(fig)
    figures.close(fig)
    alt = f"A player of “{name}”, {len(samples) / rate:.1f} s; below it {below}."
    control, told = sounds.player(level(samples), rate, name, style="max-width:100%")
    pointer, moving = "", ""
    if fig.get_layout_engine() is None:  # places are known
        pointer = (
            f'<div style="position:absolute;top:0;bottom:8%;left:{100 * hearing.LEFT:.1f}%;'
            f'width:2px;background:{COLOURS["vermilion"]}"></div>'
        )
        moving = (
            "const p=this.parentElement.querySelector('[style*=absolute]');"
            f"p.style.left=({100 * hearing.LEFT:.1f}+{100 * (hearing.RIGHT - hearing.LEFT):.1f}"
            "*this.currentTime/(this.duration||1))+'%'"
        )
        control = control.replace("<audio ", f'<audio ontimeupdate="{html.escape(moving)}" ', 1)
    image = (
        f'<div style="position:relative;display:inline-block;max-width:100%">'
        f'<img alt="{html.escape(alt)}" width="{width}" style="max-width:100%;display:block" '
        f'src="data:image/png;base64,{base64.b64encode(picture).decode()}">{pointer}</div>'
    )
    return described(f"<div>{control}<div>{told}</div>{image}</div>", alt)
