"""A recogniser under somebody's hands: noise to turn up, and a file of one's own.

Each class answers ``explore``. The recogniser comes in as ``answer(waveform) -> probabilities``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from xmodal_lab.datasets import sounds as files
from xmodal_lab.workbook.charts.hearing import Samples, level
from xmodal_lab.workbook.demos.sound_page import chosen, frames_of, page
from xmodal_lab.workbook.kit.figures import Page, described
from xmodal_lab.workbook.kit.mode import in_notebook, is_static
from xmodal_lab.workbook.kit.style import COLOURS

Answer = Callable[[Float[np.ndarray, " samples"]], Float[np.ndarray, " classes"] | Tensor]
TOLD = 12  # classes whose probabilities are told one by one
SECONDS, MEGABYTES = 10.0, 5.0  # of an uploaded sound


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
    return page(name, samples, rate, fig, f"its log-mel spectrogram and the answer: {told}")
