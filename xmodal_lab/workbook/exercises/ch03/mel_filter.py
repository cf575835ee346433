"""Exercise `mel_filter`: one triangle of the mel filter bank."""

from __future__ import annotations

import math

import numpy as np
import torch

from xmodal_lab.workbook.exercises.form import Case, Entries, Exercise, Misconception


def mel_filter(number, mels, window, rate):
    """Weights (window // 2 + 1,) of triangle `number`, from 0, of a bank of `mels`."""
    return triangle(bins_of(window, rate), *corners_of(mels, rate)[number : number + 3])


def to_mel(frequency):
    return 2595 * torch.log10(1 + torch.as_tensor(frequency) / 700)


def to_hertz(mel):
    return 700 * (10 ** (mel / 2595) - 1)


def corners_of(mels, rate):
    return to_hertz(torch.linspace(0, to_mel(rate / 2).item(), mels + 2))


def bins_of(window, rate):
    return torch.arange(window // 2 + 1) * rate / window


def triangle(bins, low, centre, high):
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return torch.minimum(rising, falling).clamp(min=0)


def oracle(number, mels, window, rate):
    """Frequency by frequency, each beside the three corners, in natural logarithms."""
    per_triangle = math.log1p(rate / 1400) / (mels + 1)
    low, centre, high = (700 * math.expm1((number + i) * per_triangle) for i in range(3))
    weights = []
    for place in range(window // 2 + 1):
        frequency = rate * place / window
        if low <= frequency <= centre:
            weights.append((frequency - low) / (centre - low))
        elif centre < frequency <= high:
            weights.append((high - frequency) / (high - centre))
        else:
            weights.append(0.0)
    return np.array(weights)


def cases():
    for number, mels, window, rate, advice in (
        (2, 6, 64, 8000, ""),
        (0, 6, 64, 8000, "The first triangle rises from 0 Hz."),
        (5, 6, 64, 8000, "The last triangle falls to half the rate."),
        (0, 1, 32, 8000, "A bank of one triangle reaches from 0 Hz to half the rate."),
        (7, 12, 256, 8000, ""),
        (11, 40, 256, 8000, ""),
        (39, 40, 512, 16000, ""),
        (3, 8, 128, 22050, ""),
        (0, 40, 64, 8000, EMPTY),
        (20, 23, 200, 16000, ""),
        (60, 80, 400, 16000, ""),
    ):
        what = f"triangle {number} of {mels}, window {window}, rate {rate}"
        yield Case((number, mels, window, rate), what, advice)


# Corners 27 Hz apart, frequencies 125 Hz apart.
EMPTY = "Where no frequency lies inside the triangle, all weights are 0."


def with_corners(corners):
    """An answer with other corners: corners(number, mels, rate) gives low, centre, high."""
    return lambda number, mels, window, rate: triangle(
        bins_of(window, rate), *corners(number, mels, rate)
    )


def on_points(points, first=0):
    """An answer whose bank has other points: points(mels, rate)."""
    return with_corners(
        lambda number, mels, rate: points(mels, rate)[number + first : number + first + 3]
    )


def with_sides(join):
    """An answer that makes something else of the rising and the falling side."""

    def answer(number, mels, window, rate):
        bins = bins_of(window, rate)
        low, centre, high = corners_of(mels, rate)[number : number + 3]
        return join((bins - low) / (centre - low), (high - bins) / (high - centre))

    return answer


def on_scale(mel, hertz):
    """An answer with another scale."""
    return on_points(lambda mels, rate: hertz(torch.linspace(0, float(mel(rate / 2)), mels + 2)))


def with_bins(bins):
    """An answer that asks at other frequencies."""
    return lambda number, mels, window, rate: triangle(
        bins(window, rate), *corners_of(mels, rate)[number : number + 3]
    )


def straight_in_mel(number, mels, window, rate):
    corners = torch.linspace(0, float(to_mel(rate / 2)), mels + 2)
    return triangle(to_mel(bins_of(window, rate)), *corners[number : number + 3])


def same_sides(number, mels, rate):
    low, _, high = corners_of(mels, rate)[number : number + 3]
    return low, (low + high) / 2, high


def on_bins(nearest, extra):
    """An answer whose corners are moved to whole bins first."""

    def answer(number, mels, window, rate):
        corners = nearest(corners_of(mels, rate) * (window + extra) / rate)
        return triangle(torch.arange(window // 2 + 1), *corners[number : number + 3])

    return answer


def slaney_mel(frequency):
    if frequency < 1000:
        return frequency * 3 / 200
    return 15 + math.log(frequency / 1000) / (math.log(6.4) / 27)


def slaney_hertz(mel):
    bent = 1000 * torch.exp(math.log(6.4) / 27 * (mel - 15))
    return torch.where(mel < 15, mel * 200 / 3, bent)


def same_area(number, mels, window, rate):
    low, _, high = corners_of(mels, rate)[number : number + 3]
    return mel_filter(number, mels, window, rate) * 2 / (high - low)


def sum_is_1(number, mels, window, rate):
    weights = mel_filter(number, mels, window, rate)
    return weights / weights.sum()


def peak_is_1(number, mels, window, rate):
    weights = mel_filter(number, mels, window, rate)
    return weights / weights.max()


HERTZ = "Are the corners equally far apart in hertz? They are so in mel."
POINTS = "How many corners has the bank? mels + 2: the triangles' feet at both ends count too."
OFF = "Which three corners? Triangle 0 has its foot at corner 0 and its peak at corner 1."
AREA = "Is the triangle made lower? Its peak, at the centre, is 1."
LOGARITHM = "Is it the logarithm to base 10? m = 2595 · log10(1 + f / 700)."
HALF = "Does the bank end at half the rate? No frequency above is in the spectrum."
MISSING = "Is a side missing? Take the smaller one of the rising and the falling line."
ROUNDED = "Are the corners rounded to frequencies of the spectrum? Leave them where they are."

MISCONCEPTIONS = (
    Misconception(HERTZ, on_points(lambda mels, rate: torch.linspace(0, rate / 2, mels + 2))),
    Misconception(
        "Are the sides straight in mel? Turn the corners into hertz; the sides are straight there.",
        straight_in_mel,
    ),
    Misconception(
        "Is the peak in the middle between both feet? It stands at the corner between them.",
        with_corners(same_sides),
    ),
    Misconception(POINTS, on_points(lambda mels, rate: corners_of(mels - 1, rate))),
    Misconception(POINTS, on_points(lambda mels, rate: corners_of(mels - 2, rate))),
    Misconception(POINTS, on_points(lambda mels, rate: corners_of(mels + 1, rate))),
    Misconception(
        POINTS,
        on_points(
            lambda mels, rate: to_hertz(torch.linspace(0, float(to_mel(rate / 2)), mels + 3)[1:])
        ),
    ),
    Misconception(OFF, on_points(corners_of, first=1)),
    Misconception(OFF, on_points(corners_of, first=-1)),
    Misconception(HALF, on_points(lambda mels, rate: corners_of(mels, 2 * rate))),
    Misconception(
        "How far apart are the spectrum's frequencies? rate / window: the last is half the rate.",
        with_bins(lambda window, rate: torch.linspace(0, rate, window // 2 + 1)),
    ),
    Misconception(
        "How far apart are the spectrum's frequencies? rate / window, the first at 0 Hz.",
        with_bins(lambda window, rate: torch.arange(1, window // 2 + 2) * rate / window),
    ),
    Misconception(
        "How far apart are the spectrum's frequencies? rate / window: the last is half the rate.",
        with_bins(
            lambda window, rate: torch.arange(window // 2 + 1) * (rate / 2) / (window // 2 + 1)
        ),
    ),
    Misconception(
        "How many frequencies are there? window // 2 + 1: 0 Hz and half the rate both count.",
        with_bins(lambda window, rate: torch.arange(window // 2) * rate / window),
    ),
    Misconception(
        "How many frequencies are there? window // 2 + 1: those above half the rate are no news.",
        with_bins(lambda window, rate: torch.arange(window) * rate / window),
    ),
    Misconception(MISSING, with_sides(lambda rising, falling: rising.clamp(0, 1))),
    Misconception(MISSING, with_sides(lambda rising, falling: falling.clamp(0, 1))),
    Misconception(MISSING, with_sides(lambda rising, falling: rising.clamp(min=0))),
    Misconception(MISSING, with_sides(lambda rising, falling: falling.clamp(min=0))),
    Misconception(
        "Is all behind the peak 0? There is a falling side, down to the next corner.",
        with_sides(lambda rising, falling: rising.clamp(min=0) * (rising <= 1)),
    ),
    Misconception(
        "Are weights below 0 left? Outside of the triangle they are 0.",
        with_sides(torch.minimum),
    ),
    Misconception(
        "Did you take the larger side? The smaller one is the triangle.",
        with_sides(lambda rising, falling: torch.maximum(rising, falling).clamp(min=0)),
    ),
    Misconception(
        "Did you multiply the sides? The smaller one is the triangle.",
        with_sides(lambda rising, falling: rising.clamp(min=0) * falling.clamp(min=0)),
    ),
    Misconception(
        "Is that a box? Weights rise from 0 to 1 and fall to 0 again.",
        with_sides(lambda rising, falling: ((rising >= 0) & (falling >= 0)).float()),
    ),
    Misconception(AREA, same_area),
    Misconception("Is the sum of the weights made 1? The peak, at the centre, is 1.", sum_is_1),
    Misconception(
        "Is the largest weight made 1? The peak may lie between two frequencies.", peak_is_1
    ),
    Misconception(LOGARITHM, on_scale(lambda f: 2595 * math.log(1 + f / 700), to_hertz)),
    Misconception(
        "Is that Slaney's mel scale? Here m = 2595 · log10(1 + f / 700).",
        on_scale(slaney_mel, slaney_hertz),
    ),
    Misconception(
        "Is the way back exp(…)? f = 700 · (10^(m / 2595) − 1).",
        on_scale(to_mel, lambda mel: 700 * (torch.exp(mel / 2595) - 1)),
    ),
    Misconception(
        "Is the − 1 missing on the way back? f = 700 · (10^(m / 2595) − 1).",
        on_scale(to_mel, lambda mel: 700 * 10 ** (mel / 2595)),
    ),
    Misconception(ROUNDED, on_bins(torch.floor, 1)),
    Misconception(ROUNDED, on_bins(torch.floor, 0)),
    Misconception(ROUNDED, on_bins(torch.round, 0)),
)

EXERCISE = Exercise(
    reference=mel_filter,
    oracle=oracle,
    cases=cases,
    result=Entries(if_shape="One weight for each frequency of the spectrum: window // 2 + 1."),
    misconceptions=MISCONCEPTIONS,
    advice="mels + 2 corners, equally far apart in mel, back to hertz; the smaller one of the "
    "rising and the falling line, never below 0.",
    praise="equal to an explicit loop on 11 triangles",
    on_device=False,  # numbers, no tensors
)
