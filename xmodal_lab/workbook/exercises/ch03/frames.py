"""Exercise `frames`: cut a waveform into overlapping windows."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn.functional import pad

from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception


def frames(waveform, window, hop):
    """Waveform (samples,) → its whole windows (frames, window), `hop` samples from each other."""
    return waveform.unfold(0, window, hop)


def oracle(waveform, window, hop):
    """Sample by sample: a new window begins wherever all of it is there."""
    found, start = [], 0
    while start + window <= len(waveform):
        found.append([waveform[start + i] for i in range(window)])
        start += hop
    return np.array(found)


def cases():
    random = torch.Generator().manual_seed(31)
    # Those with samples left over, overlaps, gaps, no gap, one frame.
    for samples, window, hop, advice in (
        (11, 4, 3, ""),
        (10, 4, 3, ""),
        (12, 4, 2, ""),
        (17, 6, 2, ""),
        (12, 4, 4, "With a hop as long as the window, frames stand side by side."),
        (14, 4, 4, ""),
        (13, 3, 5, "A hop may be longer than the window: then samples are left out."),
        (9, 2, 4, ""),
        (5, 5, 3, ONE),
        (7, 6, 4, ONE),
        (6, 1, 1, ""),
        (50, 16, 10, ""),
        (2000, 256, 160, "A quarter of a second of sound, as the chapter cuts it."),
    ):
        waveform = torch.randn(samples, generator=random)
        what = f"{samples} samples, window {window}, hop {hop}"
        yield Case((waveform, window, hop), what, advice)


ONE = "Where one window fits, there is one frame."


def cut(first=lambda n, w, h: 0, step=lambda w, h: h, padded=lambda n, w, h: (0, 0)):
    """An answer that begins elsewhere, steps otherwise, or reads zeros before and behind."""

    def answer(waveform, window, hop):
        n = len(waveform)
        longer = pad(waveform, padded(n, window, hop))
        return longer[first(n, window, hop) :].unfold(0, window, step(window, hop))

    return answer


def shortened(count):
    """An answer that stops after count(samples, window, hop) frames."""
    return lambda waveform, window, hop: frames(waveform, window, hop)[
        : count(len(waveform), window, hop)
    ]


def changed(change):
    """An answer that does something to the right frames."""
    return lambda waveform, window, hop: change(frames(waveform, window, hop))


def up_to_whole(n, w, h):
    """Zeros behind, so that the last piece that began becomes a frame."""
    return 0, max(0, math.ceil((n - w) / h)) * h + w - n


def up_to_each_start(n, w, h):
    """Zeros behind, so that each start below n becomes a frame."""
    return 0, (math.ceil(n / h) - 1) * h + w - n


def mirrored(waveform, window, hop):
    half = window // 2
    return frames(pad(waveform[None], (half, half), "reflect")[0], window, hop)


WHOLE = "Is the last piece filled up with zeros? What does not fill a whole window is dropped."
LAST = "Is the last frame missing? Two windows need one hop: range(…) ends before its end, so + 1."
CENTRED = "Did you read beyond the ends, as torch.stft(center=True) does? Begin at sample 0."
HANN = "Did you weigh the samples? They are only cut out here."

MISCONCEPTIONS = (
    Misconception(
        "Is `hop` the overlap in yours? It is the distance from one start to the next.",
        cut(step=lambda w, h: w - h),
    ),
    Misconception(
        "Did you use `hop`? Yours begins a frame at every sample.", cut(step=lambda w, h: 1)
    ),
    Misconception(
        "Does frame i begin at sample i? It begins at i · hop.",
        lambda x, w, h: x.unfold(0, w, 1)[: len(frames(x, w, h))],
    ),
    Misconception(
        "Did you step by `window`? The next frame begins `hop` samples later.",
        cut(step=lambda w, h: w),
    ),
    Misconception(WHOLE, cut(padded=up_to_whole)),
    Misconception(WHOLE, cut(padded=up_to_each_start)),
    Misconception(
        LAST,
        lambda x, w, h: torch.stack([x[i : i + w] for i in range(0, len(x) - w, h)]),
    ),
    Misconception(LAST, shortened(lambda n, w, h: (n - w) // h)),
    Misconception(
        "Are there samples // window frames? Windows overlap: more fit.",
        shortened(lambda n, w, h: n // w),
    ),
    Misconception(
        "Did you begin at sample `hop`? The first frame begins at 0.",
        cut(first=lambda n, w, h: h),
    ),
    Misconception(
        "Did you drop samples at the beginning? What is left over is dropped at the end.",
        cut(first=lambda n, w, h: (n - w) % h),
    ),
    Misconception(CENTRED, cut(padded=lambda n, w, h: (w // 2, w // 2))),
    Misconception(CENTRED, mirrored),
    Misconception("Are the axes swapped? One row is one frame.", changed(lambda f: f.mT)),
    Misconception(
        "Is a batch axis left over? The result is (frames, window).", changed(lambda f: f[None])
    ),
    Misconception(
        "Are the frames laid one behind the other? Keep them apart: (frames, window).",
        changed(torch.flatten),
    ),
    Misconception("Are the frames in reverse order?", changed(lambda f: f.flip(0))),
    Misconception("Do the samples run backwards within a frame?", changed(lambda f: f.flip(1))),
    Misconception(HANN, changed(lambda f: f * torch.hann_window(f.shape[1]))),
    Misconception(HANN, changed(lambda f: f * torch.hann_window(f.shape[1], periodic=False))),
    Misconception(HANN, changed(lambda f: f - f.mean(1, keepdim=True))),
)

EXERCISE = Exercise(
    reference=frames,
    oracle=oracle,
    cases=cases,
    result=Entries(if_shape="How many whole windows fit, one every `hop` samples?"),
    misconceptions=MISCONCEPTIONS,
    advice="Frame i holds the samples i · hop … i · hop + window − 1; keep those that are whole.",
    praise="equal to an explicit loop on 13 waveforms, with and without samples left over",
    at_size=AtSize(lambda: (torch.randn(16_000), 256, 160), "two seconds of sound", calls=10),
    on_device=False,  # the chapter cuts single waveforms, on the CPU
)
