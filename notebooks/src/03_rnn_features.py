# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · RNN features: how a waveform becomes a sequence
#
# **The claim.** Five voices say the same word. Drawn as waveforms, they look unlike. Drawn as *log-mel
# spectrograms*, they look alike. Ask of 220 recorded words which other voice's clip is nearest. By waveform
# it is the same word in about 15 of 100 cases. By log-mel it is in about 90. Nothing is trained for that.
#
# Then you will build the network that reads such a sequence, step by step.
#
# | | |
# |---|---|
# | You need | matrix products, gradients, cross-entropy; sine waves once seen. Headphones help |
# | You will be able to | compute a log-mel spectrogram, write a recurrent cell, say what its gates do, pool over time without padding, and train a word recogniser |
# | It takes | SECONDS of one free CPU core, half of it training; several minutes on a slow or busy machine. 1 GB of memory. A GPU: not measured yet |
# | To read | 3,500 words. EXERCISES |
# | At a first reading | skip the optional exercise, quantisation in section 1, and patient 4 |

# %% [markdown]
# Device, precision and seed are chosen here, once. With the same seed, the same machine gives the same
# numbers again.

# %% tags=["nbval-ignore-output"]
# nbval-ignore-output: this summary differs from machine to machine.
from xmodal_lab.runtime import setup

runtime = setup(seed=0)

# %% [markdown]
# One word, five voices. A speech synthesiser made them; voice 7 is a woman's, voice 3 a child's. Press play,
# one after the other.

# %%
import torch

from xmodal_lab.datasets import scenes, spoken_words
from xmodal_lab.encoders.audio import LogMel
from xmodal_lab.workbook import charts, check, expect, explore, listen, predict, progress, show

VOICES = (0, 3, 7, 12, 17)
bank = spoken_words.load(VOICES, repeats=0)  # as recorded: each word once by each voice
triangle = bank.select(bank.words == spoken_words.WORDS.index("triangle"))
clips = [w[:n] for w, n in zip(*triangle.waveforms, strict=True)]
listen(clips, scenes.SAMPLE_RATE, [f"“triangle”, voice {voice}" for voice in VOICES])

# %% [markdown]
# You heard the same word five times. Now look: left what the microphone would write down, right the
# log-mel spectrogram, which the next three sections build. Bright is loud, up is high.

# %%
show(charts.five_ways(clips, scenes.SAMPLE_RATE, [f"voice {voice}" for voice in VOICES]))

# %% [markdown]
# The eye may be fooled, so count. For each of 220 clips (44 words, five voices), find the nearest clip of
# *another* voice, by the cosine of the two rows of numbers. Is it the same word?

# %%
from torch.nn import functional as F


def nearest_is_right(rows, others=None):
    """Per cent of clips whose nearest one of another voice is the same word."""
    rows = F.normalize(rows.flatten(1), dim=1)
    alike = rows @ rows.T
    alike[bank.voices[:, None] == bank.voices] = -2
    return 100 * (bank.words[alike.argmax(1)] == bank.words).double().mean().item()


levels = LogMel()(bank.waveforms).values
expect("waveform", nearest_is_right(bank.waveforms.values.float()), 12, 19, "%")
expect("log-mel", nearest_is_right(levels), 85, 96, "%")
print(f"chance: {100 * 4 / (44 * 4):.1f} %")

# %% [markdown]
# Two controls say what the log-mel holds. Average over time: *which* pitches, but not when. Average over
# pitch: only *when* it is loud.

# %%
expect("log-mel, averaged over time", nearest_is_right(levels.mean(1) - levels.mean((0, 1))), 8, 25, "%")
expect("log-mel, averaged over pitch", nearest_is_right(levels.mean(2)), 60, 90, "%")

# %% [markdown]
# Surprising: loudness over time alone tells most words. Be careful with that. All these voices come from
# **one** synthesiser, and it gives each word nearly the same rhythm. People do not. Section 03b asks real
# voices.
#
# (Is the waveform only shifted? The best shift of each pair helps a little: 23 of 100.)

# %% [markdown]
# ## 1 · A waveform is a row of numbers
#
# A microphone writes down the air's pressure, 8,000 times a second here: the **sampling rate**. How fast
# a swing can so few numbers hold? Below, a tone of 5,000 swings a second (5 kHz), and the dots that are
# kept.

# %%
import numpy as np
from matplotlib.figure import Figure


def through_the_dots():
    fig = Figure(figsize=(8.5, 2.4))
    axis = fig.subplots()
    t, dots = np.linspace(0, 2, 1000), np.arange(0, 2.01, 0.125)  # milliseconds
    axis.plot(t, np.sin(2 * np.pi * 5 * t), "-", lw=1.2, label="5 kHz")
    axis.plot(t, -np.sin(2 * np.pi * 3 * t), "--", lw=1.6, label="3 kHz")
    axis.plot(dots, np.sin(2 * np.pi * 5 * dots), "ko", label="kept, 8 a millisecond")
    axis.set(xlabel="time / ms", ylabel="pressure")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, 1.3), ncols=3)
    return fig


show(through_the_dots(), alt="Waves of 5 and of 3 kHz that meet in every kept sample.")

# %% [markdown]
# The dots cannot tell the two apart: 5 kHz has become 3 kHz. This is **aliasing**. A rate of 8 kHz holds
# tones below 4 kHz; what is above is mirrored at 4 kHz.
#
# Now a tone that rises from 0 to 8 kHz in two seconds, sampled at 16 kHz. Then **every second number is
# thrown away**.

# %%
alias_guess = predict(
    "The tone rises to 8 kHz. At a rate of 8 kHz, without any care, what is heard after 1.5 s?",
    {"the true 6 kHz": 6, "4 kHz, the limit": 4, "2 kHz, on its way down": 2, "nothing": 0},
)

# %% [markdown]
# Three players: all numbers, every second number, and every second number behind a **low-pass** filter, which
# takes away first what cannot be held.

# %%
from torchaudio.functional import resample

t = torch.arange(32_000) / 16_000
rising = 0.4 * torch.sin(2 * torch.pi * 2000 * t**2)  # 4000 t swings a second after t seconds
halved, filtered = rising[::2], resample(rising, 16_000, 8000)
listen([rising], 16_000, ["16 kHz"])
listen([halved, filtered], 8000, ["every second number", "low-pass first"])
sounds = {"16 kHz": (rising, 16_000), "every second": (halved, 8000), "low-pass first": (filtered, 8000)}
show(charts.spectrograms(sounds))
piece = halved[11_900:12_156] * torch.hann_window(256)
alias_guess.reveal(torch.fft.rfft(piece).abs().argmax().item() * 8 / 256)

# %% [markdown]
# Nothing was added, numbers were only thrown away, and a wrong tone came in. Once inside, no filter can
# tell it from a true one. So: `resample`, never `[::2]`.
#
# The second loss is **quantisation**: each number is rounded to a step. With b bits there are $2^b$ steps.

# %%
speech = clips[0].double() / 32768


def rounded(sound, bits):
    step = 2 / 2**bits
    return (sound / step).round() * step


def decibels(sound, noise):
    return 10 * torch.log10(sound.square().sum() / noise.square().sum()).item()


ratios = {bits: decibels(speech, speech - rounded(speech, bits)) for bits in range(2, 13)}
show(charts.curves({"speech over rounding": (list(ratios), list(ratios.values()))}, "bits", "dB"))
expect("one bit more", (ratios[12] - ratios[6]) / 6, 5.8, 6.3, "dB")
listen([speech, rounded(speech, 4)], 8000, ["16 bits", "4 bits"])

# %% [markdown]
# One bit more halves the step: the error's power falls to a quarter, 6 dB. (**Decibels** are ten times the
# logarithm of a ratio of powers: 3 dB is twice, 10 dB ten times, 20 dB a hundred times.)
#
# ## 2 · Which tones, and when?
#
# A Fourier transform of the whole word tells which tones are in it, but not when. So cut the waveform into
# short, overlapping **frames**, and transform each.
#
# CARD frames

# %% [markdown]
# Cutting makes edges, and edges sound like clicks. A **window** fades each frame in and out. Then Fourier.
# That is the whole short-time Fourier transform:


# %%
def short_time_fourier(waveform, window, hop):
    return torch.fft.rfft(frames(waveform, window, hop) * torch.hann_window(window))


word = clips[1].float() / 32768
mine = short_time_fourier(word, 256, 160)
theirs = torch.stft(
    word, 256, 160, window=torch.hann_window(256), center=False, return_complex=True
)
print(tuple(mine.shape), "frames × bins; as torch.stft:", torch.allclose(mine.T, theirs, atol=1e-5))

# %% [markdown]
# Is fading worth it? A tone of 1,000 Hz, cut out of its middle: how much of its power seems to lie more
# than 125 Hz away?

# %%
tone = torch.sin(2 * torch.pi * 1015 * torch.arange(256) / 8000)
far = (torch.arange(129) * 8000 / 256 - 1015).abs() > 125
for name, fade in (("cut hard", torch.ones(256)), ("faded", torch.hann_window(256))):
    power = torch.fft.rfft(tone * fade).abs() ** 2
    expect(f"{name}, power elsewhere", 100 * power[far].sum() / power.sum(), 0, 20, "%")

# %% [markdown]
# ### How long should a window be?
#
# Two sounds at once: **two tones**, 500 and 560 Hz, and **two clicks**, 10 ms apart. Which window shows
# that they are two?

# %%
window_guess = predict(
    "Is there a window that shows two tones *and* two clicks?",
    {"yes: 16 ms": 16, "yes: 32 ms": 32, "yes: 64 ms": 64, "none": 0},
)

# %% [markdown]
# Measured as a **valley**: how many decibels deeper is it between the two than at them?


# %%
def valley(profile, places, first, last):
    """Decibels from the lower of two peaks down to the lowest point between them."""
    level = 10 * torch.log10(profile + 1e-9)
    at = [(places - place).abs().argmin() for place in (first, last)]
    return (min(level[at[0]], level[at[1]]) - level[at[0] : at[1] + 1].min()).item()


t = torch.arange(8000) / 8000
tones = torch.sin(2 * torch.pi * 500 * t) + torch.sin(2 * torch.pi * 560 * t)
clicks = torch.zeros(8000)
clicks[[4000, 4080]] = 1
WINDOWS = (4, 8, 16, 24, 32, 48, 64, 96)  # ms
depths = {"two tones": [], "two clicks": []}
for milliseconds in WINDOWS:
    size = 8 * milliseconds
    fade = torch.hann_window(size)
    pitch = torch.fft.rfft(tones.unfold(0, size, 8) * fade, n=4096).abs().square().mean(0)
    depths["two tones"].append(valley(pitch, torch.arange(2049) * 8000 / 4096, 500, 560))
    time = torch.fft.rfft(clicks.unfold(0, size, 1) * fade).abs().square().sum(1)
    depths["two clicks"].append(valley(time, torch.arange(len(time)) + size // 2, 4000, 4080))
lines = {name: (WINDOWS, np.minimum(values, 40)) for name, values in depths.items()}
show(charts.curves(lines, "window / ms", "valley / dB (at most 40)", {"told apart": 3}))
both = [m for m, a, b in zip(WINDOWS, *depths.values(), strict=True) if min(a, b) > 3]
window_guess.reveal(both[0] if both else 0)

# %% [markdown]
# None. A long window knows pitch and blurs time; a short one does the opposite. No cleverness helps:
# a frame of T seconds tells pitches that are about 2 / T apart. Here the two need more than 33 ms, and
# clicks less than 20. Drag it:

# %%
PLACEHOLDER_SLIDER = 1

# %% [markdown]
# Speech is usually read with 20 to 32 ms: short enough for a *t*, long enough for a vowel's colour.
#
# ## 3 · Mel: spaced as we hear
#
# From 100 to 200 Hz is an octave; from 3,100 to 3,200 Hz hardly a step. The **mel** scale follows the
# ear: $m = 2595\,\log_{10}(1 + f / 700)$. Triangles at equal steps of mel collect the bins.
#
# CARD mel_filter

# %% [markdown]
# Forty of them are a **filter bank**: narrow below, wide above.

# %%
bank_of_filters = torch.stack([mel_filter(i, 40, 256, 8000) for i in range(40)], dim=1)
show(charts.filters_mel(bank_of_filters, 8000))

# %% [markdown]
# Power in each frame, collected by the triangles, and its logarithm. Against torchaudio:

# %%
from torchaudio.transforms import MelSpectrogram

power = short_time_fourier(word, 256, 160).abs() ** 2
log_mel = torch.log(power @ bank_of_filters + 1e-6)
theirs = MelSpectrogram(8000, n_fft=256, hop_length=160, n_mels=40, center=False)(word)
print("largest difference below 0.0001:", (log_mel.T - torch.log(theirs + 1e-6)).abs().max().item() < 1e-4)

# %% [markdown]
# **Why the logarithm?** Ask the opening's question again, of the same spectrograms without it.

# %%
log_guess = predict(
    "Nearest clip of another voice, by mel *power* instead of its logarithm. Same word in …",
    {"about 90 %: it is the same information": 90, "about 70 %": 70, "about 50 %": 50},
)

# %% [markdown]
# Everything else stays.

# %%
powers = MelSpectrogram(8000, n_fft=256, hop_length=160, n_mels=40, center=False)(
    bank.waveforms.values.float() / 32768
).mT
kinds = {"power": powers, "square root": powers.sqrt(), "logarithm": torch.log(powers + 1e-6)}
scores = {name: nearest_is_right(values) for name, values in kinds.items()}
log_guess.reveal(scores["power"])
for name, (low, high) in {"power": (40, 60), "square root": (60, 80), "logarithm": (80, 95)}.items():
    expect(name, scores[name], low, high, "%")
shares = (powers.flatten(1).sort(descending=True).values.cumsum(1) / powers.flatten(1).sum(1)[:, None])
expect("cells that hold half of a word's power", 100 * (shares < 0.5).double().mean(), 0, 5, "%")

# %% [markdown]
# A few loud cells hold half of the power, and decide everything. The logarithm lets quiet cells speak: an
# *s* counts beside a vowel. It also turns a louder recording into a constant, which `LogMel` subtracts. (An
# **MFCC** is a cosine transform of such a frame, of which the first 13 numbers are kept.)

# %% [markdown]
# ## 4 · A sequence has no fixed length
#
# One word is 8 frames long, another 27. A dense layer wants a fixed number of inputs. A **recurrent** cell
# reads one frame after the other and keeps a state $h$, its memory: always the same weights, as many steps
# as there are frames.
#
# $$\text{plain cell:}\quad h_t = \tanh(W x_t + U h_{t-1} + b)$$
#
# Each step overwrites the whole state. A **gated recurrent unit** (Cho et al. 2014) may leave it as it is.
# Two *gates*, numbers between 0 and 1, decide for each of its units:
#
# $$r = \sigma(W_r x + U_r h), \quad z = \sigma(W_z x + U_z h), \quad n = \tanh(W_n x + r \odot U_n h)$$
# $$h' = (1 - z) \odot n + z \odot h$$
#
# $z$ near 1: keep. $z$ near 0: take the new. $r$ near 0: make the new without looking back.
#
# CARD gru_step

# %% [markdown]
# Now over all frames of a word, beside `torch.nn.GRU` with the same weights:

# %%
mel = LogMel()
heard = mel(triangle.waveforms.rows(torch.tensor([0]))).values  # (1, frames, 40)
torch.manual_seed(runtime.seed)
layer = torch.nn.GRU(40, 64, batch_first=True)
weights = [layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0]
h = torch.zeros(1, 64)
for x in heard.unbind(1):
    h = gru_step(x, h, *weights)
difference = (h - layer(heard)[1][0]).abs().max().item()
print(f"{heard.shape[1]} steps; largest difference below 0.000001:", difference < 1e-6)

# %% [markdown]
# An **LSTM** (Hochreiter and Schmidhuber 1997) keeps a second state, the *cell* $c$, that is never squeezed:
# $c' = f \odot c + i \odot g$, with a gate each to forget, to write and to show.
#
# CARD lstm_step

# %% [markdown]
# ### How far back can it learn?
#
# Learning goes by the gradient. How strongly does the last state depend on a frame 5, 20, 50 steps ago?
# Each step back multiplies by one more matrix: if that shrinks, the gradient **vanishes**, if it grows, it
# **explodes** (Pascanu et al. 2013).

# %%
gate_guess = predict(
    "Fresh layers of PyTorch. How much weaker is the gradient of an LSTM after 50 steps?",
    {"hardly: that is what gates are for": 0, "100 times": -2, "more than a million times": -9},
)

# %% [markdown]
# Noise is read, 100 steps. *LSTM, gate open* is the same LSTM, but the bias of its forget gate is 3, so it
# begins at σ(3) ≈ 0.95. *Plain, larger* has its matrix U multiplied by 3.

# %%
from xmodal_lab.encoders.audio.memory import gradient_over_time


def opened(layer, bias=3.0):
    """The same layer, the bias of its forget (or update) gate raised."""
    size = layer.hidden_size
    with torch.no_grad():
        layer.bias_ih_l0[size : 2 * size] = bias
        layer.bias_hh_l0[size : 2 * size] = 0
    return layer


def fresh(kind, hidden=32):
    torch.manual_seed(runtime.seed)
    return kind(16, hidden, batch_first=True)


layers = {
    "plain": fresh(torch.nn.RNN),
    "LSTM": fresh(torch.nn.LSTM),
    "GRU": fresh(torch.nn.GRU),
    "LSTM, gate open": opened(fresh(torch.nn.LSTM)),
    "plain, larger": fresh(torch.nn.RNN),
}
with torch.no_grad():
    layers["plain, larger"].weight_hh_l0 *= 3
noise = torch.randn(16, 101, 16, generator=torch.Generator().manual_seed(0))
slopes = {name: gradient_over_time(layer, noise).flip(0) for name, layer in layers.items()}
fading = {name: np.log10(values.numpy() / float(values[0]) + 1e-30) for name, values in slopes.items()}
lines = {name: (range(101), values) for name, values in fading.items()}
show(charts.curves(lines, "steps back", "log₁₀ of gradient, last step = 0", ylim=(-15, 5)))
gate_guess.reveal(fading["LSTM"][50])
expect("plain, 50 steps back", fading["plain"][50], -20, -8, "powers of ten")
expect("LSTM, 50 steps back", fading["LSTM"][50], -16, -7, "powers of ten")
expect("LSTM, gate open, 50 steps back", fading["LSTM, gate open"][50], -2, 0.5, "powers of ten")
expect("plain, larger, 100 steps back", fading["plain, larger"][100], 0.3, 5, "powers of ten")

# %% [markdown]
# A fresh LSTM forgets: its gate begins near ½, and ½ to the 50th is a millionth of a billionth. Gates make
# a long memory *possible*; they must stand open. Does that matter for learning, too? A test: one of eight
# symbols is shown, then 29 steps of noise. Which symbol was it?

# %%
def memory_test(kind, open_gate, label, steps=150):
    torch.manual_seed(runtime.seed)
    layer = kind(9, 32, batch_first=True)
    model = torch.nn.ModuleDict({"layer": opened(layer) if open_gate else layer,
                                 "head": torch.nn.Linear(32, 8)})  # fmt: skip
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    right = []
    for _ in progress(range(steps), steps, label):
        symbols = torch.randint(8, (64,))
        x = 0.5 * torch.randn(64, 30, 9)
        x[:, 0] = F.one_hot(symbols, 9)
        scores = model["head"](model["layer"](x)[0][:, -1])
        loss = F.cross_entropy(scores, symbols)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        right.append((scores.argmax(1) == symbols).double().mean().item())
    return 100 * np.mean(right[-20:])


remembered = {
    "plain": memory_test(torch.nn.RNN, False, "plain"),
    "LSTM": memory_test(torch.nn.LSTM, False, "LSTM"),
    "LSTM, gate open": memory_test(torch.nn.LSTM, True, "LSTM, gate open"),
}
for name, low, high in (("plain", 5, 20), ("LSTM", 5, 30), ("LSTM, gate open", 70, 100)):
    expect(name, remembered[name], low, high, "%")

# %% [markdown]
# All three are trained by the same 150 steps. Chance is 12.5 %. The gradient that has vanished teaches
# nothing. (Most words are shorter than 30 frames, which is why a fresh GRU will do below. Against
# *exploding*, `fit` **clips**: a gradient longer than 1 is cut to length 1.)
#
# ## 5 · Padding: what is not there must not count
#
# Words of a batch stand in one tensor, padded with zeros to the longest. `Padded` keeps the lengths. In
# the end one vector is wanted for the whole word: the last state, or the mean, or the maximum of all.
#
# CARD masked_pool

# %% [markdown]
# The test: fill the padding with loud noise. Nothing may change.

# %%
few = mel(bank.waveforms.rows(torch.tensor([0, 18, 30])))
hidden = torch.randn(3, few.values.shape[1], 5, generator=torch.Generator().manual_seed(0))
loud = hidden + 100 * torch.randn(hidden.shape) * ~few.mask[:, :, None]
print("frames that are real:", few.lengths.tolist(), "of", few.values.shape[1])
pairs = zip(masked_pool(hidden, few.lengths), masked_pool(loud, few.lengths), strict=True)
print("unchanged:", all(torch.equal(a, b) for a, b in pairs))

# %% [markdown]
# Reading **backwards** needs the same care: it must begin at the last *real* frame. PyTorch wants the batch
# *packed* for that. Two directions, concatenated, see what comes after, too.

# %%
from xmodal_lab.batch import Padded
from xmodal_lab.encoders.pooling import recurrent

both_ways = torch.nn.GRU(40, 4, batch_first=True, bidirectional=True)
noisy = Padded(few.values + 5 * torch.randn(few.values.shape) * ~few.mask[:, :, None], few.lengths)
with torch.no_grad():
    packed = [recurrent(both_ways, x) for x in (few, noisy)]  # pack_padded_sequence inside
    plain = [both_ways(x.values)[0] * few.mask[:, :, None] for x in (few, noisy)]
print("packed, padding changed: ", "same" if torch.allclose(*packed) else "other", "states")
print("unpacked, padding changed:", "same" if torch.allclose(*plain) else "other", "states")

# %% [markdown]
# ## 6 · A word recogniser
#
# 44 words, said by 17 voices, three times each: faster and slower, louder and softer. Voices 17 to 19 are
# kept for validation, 20 to 23 for the test at the end. First your own parts: GRU, last real state.

# %%
from xmodal_lab.tasks.classification import Classifier, cross_entropy
from xmodal_lab.training import fit


class Reader(torch.nn.Module):
    """A GRU over the frames, and one vector of its states: the last, the mean or the maximum."""

    def __init__(self, pooling):
        super().__init__()
        self.layer, self.pooling = torch.nn.GRU(40, 64, batch_first=True), pooling
        self.output_dim = 64

    def forward(self, heard):
        states = self.layer(heard.values)[0]
        if self.pooling == "last":
            return states[torch.arange(len(states)), heard.lengths - 1]
        mean, highest = masked_pool(states, heard.lengths)
        return mean if self.pooling == "mean" else highest


train = spoken_words.load(range(17), repeats=3)
val = spoken_words.load(range(17, 20), repeats=3, seed=1)


def inputs(data, waveforms=None):
    return {"audio": mel(data.waveforms if waveforms is None else waveforms), "labels": data.words}


def right(model, data, waveforms=None):
    rows = inputs(data, waveforms)
    return 100 * (model.predict(rows) == rows["labels"]).double().mean().item()


def trained(encoder, steps, label, data, **options):
    torch.manual_seed(runtime.seed)
    model = Classifier(encoder(), 44, "audio").to(runtime.device)
    options = {"learning_rate": 5e-3, "batch_size": 64} | options
    options |= {"seed": runtime.seed, "runtime": runtime}
    for _ in progress(fit(model, cross_entropy, data, steps, **options), steps, label):
        pass
    return model


reader = trained(lambda: Reader("last"), 300, "GRU, last state", inputs(train))
expect("voices it was trained on", right(reader, train), 85, 100, "%")
expect("voices it has never heard", right(reader, val), 60, 90, "%")

# %% [markdown]
# It knows its voices, and much less of new ones. Before we mend that: what do its gates do? `cells.GRU` is
# your `gru_step` in a loop; it takes the trained weights and hands out the gates.

# %%
from xmodal_lab.encoders.audio import cells

opened_up = cells.GRU(40, 64)
opened_up.load_state_dict(reader.encoder.layer.cpu().state_dict())
reader.to(runtime.device)


def word_of(text, voice):
    """The row of a word as a validation voice says it, plainly."""
    data = spoken_words.load([voice], repeats=0)
    return data.select(data.words == spoken_words.WORDS.index(text))


def gates_of(word="triangle", voice=17):
    data = word_of(word, voice)
    heard = mel(data.waveforms)
    with torch.no_grad():
        trace = opened_up(heard)
    return charts.gates(data.waveforms.values[0], heard.values[0], trace.gates["update"][0])


explore(gates_of, word=list(spoken_words.WORDS), voice=(17, 23))

# %% [markdown]
# ### More ears for the same words
#
# Three changes, one after the other. **Convolutions** over time before the GRU, and both directions:
# `AudioEncoder`. **Each band** of each word with mean 0 and spread 1, which takes a voice's colour away. And
# **variations**: each time a word is read, it gets other noise, another speed, another throat.

# %%
from xmodal_lab.encoders.audio import AudioEncoder
from xmodal_lab.encoders.audio.augment import at_speed, standardised, warped, with_noise


def varied(step, data=train):
    generator = torch.Generator().manual_seed(1_000_000 * runtime.seed + step)
    rows = torch.randint(len(data), (64,), generator=generator)
    heard = mel(with_noise(data.waveforms.rows(rows), (-5.0, 30.0), generator))
    heard = warped(heard, (0.85, 1.18), (0.85, 1.18), generator)
    return {"audio": standardised(heard), "labels": data.words[rows]}


class Levelled(torch.nn.Module):
    """An encoder that reads each band with mean 0 and spread 1."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder, self.output_dim = encoder, encoder.output_dim

    def forward(self, heard):
        return self.encoder(standardised(heard))


models = {
    "GRU, last state": reader,
    "convolutions, both ways": trained(AudioEncoder, 300, "both ways", inputs(train)),
    "+ variations": trained(lambda: Levelled(AudioEncoder()), 500, "variations", varied),
}
for name, (low, high) in dict(zip(models, ((60, 90), (80, 97), (93, 100)), strict=True)).items():
    expect(f"new voices, {name}", right(models[name], val), low, high, "%")
