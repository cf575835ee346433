"""Spectra written out against torch's and torchaudio's, and against single tones."""

import math

import pytest
import torch

from xmodal_lab.encoders.audio.spectrum import (
    framed,
    hertz,
    log_mel,
    mel,
    mel_filters,
    short_time_fourier,
)

SIZES = [(8000, 256, 160), (16_000, 512, 320), (22_050, 706, 441), (8000, 81, 20)]


def noise(samples: int) -> torch.Tensor:
    return torch.rand(samples, generator=torch.Generator().manual_seed(samples)) - 0.5


@pytest.mark.parametrize(("window", "hop"), [(4, 2), (4, 4), (3, 5), (10, 1)])
def test_frames_are_the_pieces_they_claim_to_be(window, hop):
    waveform = torch.arange(10.0)
    frames = framed(waveform, window, hop)
    starts = range(0, 10 - window + 1, hop)
    assert frames.tolist() == [waveform[s : s + window].tolist() for s in starts]


def test_what_cannot_be_framed():
    with pytest.raises(ValueError, match="3 samples is shorter than one window of 4"):
        framed(torch.zeros(3), 4, 2)
    for window, hop in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="must be at least 1 sample"):
            framed(torch.zeros(3), window, hop)


@pytest.mark.parametrize(("rate", "window", "hop"), SIZES)
def test_the_fourier_transform_equals_torchs(rate, window, hop):
    waveform = noise(5000)
    found = short_time_fourier(waveform, window, hop)
    wanted = torch.stft(
        waveform, window, hop, window=torch.hann_window(window), center=False, return_complex=True
    )
    torch.testing.assert_close(found, wanted.T, atol=1e-4, rtol=0)


def test_a_tone_lies_in_the_bin_that_names_its_pitch():
    time = torch.arange(2000) / 8000
    for number in (3, 20, 100):
        tone = torch.sin(2 * math.pi * number * 8000 / 256 * time)
        power = short_time_fourier(tone, 256, 160).abs().square()
        assert (power.argmax(1) == number).all()
        # Hann's window leaks into the two bins beside it, and no further.
        assert power[:, number - 1 : number + 2].sum() / power.sum() > 0.999


def test_mel_and_hertz_undo_each_other():
    for frequency in (0.0, 1.0, 440.0, 8000.0):
        assert hertz(mel(frequency)) == pytest.approx(frequency, abs=1e-9)
    assert mel(1000) == pytest.approx(1000, abs=0.1)  # what the scale was made for


@pytest.mark.parametrize("mels", [1, 13, 40])
@pytest.mark.parametrize(("rate", "window", "hop"), SIZES[:3])
def test_filters_equal_torchaudios(rate, window, hop, mels):
    from torchaudio.functional import melscale_fbanks

    wanted = melscale_fbanks(window // 2 + 1, 0.0, rate / 2, mels, rate)
    torch.testing.assert_close(mel_filters(mels, window, rate), wanted, atol=1e-5, rtol=0)


def test_between_the_outer_corners_the_triangles_add_up_to_one():
    bank, step = mel_filters(10, 512), mel(4000) / 11
    pitch = torch.tensor([mel(k * 8000 / 512) for k in range(257)])
    inside = (pitch >= step) & (pitch <= 10 * step)
    torch.testing.assert_close(bank.sum(1)[inside], torch.ones(int(inside.sum())))


@pytest.mark.parametrize(("rate", "window", "hop"), SIZES[:3])
def test_the_whole_way_equals_torchaudios(rate, window, hop):
    from torchaudio.transforms import MelSpectrogram

    waveform = noise(rate)
    transform = MelSpectrogram(rate, n_fft=window, hop_length=hop, n_mels=40, center=False)
    wanted = torch.log(transform(waveform).T + 1e-6)
    found = log_mel(waveform, 40, window, hop, rate)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)


def test_silence_is_the_floor():
    assert log_mel(torch.zeros(300)).unique().tolist() == pytest.approx([math.log(1e-6)])


def test_filters_of_nothing_are_refused():
    with pytest.raises(ValueError, match="must be ≥ 1, got 0, 256"):
        mel_filters(0, 256)
