"""From a waveform to a log-mel spectrogram, step by step, one waveform at a time.

``LogMel`` computes the same for a padded batch, through torchaudio; tests hold the two against
each other.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from xmodal_lab.datasets.scenes import SAMPLE_RATE


def framed(
    waveform: Float[Tensor, " samples"], window: int, hop: int
) -> Float[Tensor, "frames {window}"]:
    """Overlapping pieces of a waveform: frame t holds the samples t · hop … t · hop + window - 1.

    Only whole frames: 1 + ⌊(samples - window) / hop⌋ of them. A view; nothing is copied.

    Raises:
        ValueError: where window or hop is below 1, or the waveform is shorter than one window.
    """
    if window < 1 or hop < 1:
        raise ValueError(f"window and hop must be at least 1 sample, got {window} and {hop}")
    if len(waveform) < window:
        raise ValueError(
            f"a waveform of {len(waveform)} samples is shorter than one window of {window}: choose "
            "a shorter window, or put silence behind it"
        )
    return waveform.unfold(0, window, hop)


def short_time_fourier(
    waveform: Float[Tensor, " samples"], window: int, hop: int
) -> Complex[Tensor, "frames bins"]:
    """How much of each frequency is in each frame, as complex numbers.

        X[t, k] = Σ_n w[n] x[t · hop + n] exp(-2πi k n / window),   w[n] = ½ - ½ cos(2πn / window)

    Bin k stands for k · rate / window Hz; there are window // 2 + 1 of them. w is Hann's window.
    Equal to ``torch.stft`` with ``center=False``, transposed.

    Raises:
        ValueError: as ``framed``.

    Source: Allen and Rabiner 1977.
    """
    hann = torch.hann_window(window, dtype=waveform.dtype, device=waveform.device)
    return torch.fft.rfft(framed(waveform, window, hop) * hann)


def mel(hertz: float) -> float:
    """Pitch as it is heard: m = 2595 log10(1 + f / 700), in mel; f in Hz.

    Source: O'Shaughnessy 1987; the form that HTK uses.
    """
    return 2595 * math.log10(1 + hertz / 700)


def hertz(mel: float) -> float:
    """The frequency of a pitch, f = 700 (10^(m / 2595) - 1), in Hz: the inverse of ``mel``."""
    return 700 * (10 ** (mel / 2595) - 1)


def mel_filters(mels: int, window: int, rate: int = SAMPLE_RATE) -> Float[Tensor, "bins {mels}"]:
    """Triangles at equal steps of pitch: the weight of each frequency bin in each band.

        F[k, j] = max(0, min((f_k - c_j) / (c_{j+1} - c_j), (c_{j+2} - f_k) / (c_{j+2} - c_{j+1})))

    f_k = k · rate / window; the corners c are equally far apart in mel, from 0 to rate / 2. Equal
    to ``torchaudio.functional.melscale_fbanks``.

    Raises:
        ValueError: where mels, window or rate is below 1.

    Source: Davis and Mermelstein 1980.
    """
    if min(mels, window, rate) < 1:
        raise ValueError(f"mels, window and rate must be ≥ 1, got {mels}, {window} and {rate}")
    step = mel(rate / 2) / (mels + 1)
    corners = torch.tensor([hertz(step * j) for j in range(mels + 2)], dtype=torch.float64)
    bins = torch.arange(window // 2 + 1, dtype=torch.float64)[:, None] * rate / window
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return torch.minimum(rising, falling).clamp(min=0).float()


def log_mel(
    waveform: Float[Tensor, " samples"],
    mels: int = 40,
    window: int = 256,
    hop: int = 160,
    rate: int = SAMPLE_RATE,
    floor: float = 1e-6,
) -> Float[Tensor, "frames {mels}"]:
    """Log-mel spectrogram: y = ln(|X|² F + floor), natural logarithm of power.

    The floor keeps silence finite: ln 0 is -∞.

    Args:
        waveform: samples, full scale ±1.
        mels: number of bands.
        window: samples of a frame.
        hop: samples from frame to frame.
        rate: samples a second.
        floor: what is added to the power.

    Raises:
        ValueError: as ``framed`` and ``mel_filters``.
    """
    power = short_time_fourier(waveform, window, hop).abs() ** 2
    return torch.log(power @ mel_filters(mels, window, rate).to(power) + floor)
