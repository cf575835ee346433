"""Sounds with their words beside them."""

from __future__ import annotations

import base64
import html
import io
import wave

import numpy as np

from xmodal_lab.workbook.kit.mode import in_notebook
from xmodal_lab.workbook.kit.style import CAPTION


class Clips:
    """Audio players with transcripts; displays itself, and its ``repr`` never changes."""

    def __init__(self, waveforms: list[np.ndarray], rate: int, captions: list[str]) -> None:
        self.waveforms, self.rate, self.captions = waveforms, rate, captions

    def __repr__(self) -> str:
        told = [
            f"{len(waveform) / self.rate:.1f} s “{caption}”"
            for waveform, caption in zip(self.waveforms, self.captions, strict=True)
        ]
        return f"Audio [{self.rate} Hz | {' | '.join(told)}]"

    def _repr_html_(self) -> str:
        return "\n".join(map(self._player, self.waveforms, self.captions))

    def _player(self, waveform: np.ndarray, caption: str) -> str:
        control, told = player(waveform, self.rate, caption)
        row = "display:flex;align-items:center;gap:1em;margin:.3em 0"
        return f'<div style="{row}">{control}<span>{told}</span></div>'


def player(waveform: np.ndarray, rate: int, caption: str, style: str = "") -> tuple[str, str]:
    """An HTML audio player, and what stands beside it: the words and the seconds it takes.

    The browser reads the length too, and shows it where the player is wide enough.
    """
    sound = base64.b64encode(wav_bytes(waveform, rate)).decode()
    text = html.escape(caption)
    control = (
        f'<audio controls preload="metadata" aria-label="{text}" style="{style}" '
        f'src="data:audio/wav;base64,{sound}"></audio>'
    )
    length = f'<span style="{CAPTION}">{len(waveform) / rate:.1f} s</span>'
    return control, f"{text} · {length}"


def listen(waveform, rate: int, caption) -> None:
    """Display one audio player, or one for each of several sounds, with the words beside it.

    Args:
        waveform: samples (time,) in [-1, 1] or 16-bit steps, array or tensor; or a list of such.
            Louder sounds are turned down to fit.
        rate: samples per second, in Hz.
        caption: what is said or heard; a list for a list of sounds.

    Raises:
        ValueError: for a wrong shape, no samples, NaN, an empty caption, or unequal lists.
    """
    several = isinstance(caption, (list, tuple))
    waveforms = list(waveform) if several else [waveform]
    captions = list(caption) if several else [caption]
    if len(waveforms) != len(captions):
        raise ValueError(f"{len(waveforms)} sounds need as many captions, got {len(captions)}")
    if not captions or not all(isinstance(c, str) and c.strip() for c in captions):
        raise ValueError("every sound needs a caption: what is said or heard in it?")
    if not isinstance(rate, (int, np.integer)) or rate <= 0:
        raise ValueError(f"rate is a positive whole number of samples per second, got {rate!r}")
    clips = Clips([_samples(sound) for sound in waveforms], int(rate), captions)
    if in_notebook():
        from IPython.display import display

        display(clips)
    else:
        print(clips)


def _samples(sound) -> np.ndarray:
    if hasattr(sound, "detach"):
        sound = sound.detach().cpu().numpy()
    samples = np.asarray(sound)
    if samples.dtype == np.int16:  # as recordings are stored: steps of 1/32768
        samples = samples / 32768
    samples = samples.astype(np.float64)
    if samples.ndim != 1 or samples.size == 0:
        raise ValueError(f"a sound has shape (time,), got {samples.shape}")
    if not np.isfinite(samples).all():
        raise ValueError("the sound holds NaN or infinite samples")
    return samples


def wav_bytes(waveform: np.ndarray, rate: int) -> bytes:
    """A mono 16-bit WAV file; ``waveform`` (time,) is scaled down where it exceeds ±1."""
    peak = max(1.0, float(np.abs(waveform).max()))
    pcm = np.round(waveform / peak * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.tobytes())
    return buffer.getvalue()
