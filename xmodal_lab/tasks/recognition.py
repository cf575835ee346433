"""Recognising words: what a network hears of a saying, and of the same saying varied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from xmodal_lab.batch import Batch, Padded
from xmodal_lab.encoders.audio.augment import (
    Between,
    coloured,
    masked,
    standardised,
    warped,
    with_noise,
)
from xmodal_lab.encoders.audio.log_mel import LogMel


@dataclass(frozen=True)
class Variation:
    """How far a saying is varied in training, each time anew; see ``encoders.audio.augment``.

    Attributes:
        noise: speech over noise in decibels, or None for no noise.
        noisy: share of the sayings that get noise.
        speed: factor, without change of pitch.
        throat: factor of the frequency axis.
        colour: size of the random curve over the bands.
        bands: most bands that a stripe of SpecAugment covers.
        share: largest share of the frames that a stripe covers.
        standard: whether each band of each saying is standardised. It helps where many voices
            teach; but a short word is mostly one vowel, and the vowel's own spectrum goes too.
    """

    noise: Between | None = None
    noisy: float = 1.0
    speed: Between = (1.0, 1.0)
    throat: Between = (1.0, 1.0)
    colour: float = 0.0
    bands: int = 0
    share: float = 0.0
    standard: bool = False


# Chosen on voices 16 to 19, trained on 0 to 15.
WORDS = Variation((-5.0, 25.0), 0.7, (0.8, 1.25), (0.85, 1.18), standard=True)


def heard(waveforms: Padded, variation: Variation) -> Padded:
    """What a recogniser that was trained with a variation reads of sayings as they are.

    Shapes: ``Padded`` 16-bit samples at 8 kHz → ``Padded`` (batch, frames, 40).

    Raises:
        ValueError: for a saying shorter than one window.
    """
    frames = LogMel()(waveforms)
    return standardised(frames) if variation.standard else frames


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
        waveforms: 16-bit samples at 8 kHz (count, samples).
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
        noisy = with_noise(waveforms, variation.noise, random).values
        chosen = torch.rand(len(noisy), 1, generator=random) < variation.noisy
        waveforms = waveforms._replace(values=torch.where(chosen, noisy, waveforms.values.float()))
    frames = warped(LogMel()(waveforms), variation.speed, variation.throat, random)
    frames = coloured(frames, variation.colour, random)
    frames = standardised(frames) if variation.standard else frames
    return masked(frames, variation.bands, variation.share, 1, random)
