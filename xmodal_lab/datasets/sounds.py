"""Sound files become samples in [-1, 1] at one rate, whatever they were saved as."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from xmodal_lab.datasets.whole_sounds import damage

# As libsndfile calls them. MP3 and what phones record want other programs.
FORMATS = ("WAV", "WAVEX", "RF64", "FLAC", "OGG")
# A file of a few kilobytes can unfold to hours of silence.
SECONDS, MEGABYTES, CHANNELS = 60.0, 50.0, 32
RATES = (1_000, 192_000)
# Overdriven is a peak of 1.2, say. One of 32,767 tells of steps of 16 bits saved as real numbers.
LOUDEST = 8.0
BLOCK = 2**16


class UnreadableSound(ValueError):
    """A file is no sound, a damaged one, or too long or large; says which and what to do."""


def read(
    source: str | Path | bytes,
    rate: int = 8000,
    seconds: float = SECONDS,
    megabytes: float = MEGABYTES,
    name: str | None = None,
) -> Float[np.ndarray, " samples"]:
    """One sound file as mono samples, float32 in [-1, 1].

    The mean of all channels; another rate becomes the one wanted, with a filter against aliasing.
    Where samples reach beyond 1, as real numbers and lossy formats may, all are turned down.

    Args:
        source: a WAV, FLAC or Ogg file (Vorbis or Opus), or the content of one.
        rate: samples a second that are wanted, in Hz.
        seconds: longest sound that is decoded.
        megabytes: largest file that is opened.
        name: what errors call the sound; its path unless given.

    Raises:
        UnreadableSound: where there is no such file, it is empty, cut short, damaged, of another
            format, longer or larger than the limits, or holds NaN, infinity or no samples.
        ValueError: for a rate outside of 1,000 to 192,000 Hz.
    """
    if not RATES[0] <= rate <= RATES[1]:
        raise ValueError(f"rate must be from {RATES[0]:,} to {RATES[1]:,} Hz, got {rate}")
    name = name or ("this sound" if isinstance(source, bytes) else str(source))
    try:
        content = _content(source, megabytes)
        if said := damage(content):
            raise UnreadableSound(f"is damaged ({said}): download or copy it anew")
        samples, found = _decoded(content, seconds)
        return _normal(resample(_checked(samples), found, rate))
    except UnreadableSound as error:
        raise UnreadableSound(f"{name} {error}") from error


def resample(
    samples: Float[np.ndarray, " samples"], old: int, new: int
) -> Float[np.ndarray, " _samples"]:
    """The same sound with ``new`` instead of ``old`` samples a second.

    Rates without a common divisor, as 44,101 and 8,000, would need filters of a gigabyte: their
    ratio is taken to a millionth, which nobody hears.
    """
    from torchaudio.functional import resample as filtered  # here: most callers have no need

    ratio = Fraction(new, old).limit_denominator(1000)
    if ratio == 1:
        return samples
    waveform = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))
    return filtered(waveform, ratio.denominator, ratio.numerator).numpy()


def _content(source: str | Path | bytes, megabytes: float) -> bytes:
    """What the file holds; one that is too large is not even opened."""
    size = len(source) if isinstance(source, bytes) else 0
    if not isinstance(source, bytes):
        source = Path(source)
        if not source.is_file():
            raise UnreadableSound("is not there: there is no such file")
        size = source.stat().st_size
    if size == 0:
        raise UnreadableSound("is empty: download or copy it anew")
    if size > megabytes * 1e6:
        raise UnreadableSound(
            f"has {size / 1e6:.1f} MB, the limit is {megabytes:g}: cut it, or give megabytes=…"
        )
    return source if isinstance(source, bytes) else source.read_bytes()


def _decoded(content: bytes, seconds: float) -> tuple[Float[np.ndarray, " samples"], int]:
    """Mono samples and their rate; a sound that is too long is not decoded."""
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            _accept(file, seconds)
            # Block by block: of many channels only the mean is kept in memory.
            blocks = [block.mean(1) for block in file.blocks(BLOCK, always_2d=True)]
            frames, found = file.frames, file.samplerate
    except (soundfile.LibsndfileError, RuntimeError) as error:
        said = getattr(error, "error_string", str(error)).strip().rstrip(".")
        if "not recognised" in said or "unknown format" in said.lower():
            raise UnreadableSound("is no WAV, FLAC or Ogg file, or a damaged one") from error
        raise UnreadableSound(f"is damaged ({said}): download or copy it anew") from error
    samples = np.concatenate([np.zeros(0), *blocks])
    if not len(samples):
        raise UnreadableSound("holds no samples: record or copy it anew")
    if len(samples) != frames:
        raise UnreadableSound(
            f"is damaged ({len(samples)} of {frames} samples came): download or copy it anew"
        )
    return samples, found


def _accept(file: Any, seconds: float) -> None:
    """Refuse by what the header says."""
    if file.format not in FORMATS:
        raise UnreadableSound(f"is a file of format {file.format}: save it as WAV, FLAC or Ogg")
    if not RATES[0] <= file.samplerate <= RATES[1]:
        raise UnreadableSound(
            f"tells of {file.samplerate} samples a second, {RATES[0]:,} to {RATES[1]:,} are read: "
            "save it at 44,100, say"
        )
    if file.channels > CHANNELS:
        raise UnreadableSound(f"has {file.channels} channels, at most {CHANNELS} are read")
    if file.frames > seconds * file.samplerate:
        raise UnreadableSound(
            f"lasts {file.frames / file.samplerate:,.0f} s, the limit is {seconds:g} s: cut it, "
            "or give seconds=…"
        )


def _checked(samples: Float[np.ndarray, " samples"]) -> Float[np.ndarray, " samples"]:
    """The samples, where they are numbers and of a known loudness."""
    if not (fine := np.isfinite(samples)).all():
        raise UnreadableSound(
            f"holds NaN or infinity, first at sample {int(fine.argmin())}: save it anew from what "
            "it was made of"
        )
    if (peak := float(np.abs(samples).max())) > LOUDEST:
        raise UnreadableSound(
            f"holds samples up to {peak:,.0f}, where 1 is the loudest: divide by the largest "
            "number of its steps, as 32,768 of 16 bits, before saving real numbers"
        )
    return samples


def _normal(samples: Float[np.ndarray, " samples"]) -> Float[np.ndarray, " samples"]:
    return (samples / max(1.0, float(np.abs(samples).max()))).astype(np.float32)
