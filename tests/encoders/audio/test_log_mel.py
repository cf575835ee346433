"""Log-mel frames against two other computations of them, and what is refused."""

import numpy as np
import pytest
import torch

from xmodal_lab.batch import Padded, pad
from xmodal_lab.datasets.scenes import SAMPLE_RATE, Waveforms
from xmodal_lab.encoders.audio import LogMel
from xmodal_lab.encoders.inputs import log_mel


def noise(samples: int, seed: int = 0, peak: float = 0.5) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return (generator.uniform(-peak, peak, samples) * 32767).astype(np.int16)


def mel_filters(mels: int, window: int) -> np.ndarray:
    """Triangles between equal steps of 2595 log10(1 + f/700), written out bin by bin."""
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    corners = [700 * (10 ** (top * i / (mels + 1) / 2595) - 1) for i in range(mels + 2)]
    bank = np.zeros((mels, window // 2 + 1))
    for number in range(mels):
        low, middle, high = corners[number : number + 3]
        for index in range(window // 2 + 1):
            hertz = index * SAMPLE_RATE / window
            rise, fall = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
            bank[number, index] = max(0.0, min(rise, fall))
    return bank


def slow_log_mel(waveform: np.ndarray, mels=40, window=256, hop=160) -> np.ndarray:
    """The docstring's formula in float64, one frame after the other."""
    samples = waveform.astype(np.float64) / 32768
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    bank = mel_filters(mels, window)
    rows = []
    for start in range(0, len(samples) - window + 1, hop):
        power = np.abs(np.fft.rfft(samples[start : start + window] * hann)) ** 2
        rows.append(np.log(bank @ power + 1e-6))
    levels = np.array(rows)
    return (levels - levels.mean()) / 3.0


@pytest.mark.parametrize("samples", [256, 415, 416, 4000, 8001])
def test_frames_equal_the_formula_in_float64(samples):
    waveform = noise(samples)
    frames, lengths = LogMel()(pad([waveform]))
    wanted = slow_log_mel(waveform)
    assert lengths.tolist() == [len(wanted)]
    np.testing.assert_allclose(frames[0].numpy(), wanted, atol=2e-4)


def test_frames_equal_torchaudio_up_to_the_mean():
    # Only here, when the package's guard has made it importable beside any torch.
    from torchaudio.transforms import MelSpectrogram

    waveform = noise(4000)
    transform = MelSpectrogram(SAMPLE_RATE, n_fft=256, hop_length=160, n_mels=40, center=False)
    levels = torch.log(transform(torch.tensor(waveform / 32768, dtype=torch.float32)).T + 1e-6)
    frames = LogMel()(pad([waveform])).values[0]
    torch.testing.assert_close(frames, (levels - levels.mean()) / 3, atol=1e-5, rtol=0)


def test_other_windows_and_bands_follow_the_formula():
    waveform = noise(3000)
    frames = LogMel(mels=13, window=512, hop=100)(pad([waveform])).values[0]
    np.testing.assert_allclose(frames, slow_log_mel(waveform, 13, 512, 100), atol=2e-4)


def test_at_twice_the_rate_a_tone_reaches_the_band_that_names_its_pitch():
    """3 kHz stands at three quarters of what 8 kHz can hold, and at three eighths at 16 kHz."""
    for rate, size in ((8000, 256), (16_000, 512)):
        time = np.arange(rate) / rate
        tone = (8000 * np.sin(2 * np.pi * 3000 * time)).astype(np.int16)
        transform = LogMel(rate=rate)
        frames, lengths = transform(pad([tone]))
        assert (transform.window, transform.hop) == (size, size * 5 // 8)
        top = 2595 * np.log10(1 + rate / 2 / 700)
        wanted = 2595 * np.log10(1 + 3000 / 700) / top * 41 - 1
        assert abs(int(frames[0].mean(0).argmax()) - wanted) <= 1
        assert lengths.tolist() == [1 + (rate - size) // (size * 5 // 8)]  # 20 ms at either


def test_neighbours_and_padding_do_not_change_a_frame():
    waveforms = [noise(n, seed=n) for n in (256, 3000, 1777, 8000)]
    together = LogMel()(pad(waveforms))
    for columns in (8000, 8192, 30_000):
        values = torch.zeros(len(waveforms), columns, dtype=torch.int16)
        for row, waveform in enumerate(waveforms):
            values[row, : len(waveform)] = torch.from_numpy(waveform)
        longer = LogMel()(Padded(values, torch.tensor([len(w) for w in waveforms])))
        assert longer.lengths.equal(together.lengths)
        steps = together.values.shape[1]
        torch.testing.assert_close(longer.values[:, :steps], together.values, atol=1e-6, rtol=0)
        assert longer.values[:, steps:].count_nonzero() == 0
    for row, waveform in enumerate(waveforms):
        alone = LogMel()(pad([waveform])).values[0]
        torch.testing.assert_close(together.values[row, : len(alone)], alone, atol=1e-6, rtol=0)
        assert together.values[row, len(alone) :].count_nonzero() == 0


def test_what_stands_behind_the_last_sample_is_not_heard():
    quiet = pad([noise(3000), noise(5000)])
    loud = Padded(quiet.values.clone(), quiet.lengths)
    loud.values[0, 3000:] = 32767
    torch.testing.assert_close(LogMel()(loud).values, LogMel()(quiet).values, atol=0, rtol=0)


@pytest.mark.parametrize("gain", [0.5, 0.25, 0.125])
def test_loudness_does_not_matter(gain):
    waveform = noise(6000, peak=0.9) // 8 * 8  # so that quieter is not rounded
    quieter = (waveform * gain).astype(np.int16)
    frames, _ = LogMel()(pad([waveform, quieter]))
    # As far as the floor of 1e-6 under the logarithm allows.
    torch.testing.assert_close(frames[0], frames[1], atol=5e-3, rtol=0)


def test_silence_is_all_zero_rather_than_nan():
    frames, _ = LogMel()(pad([np.zeros(4000, np.int16), noise(4000)]))
    assert frames.isfinite().all()
    assert frames[0].abs().max() < 1e-5


def test_an_utterance_shorter_than_a_window_is_refused():
    with pytest.raises(ValueError, match="255 samples is shorter than one window of 256 samples"):
        LogMel()(pad([noise(4000), noise(255)]))
    assert LogMel()(pad([noise(256)])).lengths.tolist() == [1]


def test_an_utterance_of_no_samples_is_refused():
    with pytest.raises(ValueError, match="0 samples is shorter"):
        LogMel()(Padded(torch.zeros(1, 300, dtype=torch.int16), torch.tensor([0])))


def waveforms_of(lengths: list[int]) -> Waveforms:
    parts = [noise(n, seed=i) for i, n in enumerate(lengths)]
    return Waveforms(np.concatenate(parts), np.cumsum(lengths))


def test_log_mel_does_not_depend_on_the_chunk():
    waveforms = waveforms_of([900, 256, 4000, 1500, 2000])
    wanted = log_mel(waveforms)
    for chunk in (1, 2, 3, 5):
        found = log_mel(waveforms, chunk)
        assert found.lengths.equal(wanted.lengths)
        torch.testing.assert_close(found.values, wanted.values, atol=1e-6, rtol=0)


def test_log_mel_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no waveforms"):
        log_mel(Waveforms(np.empty(0, np.int16), np.empty(0, np.int64)))
