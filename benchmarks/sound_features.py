"""What the sound networks of chapter 03 reach: words, captions, spoken digits, cells, gradients.

    python benchmarks/sound_features.py                 # three seeds, without recordings of digits
    python benchmarks/sound_features.py --digits FILE   # with them: the archive, or a folder
    python benchmarks/sound_features.py --seeds 1 --parts words cells --json one.json

Every seed has its own sayings and its own first weights. Settings were chosen on voices 16 to 19
(with 0 to 15 for training); figures are of voices 20 to 23. Those of the digits were chosen on the
speakers george and jackson: of the figures for each speaker in turn, theirs are too good.

    words       44 words and phrases by held-out voices: clean, in noise, faster and slower
    captions    connectionist temporal classification: word error rate, new voices, one breath
    twins       convolutions against recurrence, and a filter bank that is learned: at equal
                parameters and steps, and at equal CPU-seconds
    cells       the cells written out against torch's: largest difference, seconds
    memory      the gradient after so many steps, and what can be learned across so many
    published   spoken digits, the published split: takes 0 to 4 of known speakers
    speakers    spoken digits, one speaker left out at a time; each saying is read by itself
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import _table as table
import torch
from _race import race
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab import runtime
from xmodal_lab.batch import Batch, Padded
from xmodal_lab.datasets import scenes, spoken_digits, spoken_words
from xmodal_lab.datasets.scenes.language import split_units
from xmodal_lab.datasets.spoken_words import WORDS, SpokenWords
from xmodal_lab.encoders.audio import (
    AudioCNN,
    AudioEncoder,
    LogMel,
    RawAudioEncoder,
    SpectrogramCNN,
    cells,
)
from xmodal_lab.encoders.audio.augment import at_speed, standardised, with_noise
from xmodal_lab.encoders.audio.memory import gradient_over_time
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.tasks import Classifier, accuracy, cross_entropy, recognition
from xmodal_lab.tasks.recognition import Variation, digit_frames, heard, mean_opinion, sayings
from xmodal_lab.tasks.transcription import (
    Transcriber,
    connectionist,
    unit_numbers,
    word_error_rate,
)
from xmodal_lab.training import fit

Figures = dict[str, float]
DECIBELS, SPEEDS = (20, 10, 5, 0, -5), (0.8, 0.9, 1.1, 1.25)
TWINS: dict[str, Callable[[], nn.Module]] = {
    "convolutions and GRU": AudioEncoder,
    "convolutions and LSTM": partial(AudioEncoder, hidden_dim=52, cell="lstm"),
    "convolutions alone": AudioCNN,
    "convolutions over time and bands": partial(SpectrogramCNN, output_dim=64),
    "learned filter bank, then GRU": partial(RawAudioEncoder, width=60, hidden_dim=62),
}
LENGTHS = (10, 40, 160)  # of the sequences whose first symbol is to be recalled
WORD_STEPS, DIGIT_STEPS = 500, 250


def main() -> None:
    arguments = table.parser(__doc__.splitlines()[0])
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--parts", nargs="+", choices=PARTS, default=None)
    arguments.add_argument("--digits", type=Path, help="spoken digits: a .zip or a folder")
    options = arguments.parse_args()
    recordings.folder = options.digits
    parts = options.parts or [p for p in PARTS if options.digits or p not in NEED_DIGITS]
    table.run_parts(PARTS, parts, options.seeds, options.json)


def trained(
    encoder: nn.Module,
    classes: int,
    batch: Callable[[int], Batch],
    steps: int,
    seed: int,
    batch_size: int = 128,
    learning_rate: float = 4e-3,
    dropout: float = 0.0,
    smoothing: float = 0.0,
) -> tuple[Classifier, float]:
    """A classifier after ``fit``, and the CPU-seconds that took."""
    judge, start = Classifier(encoder, classes, "audio", dropout), time.process_time()
    objective = partial(cross_entropy, smoothing=smoothing)
    for _ in fit(judge, objective, batch, steps, batch_size, learning_rate, seed):
        pass
    return judge, time.process_time() - start


# --- words ------------------------------------------------------------------------------------


@cache
def spoken(kind: str, seed: int) -> SpokenWords:
    """Sayings by kind: 'recorded' and 'train' (five varied sayings) of the training voices; 'plain'
    recordings and five 'varied' sayings of held-out voices."""
    voices, repeats = {
        "recorded": (scenes.TRAIN_VOICES, 0),
        "train": (scenes.TRAIN_VOICES, 5),
        "plain": (scenes.HELD_OUT_VOICES, 0),
        "varied": (scenes.HELD_OUT_VOICES, 5),
    }[kind]
    return spoken_words.load(voices, repeats, seed + 1000 * (kind == "varied"))


def right(judge: Classifier, waveforms: Padded, labels: Tensor) -> float:
    """Per cent of sayings that are recognised."""
    found = mean_opinion(judge, heard(waveforms, recognition.WORDS)).argmax(dim=1)
    return 100 * accuracy(found, labels)


def words(seed: int) -> Figures:
    """Held-out voices: clean, in noise, at other speeds. Full training of the recogniser."""
    # Almost half of what it hears comes from the recordings of the bank: the others all have noise.
    recorded = [spoken("recorded", seed)] * 4
    data = spoken_words.joined(spoken("train", seed), *recorded)
    batch = sayings(data.waveforms, data.words, recognition.WORDS, seed=seed)
    encoder = SpectrogramCNN(widths=(20, 40, 60, 80), output_dim=128)
    regularised = {"dropout": 0.3, "smoothing": 0.1}
    judge, seconds = trained(encoder, len(WORDS), batch, WORD_STEPS, seed, **regularised)
    return {"training, CPU-s": seconds} | hardship(judge, seed)


def hardship(judge: Classifier, seed: int) -> Figures:
    plain, data = spoken("plain", seed), spoken("varied", seed)
    asked, random = data.waveforms, torch.Generator().manual_seed(seed)
    figures = {
        "clean (plain recordings)": right(judge, plain.waveforms, plain.words),
        "varied sayings": right(judge, asked, data.words),
    }
    for name, some in (("clean", plain), ("varied sayings", data)):
        once = judge.predict(Batch(audio=heard(some.waveforms, recognition.WORDS)))
        figures[f"{name}, one reading"] = 100 * accuracy(once, some.words)
    for decibels in DECIBELS:
        noisy = with_noise(asked, float(decibels), random)
        figures[f"noise, {decibels} dB"] = right(judge, noisy, data.words)
    for speed in SPEEDS:
        figures[f"speed × {speed}"] = right(judge, at_speed(asked, speed), data.words)
    return figures


# --- twins ------------------------------------------------------------------------------------


def twins(seed: int) -> Figures:
    """Encoders of one size: for 300 steps each, and for as long as the first one's 300 steps took.

    No augmentation: what is compared are the encoders.
    """
    figures, budget = {}, None
    for name, make in TWINS.items():
        raw = "learned" in name
        runtime.setup(seed, quiet=True)
        judge, seconds = twin(make, raw, 300, seed)
        budget = budget or seconds
        figures[f"{name}: parameters"] = float(sum(p.numel() for p in judge.parameters()))
        figures[f"{name}: CPU-s of 300 steps"] = seconds
        if raw:  # of the mel scale's forty filters 46 % lie below 1 kHz
            low = (judge.encoder.bank.centres.cpu() < 1000).double().mean().item()
            fresh = (make().bank.centres < 1000).double().mean().item()
            figures |= {f"{name}: below 1 kHz": 100 * low, f"{name}: … before": 100 * fresh}
        figures |= twin_right(f"{name}: equal steps", judge, raw, seed)
        # As many steps as the budget holds, with a schedule that ends there.
        steps = max(31, round(300 * budget / seconds))
        runtime.setup(seed, quiet=True)
        judge = judge if steps == 300 else twin(make, raw, steps, seed)[0]
        figures |= twin_right(f"{name}: equal seconds", judge, raw, seed)
    return figures


@cache
def twin_reads(kind: str, raw: bool, seed: int) -> Padded:
    """Waveforms for a learned filter bank, else standardised frames."""
    waveforms = spoken(kind, seed).waveforms
    return waveforms if raw else standardised(LogMel()(waveforms))


def twin(
    make: Callable[[], nn.Module], raw: bool, steps: int, seed: int
) -> tuple[Classifier, float]:
    """One of the encoders after so many steps, and the CPU-seconds they took."""
    data = Batch(audio=twin_reads("train", raw, seed), labels=spoken("train", seed).words)
    judge, start = Classifier(make(), len(WORDS), "audio"), time.process_time()
    for _ in fit(judge, cross_entropy, data, steps, learning_rate=3e-3, seed=seed):
        pass
    return judge, time.process_time() - start


def twin_right(name: str, judge: Classifier, raw: bool, seed: int) -> Figures:
    """Per cent of held-out voices' plain recordings and varied sayings that are recognised."""
    return {
        f"{name}, {kind}": 100
        * accuracy(
            judge.predict(Batch(audio=twin_reads(kind, raw, seed))), spoken(kind, seed).words
        )
        for kind in ("plain", "varied")
    }


# --- captions ---------------------------------------------------------------------------------


def captions(seed: int) -> Figures:
    """The caption reader: one-thing captions first, then captions of two things."""
    data = {n: scenes.load("train", 3000, seed, ["audio"], things=n) for n in (1, 2)}
    batches = {n: caption_batch(some) for n, some in data.items()}
    reader, start = Transcriber(AudioEncoder(halvings=2)), time.process_time()
    options = {"batch_size": 64, "learning_rate": 6e-3, "seed": seed}
    for n, steps in ((1, 100), (2, 250)):
        for _ in fit(reader, connectionist, batches[n], steps, **options):
            pass
    figures = {"training, CPU-s": time.process_time() - start}
    heard_often = Counter(tuple(split_units(text)) for text in data[2].transcripts)
    usual = list(heard_often.most_common(1)[0][0])
    for split in ("test", "new_voices", "natural"):
        count = len(scenes.natural_captions()) if split == "natural" else 200
        asked = scenes.load(split, count, seed, ["audio"], things=2)
        said = [split_units(text) for text in asked.transcripts]
        found = reader.read(caption_batch(asked))
        figures[f"{split}: word error rate"] = 100 * word_error_rate(found, said)
        always = 100 * word_error_rate([usual] * count, said)
        figures[f"{split}: … of the commonest caption"] = always
        exact = [a == b for a, b in zip(found, said, strict=True)]
        figures[f"{split}: captions without error"] = 100 * statistics.fmean(exact)
    return figures


def caption_batch(data: scenes.SceneData) -> Batch:
    """Standardised frames and the units of their transcripts."""
    frames = standardised(inputs_of(data)["audio"])
    return Batch(audio=frames, units=unit_numbers(data.transcripts))


# --- cells and memory -------------------------------------------------------------------------


def own_and_torchs(seed: int) -> Figures:
    """A hundred frames of forty bands, 64 rows, a state of 64: forward and backward."""
    rows = Padded(torch.randn(64, 100, 40), torch.full((64,), 100))
    figures = {}
    for name in ("RNN", "GRU", "LSTM"):
        torchs = getattr(nn, name)(40, 64, batch_first=True)
        own = getattr(cells, name)(40, 64)
        own.load_state_dict(torchs.state_dict())
        with torch.no_grad():
            difference = (own(rows).states.values - torchs(rows.values)[0]).abs().max()
        figures[f"{name}: largest difference · 10⁶"] = 1e6 * difference.item()
        runs = {
            "own": lambda own=own: own(rows).states.values.sum().backward(),
            "torch's": lambda torchs=torchs: torchs(rows.values)[0].sum().backward(),
        }
        for who, seconds in race(runs, 5).items():
            figures[f"{name}: {who}, ms"] = 1000 * seconds
    return figures


def open_gates(network: nn.RNNBase, bias: float = 3.0) -> nn.RNNBase:
    """LSTM's forget gates and GRU's update gates begin open: both are the second block of rows.

    Source: Gers et al. 2000; Jozefowicz et al. 2015.
    """
    size = network.hidden_size
    with torch.no_grad():
        network.bias_ih_l0[size : 2 * size] = bias
    return network


NETWORKS: dict[str, Callable[[int, int], nn.RNNBase]] = {
    "RNN": partial(nn.RNN, batch_first=True),
    "GRU": partial(nn.GRU, batch_first=True),
    "LSTM": partial(nn.LSTM, batch_first=True),
    "GRU, gates open": lambda i, h: open_gates(nn.GRU(i, h, batch_first=True)),
    "LSTM, gates open": lambda i, h: open_gates(nn.LSTM(i, h, batch_first=True)),
}


def scaled_rnn(factor: float, inputs: int, hidden: int) -> nn.RNN:
    """A plain network whose recurrent weights stretch every direction by one factor."""
    network = nn.RNN(inputs, hidden, batch_first=True)
    with torch.no_grad():
        turned = torch.linalg.qr(torch.randn(hidden, hidden))[0]
        network.weight_hh_l0.copy_(factor * turned)
        network.weight_ih_l0.mul_(0.1)  # small, so that tanh hardly bends
    return network


def memory(seed: int) -> Figures:
    """Powers of ten of the gradient some steps back; the first symbol recalled after a wait."""
    makers = NETWORKS | {
        f"RNN, weights × {factor}": partial(scaled_rnn, factor) for factor in (0.5, 1.0, 1.5, 2.0)
    }
    inputs, figures = torch.randn(32, 101, 16), {}
    for name, make in makers.items():
        slopes = gradient_over_time(make(16, 64), inputs, seed).log10().clamp(min=-45)
        figures |= {f"{name}: log10 gradient, {b} steps back": slopes[-1 - b].item()
                    for b in (0, 10, 50, 100)}  # fmt: skip
    for length in LENGTHS:
        for name in NETWORKS:
            torch.manual_seed(seed)
            figures[f"{name}: recall after {length} steps"] = recall(NETWORKS[name], length, seed)
    return figures


class Last(nn.Module):
    """The last state of a recurrent network."""

    def __init__(self, network: nn.RNNBase) -> None:
        super().__init__()
        self.network, self.output_dim = network, network.hidden_size

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)[0][:, -1]


def recall(make: Callable[[int, int], nn.RNNBase], length: int, seed: int) -> float:
    """Per cent right: which of eight symbols came first, marked, before so many others?"""

    def batch(step: int) -> Batch:
        random = torch.Generator().manual_seed(seed * 1_000_003 + step)
        symbols = torch.randint(8, (64, length), generator=random)
        mark = torch.zeros(64, length, 1)
        mark[:, 0] = 1.0
        return Batch(x=torch.cat([F.one_hot(symbols, 8), mark], dim=2), labels=symbols[:, 0])

    judge = Classifier(Last(make(9, 32)), 8, "x")
    for _ in fit(judge, cross_entropy, batch, 300, learning_rate=1e-2, seed=seed):
        pass
    asked = [batch(10**6 + number) for number in range(8)]
    return 100 * statistics.fmean(accuracy(judge.predict(b), b["labels"]) for b in asked)


# --- spoken digits ----------------------------------------------------------------------------


@cache
def recordings() -> tuple[Padded, Tensor, list[str], Tensor]:
    """Waveforms, digits, speakers and takes; clips shorter than one window get silence behind."""
    data = spoken_digits.load(folder=recordings.folder)
    return data.waveforms, data.digits, list(data.speakers), data.takes


recordings.folder = None


def digits_right(train: Tensor, asked: Tensor, seed: int) -> Figures:
    """Train on some rows of the recordings, ask others; the plain network beside it."""
    waveforms, digits, _, _ = recordings()
    runtime.setup(seed, quiet=True)
    frames = digit_frames(waveforms.rows(train))
    batch = sayings(frames, digits[train], recognition.DIGITS, 64, seed)
    judge, seconds = trained(SpectrogramCNN(), 10, batch, DIGIT_STEPS, seed, 64, 3e-3)
    frames = digit_frames(waveforms.rows(asked))
    found = mean_opinion(judge, frames).argmax(dim=1)
    return {
        "right": 100 * accuracy(found, digits[asked]),
        "one reading": 100 * accuracy(judge.predict(Batch(audio=frames)), digits[asked]),
        "one plain network": plain_right(train, asked, seed),
        "CPU-s": seconds,
    }


def plain_right(train: Tensor, asked: Tensor, seed: int) -> float:
    """The words' encoder, nothing varied."""
    waveforms, digits, _, _ = recordings()
    runtime.setup(seed, quiet=True)
    frames = heard(waveforms, Variation())
    batch = sayings(frames.rows(train), digits[train], Variation(), 64, seed)
    judge, _ = trained(AudioEncoder(), 10, batch, 300, seed, 64)
    return 100 * accuracy(judge.predict(Batch(audio=frames.rows(asked))), digits[asked])


def published(seed: int) -> Figures:
    """Takes 0 to 4 of speakers that were trained on."""
    takes = recordings()[3]
    rows = [(takes >= 5).nonzero()[:, 0], (takes < 5).nonzero()[:, 0]]
    return digits_right(*rows, seed)


def speakers(seed: int) -> Figures:
    """Every speaker in turn is left out of the training."""
    names, figures = recordings()[2], {}
    for name in sorted(set(names)):
        out = torch.tensor([other == name for other in names])
        rows = (~out).nonzero()[:, 0], out.nonzero()[:, 0]
        found = digits_right(*rows, seed)
        figures |= {f"{name}: {key}": value for key, value in found.items()}
        print(f"    {name}: {found}", flush=True)
    for key in ("right", "one reading", "one plain network"):
        values = [value for name, value in figures.items() if name.endswith(f": {key}")]
        figures[f"mean over the speakers: {key}"] = statistics.fmean(values)
    return figures


PARTS = {
    "words": words,
    "captions": captions,
    "twins": twins,
    "cells": own_and_torchs,
    "memory": memory,
    "published": published,
    "speakers": speakers,
}
NEED_DIGITS = ("published", "speakers")

if __name__ == "__main__":
    main()
