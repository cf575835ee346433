"""Answers to `mel_filter` as people write them, and what they are told."""

import math

import numpy as np
import torch
import torchaudio


def mel(hertz):
    return 1127 * math.log(1 + hertz / 700)


def hertz(mel):
    return 700 * (math.exp(mel / 1127) - 1)


def feet(number, mels, rate, more=2):
    """The three corners, one after the other."""
    step = mel(rate / 2) / (mels + more - 1)
    return [hertz(step * (number + i)) for i in range(3)]


def from_the_bank(number, mels, window, rate):
    bank = torchaudio.functional.melscale_fbanks(window // 2 + 1, 0.0, rate / 2, mels, rate)
    return bank[:, number]


def from_the_module(number, mels, window, rate):
    module = torchaudio.transforms.MelSpectrogram(rate, n_fft=window, n_mels=mels)
    return module.mel_scale.fb[:, number]


def drawn_between(number, mels, window, rate):
    frequencies = np.fft.rfftfreq(window, 1 / rate)
    line = np.interp(frequencies, feet(number, mels, rate), [0, 1, 0])
    return torch.from_numpy(line)


def by_loop(number, mels, window, rate):
    low, centre, high = feet(number, mels, rate)
    weights = torch.zeros(window // 2 + 1)
    for k in range(len(weights)):
        f = k * rate / window
        if low < f < centre:
            weights[k] = (f - low) / (centre - low)
        elif centre <= f < high:
            weights[k] = (high - f) / (high - centre)
    return weights


def cut_sides(number, mels, window, rate):
    low, centre, high = feet(number, mels, rate)
    f = torch.linspace(0, rate / 2, window // 2 + 1)
    return ((f - low) / (centre - low)).clamp(0, 1) * ((high - f) / (high - centre)).clamp(0, 1)


def triangle(f, low, centre, high):
    f = torch.as_tensor(f, dtype=torch.float32)
    return torch.relu(torch.min((f - low) / (centre - low), (high - f) / (high - centre)))


def spectrum(window, rate):
    return torch.fft.rfftfreq(window, 1 / rate)


def in_hertz(number, mels, window, rate):
    step = rate / 2 / (mels + 1)
    return triangle(spectrum(window, rate), *(step * (number + i) for i in range(3)))


def all_in_mel(number, mels, window, rate):
    step = mel(rate / 2) / (mels + 1)
    f = [mel(float(f)) for f in spectrum(window, rate)]
    return triangle(f, *(step * (number + i) for i in range(3)))


def too_few_corners(number, mels, window, rate):
    return triangle(spectrum(window, rate), *feet(number, mels, rate, more=1))


def one_further(number, mels, window, rate):
    return triangle(spectrum(window, rate), *feet(number + 1, mels, rate))


def one_before(number, mels, window, rate):
    return triangle(spectrum(window, rate), *feet(number - 1, mels, rate))


def in_the_middle(number, mels, window, rate):
    low, _, high = feet(number, mels, rate)
    return triangle(spectrum(window, rate), low, (low + high) / 2, high)


def whole_rate(number, mels, window, rate):
    return triangle(spectrum(window, rate), *feet(number, mels, 2 * rate))


def bins_of_tutorials(number, mels, window, rate):
    low, centre, high = (math.floor((window + 1) * f / rate) for f in feet(number, mels, rate))
    weights = torch.zeros(window // 2 + 1)
    for k in range(low, centre):
        weights[k] = (k - low) / (centre - low)
    for k in range(centre, high):
        weights[k] = (high - k) / (high - centre)
    return weights


def as_librosa(number, mels, window, rate):
    bank = torchaudio.functional.melscale_fbanks(
        window // 2 + 1, 0.0, rate / 2, mels, rate, norm="slaney", mel_scale="slaney"
    )
    return bank[:, number]


def slaney(number, mels, window, rate):
    bank = torchaudio.functional.melscale_fbanks(
        window // 2 + 1, 0.0, rate / 2, mels, rate, mel_scale="slaney"
    )
    return bank[:, number]


def equal_area(number, mels, window, rate):
    bank = torchaudio.functional.melscale_fbanks(
        window // 2 + 1, 0.0, rate / 2, mels, rate, norm="slaney"
    )
    return bank[:, number]


def up_only(number, mels, window, rate):
    low, centre, _ = feet(number, mels, rate)
    return ((spectrum(window, rate) - low) / (centre - low)).clamp(min=0)


def below_0(number, mels, window, rate):
    low, centre, high = feet(number, mels, rate)
    f = spectrum(window, rate)
    return torch.min((f - low) / (centre - low), (high - f) / (high - centre))


def natural(number, mels, window, rate):
    top = 2595 * math.log(1 + rate / 1400)
    corners = [700 * (10 ** (top * (number + i) / (mels + 1) / 2595) - 1) for i in range(3)]
    return triangle(spectrum(window, rate), *corners)


def all_frequencies(number, mels, window, rate):
    return triangle(torch.arange(window) * rate / window, *feet(number, mels, rate))


def one_too_few(number, mels, window, rate):
    return by_loop(number, mels, window, rate)[:-1]


def box(number, mels, window, rate):
    return (by_loop(number, mels, window, rate) > 0).float()


def scaled_to_1(number, mels, window, rate):
    weights = by_loop(number, mels, window, rate)
    return weights / weights.max() if weights.max() > 0 else weights


def whole_bank(number, mels, window, rate):
    return torch.stack([by_loop(i, mels, window, rate) for i in range(mels)], 1)


def forty_at_most(number, mels, window, rate):
    return by_loop(number, mels, window, rate) * (0.5 if mels > 40 else 1)


RIGHT = from_the_bank, from_the_module, drawn_between, by_loop, cut_sides
WRONG = (
    (forty_at_most, "triangle 60 of 80"),
    (in_hertz, "Are the corners equally far apart in hertz?"),
    (all_in_mel, "Are the sides straight in mel?"),
    (too_few_corners, "How many corners has the bank? mels + 2"),
    (one_further, "Which three corners?"),
    (one_before, "Which three corners?"),
    (in_the_middle, "Is the peak in the middle between both feet?"),
    (whole_rate, "Does the bank end at half the rate?"),
    (bins_of_tutorials, "Are the corners rounded"),
    (as_librosa, "Is the triangle made lower? Its peak, at the centre, is 1."),
    (slaney, "Is that Slaney's mel scale?"),
    (equal_area, "Is the triangle made lower?"),
    (up_only, "Is a side missing?"),
    (below_0, "Are weights below 0 left?"),
    (natural, "Is it the logarithm to base 10?"),
    (all_frequencies, "should be [33], yours is [64]. How many frequencies are there?"),
    (one_too_few, "should be [33], yours is [32]. How many frequencies are there?"),
    (box, "Is that a box?"),
    (scaled_to_1, "Is the largest weight made 1?"),
    (whole_bank, "should be [33], yours is [33, 6]. One weight for each frequency"),
)
