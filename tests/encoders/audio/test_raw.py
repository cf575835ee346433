"""The learned filter bank against its formula, and what it can learn."""

import numpy as np
import pytest
import torch

from xmodal_lab.batch import Batch, Padded, pad
from xmodal_lab.encoders.audio import LearnedFilters, LogMel, RawAudioEncoder
from xmodal_lab.tasks import Classifier, accuracy, cross_entropy
from xmodal_lab.training import fit


def noise(samples: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return (generator.uniform(-0.5, 0.5, samples) * 32767).astype(np.int16)


def test_rows_equal_the_formula_in_float64():
    bank, waveform = LearnedFilters(filters=3, size=24, stride=8), noise(1000)
    frames, lengths = bank(pad([waveform]))
    samples, filters = waveform / 32768, bank.filters.numpy().astype(np.float64)
    rows = []
    for start in range(0, len(samples) - bank.window + 1, 160):
        places = range(start, start + 256, 8)
        row = [np.mean([(f @ samples[p : p + 24]) ** 2 for p in places]) for f in filters]
        rows.append(np.log(np.array(row) + 1e-6))
    wanted = np.array(rows)
    assert lengths.tolist() == [len(wanted)]
    np.testing.assert_allclose(frames[0].detach().numpy(), (wanted - wanted.mean()) / 3, atol=1e-5)


def test_rows_come_as_often_as_those_of_a_spectrogram():
    waveforms = pad([noise(16_000), noise(8_000, 1)])
    learned, given = LearnedFilters()(waveforms), LogMel()(waveforms)
    assert (given.lengths - learned.lengths).abs().max() <= 1
    assert learned.values.shape[2] == given.values.shape[2] == 40


def test_centres_name_the_pitch_of_a_filter_that_is_a_tone():
    bank = LearnedFilters(filters=3)
    tones = torch.tensor([[440.0], [1000.0], [3000.0]])
    with torch.no_grad():
        wave = torch.cos(6.28319 * tones * torch.arange(128) / 8000) * torch.hann_window(128)
        bank.convolution.weight.copy_(wave[:, None])
    assert (bank.centres - tones[:, 0]).abs().max() <= 8


def test_what_is_too_short_or_uneven_is_refused():
    with pytest.raises(ValueError, match="375 samples is shorter than one frame of 376"):
        LearnedFilters()(pad([noise(375)]))
    assert LearnedFilters()(pad([noise(376)])).lengths.tolist() == [1]
    with pytest.raises(ValueError, match="stride must divide the 160 samples"):
        LearnedFilters(stride=7)


def test_its_filters_learn_to_tell_tones_apart():
    """Tones that differ in pitch alone: where the filters do not move, loss stays higher."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (160,), generator=generator)
    pitch = 500 * 2.0 ** (labels[:, None] / 6)
    phase = 6.3 * torch.rand(160, 1, generator=generator)
    tones = 9000 * torch.sin(6.28319 * pitch * torch.arange(1600) / 8000 + phase)
    data = Batch(
        audio=Padded(tones.short(), torch.full((160,), 1600)),
        labels=labels,
    )
    judge = Classifier(RawAudioEncoder(8, width=16, hidden_dim=8), 4, "audio")
    before = judge.encoder.bank.filters.clone()
    for _ in fit(judge, cross_entropy, data, 60, 40, learning_rate=1e-2):
        pass
    assert accuracy(judge.predict(data), labels) > 0.9
    assert (judge.encoder.bank.filters - before).abs().max() > 0.01
