"""Recognising words: what a network hears of a saying, and of the same saying varied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from xmodal_lab.batch import Batch, Padded
from xmodal_lab.encoders.audio.augment import (
    Between,
    coloured,
    limited,
    standardised,
    warped,
    with_noise,
)
from xmodal_lab.encoders.audio.log_mel import LogMel
from xmodal_lab.tasks.classification import Classifier

VIEWS: dict[str, Callable[[Padded], Padded]] = {
    "plain": lambda frames: frames,
    "standard": standardised,
}
# Speed and throat of the readings that ``mean_opinion`` averages.
READINGS = ((1.0, 1.0), (1.0, 0.9), (1.0, 1.1), (0.85, 1.0), (1.18, 1.0))


@dataclass(frozen=True)
class Variation:
    """How far a saying is varied in training, each time anew; see ``encoders.audio.augment``.

    Attributes:
        noise: speech over noise in decibels, or None for no noise.
        noisy: share of the sayings that get noise.
        speed: factor, without change of pitch.
        throat: factor of the frequency axis.
        colour: size of the random curve over the bands.
        views: what the network reads of the spectrogram, side by side: 'plain' as ``LogMel`` gives
            it; 'standard', each band of each saying standardised.
    """

    noise: Between | None = None
    noisy: float = 1.0
    speed: Between = (1.0, 1.0)
    throat: Between = (1.0, 1.0)
    colour: float = 0.0
    views: tuple[str, ...] = ("plain",)

    def __post_init__(self) -> None:
        if unknown := [view for view in self.views if view not in VIEWS]:
            raise ValueError(f"unknown views {unknown}: choose from {', '.join(VIEWS)}")

    @property
    def bands(self) -> int:
        """How many numbers a frame has."""
        return 40 * len(self.views)


# Chosen on voices 16 to 19, trained on 0 to 15.
WORDS = Variation((-6.0, 12.0), 0.75, speed=(0.8, 1.25), throat=(0.8, 1.25))
# Chosen on the speakers george and jackson, each left out in turn; see ``digit_frames``.
DIGITS = Variation(speed=(0.75, 1.33), throat=(0.85, 1.18), colour=0.3)


def heard(waveforms: Padded, variation: Variation) -> Padded:
    """What a recogniser that was trained with a variation reads of sayings as they are.

    Shapes: ``Padded`` 16-bit samples at 8 kHz → ``Padded`` (batch, frames, 40 · views).

    Raises:
        ValueError: for a saying shorter than one window.
    """
    return viewed(LogMel()(waveforms), variation)


def digit_frames(waveforms: Padded) -> Padded:
    """What a recogniser of digits reads: levels below the loudest, a frame every 10 ms.

    ``sayings`` varies them, with ``DIGITS``.

    Shapes: ``Padded`` 16-bit samples at 8 kHz → ``Padded`` (batch, frames, 40).

    Raises:
        ValueError: for a saying shorter than one window.
    """
    return limited(LogMel(hop=80)(waveforms))


@torch.no_grad()
def mean_opinion(judge: Classifier, frames: Padded) -> Float[Tensor, "count classes"]:
    """The mean of what a classifier says to frames read faster, slower, as from other throats.

        p(c | x) = mean_r softmax(l(warped_r(x)))_c,   r over ``READINGS``

    In evaluation mode; on the CPU. Source: test-time augmentation, Krizhevsky et al. 2012.
    """
    judge.eval()
    device, opinions = judge.head.weight.device, []
    for rows in torch.arange(len(frames.lengths)).split(500):
        part = frames.rows(rows)
        readings = [Batch(audio=warped(part, *reading)).to(device) for reading in READINGS]
        opinions.append(torch.stack([judge(r).softmax(dim=1) for r in readings]).mean(0).cpu())
    return torch.cat(opinions)


def viewed(frames: Padded, variation: Variation) -> Padded:
    """A variation's views of a spectrogram, side by side: (batch, frames, 40 · views)."""
    views = [VIEWS[view](frames).values for view in variation.views]
    return Padded(torch.cat(views, dim=2), frames.lengths)


def sayings(
    waveforms: Padded,
    labels: Int64[Tensor, " count"],
    variation: Variation,
    batch_size: int = 128,
    seed: int = 0,
) -> Callable[[int], Batch]:
    """A batch for each step of ``fit``: sayings drawn at random, each varied anew.

    A step's batch depends on (seed, step) alone, so that a training can be resumed.

    Args:
        waveforms: 16-bit samples at 8 kHz (count, samples); or their frames (count, frames, mels),
            to which no noise can be added any more.
        labels: what is said.
        variation: how far they are varied.
        batch_size: sayings a step.
        seed: of all draws.

    Returns:
        A function of the step (from 0) that gives 'audio', as ``heard`` does, and 'labels'.
    """

    def batch(step: int) -> Batch:
        # A large odd factor keeps the steps of two seeds apart.
        random = torch.Generator().manual_seed(seed * 1_000_003 + step)
        rows = torch.randint(len(labels), (batch_size,), generator=random)
        return Batch(audio=varied(waveforms.rows(rows), variation, random), labels=labels[rows])

    return batch


def varied(waveforms: Padded, variation: Variation, random: torch.Generator) -> Padded:
    """What a recogniser in training reads of sayings, each varied anew."""
    if variation.noise is not None:
        if waveforms.values.ndim != 2:
            raise ValueError("noise can be added to waveforms, not to their frames")
        # Noise costs more than all the rest: it is drawn only for the rows that get it.
        values = waveforms.values.to(torch.float32, copy=True)
        chosen = torch.rand(len(values), generator=random) < variation.noisy
        some = Padded(values[chosen], waveforms.lengths[chosen])
        values[chosen] = with_noise(some, variation.noise, random).values
        waveforms = waveforms._replace(values=values)
    frames = waveforms if waveforms.values.ndim == 3 else LogMel()(waveforms)
    frames = warped(frames, variation.speed, variation.throat, random)
    return viewed(coloured(frames, variation.colour, random), variation)
