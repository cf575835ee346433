"""The same words, said otherwise: noise, another speed, another throat, gaps.

What a recogniser has heard in many ways it knows from more people. Everything here takes the
random numbers from a generator that is handed on, one draw a row.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.batch import Padded

Between = tuple[float, float]


def with_noise(
    waveforms: Padded, decibels: float | Between, generator: torch.Generator | None = None
) -> Padded:
    """White noise under each waveform.

        y = x + n · rms(x) · 10^(-d / 20),   n standard normal, rms over the real samples

    Args:
        waveforms: samples (batch, samples), whole numbers or not.
        decibels: d, the speech's power over the noise's; a pair to draw it between, a row at a
            time. At 0 both are as loud.
        generator: draws the noise.

    Returns:
        Float samples in the unit of ``waveforms``; 0 where padded.
    """
    values, mask = waveforms.values.float(), waveforms.mask
    values = values * mask
    loudness = (values.square().sum(1, keepdim=True) / waveforms.lengths[:, None]).sqrt()
    ratio = _drawn(decibels, values, generator)
    noise = torch.randn(values.shape, generator=generator).to(values) * mask
    return Padded(values + noise * loudness * 10 ** (-ratio / 20), waveforms.lengths)


def at_speed(
    waveforms: Padded, factor: float | Between, generator: torch.Generator | None = None
) -> Padded:
    """Played so many times as fast, as on a tape: pitch and formants rise with the speed.

        y[t] = x[t · factor], linear in between

    Args:
        waveforms: samples (batch, samples).
        factor: > 1 is faster and higher; a pair to draw it between, evenly in its logarithm.
        generator: draws the factor.

    Raises:
        ValueError: for a factor that is not positive.
    """
    factors = _factors(factor, waveforms.values, generator)
    return _played(waveforms, factors, torch.ones_like(factors))


def warped(
    frames: Padded,
    speed: float | Between = 1.0,
    throat: float | Between = 1.0,
    generator: torch.Generator | None = None,
) -> Padded:
    """A spectrogram at another speed, and as from a throat of another length.

        y[t, j] = x[t · speed, j · throat], linear in between; beyond the last band the last one

    Unlike ``at_speed``, the two are independent: the speed changes no pitch.

    Args:
        frames: spectrograms (batch, frames, mels).
        speed: > 1 is faster; a pair to draw it between.
        throat: > 1 moves the formants down, as a longer throat does; a pair to draw it between.
        generator: draws both.

    Raises:
        ValueError: for a factor that is not positive.

    Source: vocal tract length perturbation, Jaitly and Hinton 2013; there the warp is of Hz.
    """
    speeds = _factors(speed, frames.values, generator)
    return _played(frames, speeds, _factors(throat, frames.values, generator))


def coloured(
    frames: Padded, size: float, generator: torch.Generator | None = None, cosines: int = 4
) -> Padded:
    """As through another microphone, in another room: a smooth random curve over the bands.

        y[t, j] = x[t, j] + size · Σ_k a_k cos(π k (j + ½) / mels),   k = 1 … cosines

    The same at every frame; a_k standard normal, drawn for each row.

    Args:
        frames: spectrograms (batch, frames, mels).
        size: in the unit of ``frames``; ``LogMel``'s is 3 nats, that is 13 dB.
        generator: draws the curves.
        cosines: more make the curve rougher.
    """
    values, mels = frames.values, frames.values.shape[2]
    numbers = torch.arange(1, cosines + 1)[:, None]
    waves = torch.cos(torch.pi * numbers * (torch.arange(mels) + 0.5) / mels)
    curves = size * torch.randn(len(values), cosines, generator=generator) @ waves
    shifted = values + curves.to(values)[:, None]
    return Padded(shifted * frames.mask[:, :, None], frames.lengths)


def masked(
    frames: Padded,
    bands: int = 8,
    share: float = 0.2,
    count: int = 2,
    generator: torch.Generator | None = None,
) -> Padded:
    """SpecAugment: stripes of 0 over bands and over frames, ``count`` of each.

    Args:
        frames: spectrograms (batch, frames, mels); 0 should be their mean, see ``standardised``.
        bands: most bands that a stripe covers.
        share: largest share of a row's real frames that a stripe covers.
        count: stripes of each kind.
        generator: draws widths and places.

    Raises:
        ValueError: where a stripe could be wider than the spectrogram, or is of negative width.

    Source: Park et al. 2019.
    """
    rows, steps, mels = frames.values.shape
    if not (0 <= bands <= mels and 0 <= share <= 1):
        raise ValueError(f"bands must lie in 0 … {mels} and share in 0 … 1, got {bands}, {share}")
    values, lengths = frames.values, frames.lengths[:, None]
    for _ in range(count):
        draws = torch.rand(4, rows, 1, generator=generator).to(values.device)
        covered = _stripe(mels, draws[0] * (bands + 1), mels, draws[1])
        values = values.masked_fill(covered[:, None, :], 0.0)
        covered = _stripe(steps, draws[2] * (share * lengths + 1), lengths, draws[3])
        values = values.masked_fill(covered[:, :, None], 0.0)
    return Padded(values, frames.lengths)


def standardised(frames: Padded, floor: float = 0.1) -> Padded:
    """Each band of each row with mean 0 and spread 1 over the real frames: a voice's colour goes.

        y = (x - mean_t x) / sqrt(var_t x + floor²)

    Args:
        frames: spectrograms (batch, frames, mels).
        floor: keeps a band in which nothing happens from being blown up.

    Source: cepstral mean and variance normalisation, Viikki and Laurila 1998; here of mel bands.
    """
    mask, count = frames.mask[:, :, None], frames.lengths[:, None, None]
    real = frames.values * mask
    centred = (real - real.sum(1, keepdim=True) / count) * mask
    variance = centred.square().sum(1, keepdim=True) / count
    return Padded(centred / (variance + floor**2).sqrt(), frames.lengths)


def limited(frames: Padded, depth: float = 3.0) -> Padded:
    """Levels below each row's loudest, those far below it cut off: a room's own hum goes.

        y = max(x - max x, -depth) + depth / 2

    Args:
        frames: spectrograms (batch, frames, mels).
        depth: in the unit of ``frames``; 3 of ``LogMel``'s units are 39 dB.

    Raises:
        ValueError: for a depth that is not positive.

    Source: the cut under the peak, Whisper, Radford et al. 2022; there 80 dB below it.
    """
    if depth <= 0:
        raise ValueError(f"depth must be positive, got {depth}")
    mask = frames.mask[:, :, None]
    loudest = frames.values.masked_fill(~mask, -torch.inf).amax((1, 2), keepdim=True)
    below = (frames.values - loudest).clamp(min=-depth) + depth / 2
    return Padded(below.masked_fill(~mask, 0.0), frames.lengths)


def _drawn(
    value: float | Between, like: Tensor, generator: torch.Generator | None
) -> Float[Tensor, "rows 1"]:
    """A number for every row: the one given, or one between the two given."""
    low, high = value if isinstance(value, tuple) else (value, value)
    return low + (high - low) * torch.rand(len(like), 1, generator=generator).to(like.device)


def _factors(
    value: float | Between, like: Tensor, generator: torch.Generator | None
) -> Float[Tensor, "rows 1"]:
    ends = value if isinstance(value, tuple) else (value, value)
    if min(ends) <= 0:
        raise ValueError(f"a factor must be positive, got {value}")
    low, high = torch.tensor(ends).log().tolist()
    return _drawn((low, high), like, generator).exp()


def _played(
    rows: Padded, speeds: Float[Tensor, "rows 1"], throats: Float[Tensor, "rows 1"]
) -> Padded:
    """Every row read at other places, along time and along what stands beside it."""
    flat = rows.values.ndim == 2
    values = rows.values.float()[:, :, None] if flat else rows.values
    lengths = ((rows.lengths - 1) / speeds[:, 0]).floor().long().clamp(min=0) + 1
    steps = torch.arange(int(lengths.max()), device=values.device) * speeds
    steps = torch.minimum(steps, rows.lengths[:, None] - 1.0)
    bands = torch.arange(values.shape[2], device=values.device) * throats
    places = torch.stack(
        [
            _in_units(bands, values.shape[2])[:, None, :].expand(-1, steps.shape[1], -1),
            _in_units(steps, values.shape[1])[:, :, None].expand(-1, -1, values.shape[2]),
        ],
        dim=3,
    )
    read = F.grid_sample(
        values[:, None], places, mode="bilinear", padding_mode="border", align_corners=True
    )[:, 0]
    read = read * Padded(read, lengths).mask[:, :, None]
    return Padded(read[:, :, 0] if flat else read, lengths)


def _in_units(places: Tensor, count: int) -> Tensor:
    """Places 0 … count - 1 as ``grid_sample`` counts them, from -1 to 1."""
    return places * (2 / max(count - 1, 1)) - 1


def _stripe(
    count: int, width: Tensor, inside: int | Tensor, place: Tensor
) -> Bool[Tensor, "rows count"]:
    """Where a stripe of so many whole places lies, that begins at a share of what it leaves."""
    width = width.floor()
    start = (place * (inside - width + 1)).floor()
    places = torch.arange(count, device=width.device)
    return (places >= start) & (places < start + width)
