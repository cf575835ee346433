"""What is varied is what the docstrings say, by as much, and padding stays silent."""

import math

import pytest
import torch

from xmodal_lab.batch import Padded, pad
from xmodal_lab.encoders.audio.augment import (
    at_speed,
    coloured,
    limited,
    masked,
    standardised,
    warped,
    with_noise,
)


def random(seed=0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tone(pitch: float, samples: int) -> torch.Tensor:
    return (8000 * torch.sin(2 * math.pi * pitch * torch.arange(samples) / 8000)).short()


def frames(rows=6, steps=50, mels=40) -> Padded:
    lengths = torch.tensor([steps - 7 * row for row in range(rows)])
    values = torch.randn(rows, steps, mels, generator=random(1)) + 5
    return Padded(values * Padded(values, lengths).mask[:, :, None], lengths)


def pitch_of(samples: torch.Tensor) -> float:
    return torch.fft.rfft(samples).abs().argmax().item() * 8000 / len(samples)


@pytest.mark.parametrize("decibels", [-5.0, 0.0, 20.0])
def test_noise_is_as_loud_as_asked(decibels):
    waveforms = pad([tone(440, 8000), tone(200, 5000) // 20])
    noisy = with_noise(waveforms, decibels, random())
    for row, length in enumerate(waveforms.lengths):
        speech = waveforms.values[row, :length].float()
        noise = noisy.values[row, :length] - speech
        found = 10 * math.log10(speech.square().mean() / noise.square().mean())
        assert found == pytest.approx(decibels, abs=0.3)
        assert noisy.values[row, length:].count_nonzero() == 0


def test_a_pair_of_decibels_is_drawn_between_row_by_row():
    waveforms = pad([tone(440, 4000)] * 200)
    noise = with_noise(waveforms, (0.0, 20.0), random()).values - waveforms.values
    power = waveforms.values.float().square().mean(1)
    ratios = 10 * (power / noise.square().mean(1)).log10()
    assert -0.5 < ratios.min() < 2 and 18 < ratios.max() < 20.5
    assert ratios.mean() == pytest.approx(10, abs=1.5)


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.25])
def test_faster_is_shorter_and_higher(factor):
    waveforms = pad([tone(400, 8000), tone(400, 4000)])
    played = at_speed(waveforms, factor)
    for row, length in enumerate(played.lengths.tolist()):
        assert length == pytest.approx(waveforms.lengths[row].item() / factor, rel=0.01)
        pitch = pitch_of(played.values[row, :length])
        assert pitch == pytest.approx(400 * factor, rel=0.01)
        assert played.values[row, length:].count_nonzero() == 0
    if factor == 1:
        torch.testing.assert_close(played.values, waveforms.values.float(), atol=10, rtol=0)


def test_what_stands_behind_a_row_does_not_come_in():
    clean = pad([tone(400, 8000), tone(400, 3000)])
    dirty = Padded(clean.values.clone(), clean.lengths)
    dirty.values[1, 3000:] = 30_000
    for change in (lambda w: at_speed(w, 0.9), lambda w: with_noise(w, 10.0, random())):
        assert change(dirty).values.equal(change(clean).values)
    spoiled = Padded(frames().values.clone(), frames().lengths)
    spoiled.values[~spoiled.mask] = 1e3
    for change in (standardised, lambda f: warped(f, (0.8, 1.2), (0.9, 1.1), random())):
        torch.testing.assert_close(change(spoiled).values, change(frames()).values)


def test_a_throat_moves_bands_and_a_speed_moves_frames():
    values = torch.zeros(1, 41, 41)
    values[0, 20, 20] = 1.0
    rows = Padded(values, torch.tensor([41]))
    still = warped(rows)
    torch.testing.assert_close(still.values, values, atol=1e-4, rtol=0)
    moved = warped(rows, throat=1.25).values[0]
    assert moved.argmax().item() == 20 * 41 + 16  # band 16 reads band 20
    quick = warped(rows, speed=2.0)
    assert quick.lengths.tolist() == [21] and quick.values[0].argmax().item() == 10 * 41 + 20


def test_draws_differ_by_row_and_come_from_the_generator():
    same = Padded(frames().values[:1].repeat(5, 1, 1), torch.full((5,), 50))
    one = warped(same, (0.7, 1.4), (0.8, 1.2), random(3))
    again = warped(same, (0.7, 1.4), (0.8, 1.2), random(3))
    assert one.values.equal(again.values) and one.lengths.equal(again.lengths)
    assert len(one.lengths.unique()) > 2
    assert one.lengths.min() >= 50 / 1.4 - 1 and one.lengths.max() <= 50 / 0.7 + 1


def test_a_colour_is_one_smooth_curve_a_row_over_all_its_frames():
    rows = frames()
    added = coloured(rows, 0.3, random()).values - rows.values
    for row, length in zip(added, rows.lengths.tolist(), strict=True):
        torch.testing.assert_close(row[:length], row[:1].expand(length, -1), atol=1e-5, rtol=0)
        assert row[length:].count_nonzero() == 0
    curves = added[:, 0]
    assert curves.mean(1).abs().max() < 1e-5  # it makes nothing louder
    rough = torch.fft.rfft(torch.cat([curves, curves.flip(1)], dim=1)).abs()
    assert rough[:, 5:].max() < 1e-4 * rough.max()  # four cosines, no more
    many = Padded(torch.zeros(3000, 1, 40), torch.ones(3000, dtype=torch.long))
    spread = coloured(many, 0.3, random()).values.square().mean().sqrt()
    assert spread.item() == pytest.approx(0.3 * 2**0.5, rel=0.05)  # four terms of power ½ each


def test_stripes_cover_no_more_than_allowed():
    rows = frames()
    bands = masked(rows, bands=8, share=0.0, count=1, generator=random()).values
    covered = ((bands == 0) & rows.mask[:, :, None]).all(1) | (
        ((bands == 0) | ~rows.mask[:, :, None]).all(1)
    )
    assert covered.sum(1).max() <= 8 and covered.any()
    times = masked(rows, bands=0, share=0.2, count=1, generator=random()).values
    gone = (times == 0).all(2) & rows.mask
    assert gone.any() and (gone.sum(1) <= 0.2 * rows.lengths + 1).all()
    assert masked(rows, 8, 0.2, 0, random()).values.equal(rows.values)


def test_many_draws_of_stripes_reach_every_band_and_frame():
    rows = Padded(torch.ones(600, 20, 40), torch.full((600,), 20))
    found = masked(rows, bands=4, share=0.2, count=1, generator=random()).values
    assert (found == 0).all(1).any(0).all() and (found == 0).all(2).any(0).all()


def test_standardised_bands_have_no_mean_and_unit_spread():
    found = standardised(frames(), floor=0.0)
    for row, length in zip(found.values, found.lengths, strict=True):
        assert row[:length].mean(0).abs().max() < 1e-4
        torch.testing.assert_close(row[:length].std(0, unbiased=False), torch.ones(40))
        assert row[length:].count_nonzero() == 0


def test_standardising_forgets_loudness_and_colour_of_every_band():
    rows = frames()
    colour = torch.randn(6, 1, 40, generator=random(2))
    louder = Padded((3 * rows.values + colour) * rows.mask[:, :, None], rows.lengths)
    torch.testing.assert_close(
        standardised(louder, 0.0).values, standardised(rows, 0.0).values, atol=1e-4, rtol=0
    )


def test_limited_levels_reach_from_the_loudest_so_far_down():
    rows = frames()
    found = limited(rows, 2.0).values
    for row, before, length in zip(found, rows.values, rows.lengths.tolist(), strict=True):
        assert row[:length].max() == 1 and row[:length].min() == -1
        assert row[length:].count_nonzero() == 0
        kept = before[:length] > before[:length].max() - 2
        wanted = before[:length] - before[:length].max() + 1
        torch.testing.assert_close(row[:length][kept], wanted[kept])
    quieter = Padded((rows.values - 7) * rows.mask[:, :, None], rows.lengths)
    torch.testing.assert_close(limited(quieter).values, limited(rows).values)


def test_what_is_refused():
    with pytest.raises(ValueError, match="a factor must be positive, got -1"):
        at_speed(pad([tone(400, 300)]), -1.0)
    with pytest.raises(ValueError, match="a factor must be positive"):
        warped(frames(), throat=(0.0, 1.0))
    with pytest.raises(ValueError, match="depth must be positive, got 0"):
        limited(frames(), 0)
    with pytest.raises(ValueError, match="bands must lie in 0 … 40"):
        masked(frames(), bands=41)
