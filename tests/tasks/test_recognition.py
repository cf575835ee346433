"""What a recogniser hears: the same as at test time where nothing is varied, and never twice."""

import pytest
import torch

from xmodal_lab.batch import Batch, pad
from xmodal_lab.datasets import spoken_words
from xmodal_lab.encoders.audio import AudioEncoder, SpectrogramCNN
from xmodal_lab.encoders.audio.augment import warped
from xmodal_lab.tasks import Classifier, accuracy, cross_entropy
from xmodal_lab.tasks.recognition import (
    DIGITS,
    READINGS,
    WORDS,
    Variation,
    digit_frames,
    heard,
    mean_opinion,
    sayings,
    varied,
)
from xmodal_lab.training import fit


@pytest.fixture(scope="module")
def words():
    return spoken_words.load([2, 3], repeats=1)


@pytest.mark.parametrize("views", [("plain",), ("standard",), ("plain", "standard")])
def test_a_variation_of_nothing_changes_nothing(words, views):
    still = Variation(views=views)
    wanted = heard(words.waveforms, still)
    found = varied(words.waveforms, still, torch.Generator().manual_seed(0))
    assert found.lengths.equal(wanted.lengths) and found.values.shape[2] == still.bands
    torch.testing.assert_close(found.values, wanted.values, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    "one",
    [
        {"noise": (0.0, 5.0)},
        {"speed": (0.7, 0.8)},
        {"throat": (1.1, 1.2)},
        {"colour": 0.3},
    ],
    ids=lambda one: next(iter(one)),
)
def test_each_part_of_a_variation_varies(words, one):
    wanted = heard(words.waveforms, Variation())
    found = varied(words.waveforms, Variation(**one), torch.Generator().manual_seed(0))
    same = found.values.shape == wanted.values.shape and found.values.equal(wanted.values)
    assert not same and found.values.isfinite().all()


def test_only_a_share_gets_noise(words):
    waveforms = words.waveforms
    wanted = heard(waveforms, Variation()).values
    half = Variation(noise=(0.0, 0.0), noisy=0.5)
    found = varied(waveforms, half, torch.Generator().manual_seed(0)).values
    changed = (found - wanted).abs().amax((1, 2)) > 0.1
    assert 0.3 < changed.double().mean() < 0.7


@pytest.mark.parametrize("noisy", [0.0, 1.0])
def test_noise_leaves_what_it_was_given_alone(words, noisy):
    given = words.waveforms._replace(values=words.waveforms.values.float())
    before = given.values.clone()
    varied(given, Variation(noise=(0.0, 0.0), noisy=noisy), torch.Generator().manual_seed(0))
    assert given.values.equal(before)


def test_a_step_has_its_own_batch_whenever_it_is_asked(words):
    batch = sayings(words.waveforms, words.words, WORDS, 16, seed=1)
    first, again, next_one = batch(0), batch(0), batch(1)
    assert first["audio"].values.equal(again["audio"].values)
    assert first["labels"].equal(again["labels"])
    assert not first["labels"].equal(next_one["labels"])
    other = sayings(words.waveforms, words.words, WORDS, 16, seed=2)(0)
    assert not other["labels"].equal(first["labels"])


def test_labels_stay_with_their_sayings():
    tones = pad([(9000 * torch.sin(0.2 * k * torch.arange(2000))).short() for k in (1, 2, 4, 8)])
    batch = sayings(tones, torch.arange(4), Variation(), 40)(0)
    known = heard(tones, Variation()).values
    for values, label in zip(batch["audio"].values, batch["labels"], strict=True):
        torch.testing.assert_close(values, known[label], atol=1e-4, rtol=0)


def test_a_recogniser_learns_from_it():
    words = spoken_words.load([2, 3, 4], repeats=2)
    few = words.select(words.words < 6)
    torch.manual_seed(0)
    judge = Classifier(AudioEncoder(width=32, hidden_dim=16), 6, "audio")
    batch = sayings(few.waveforms, few.words, Variation(throat=(0.95, 1.05)), 24)
    for _ in fit(judge, cross_entropy, batch, 60, learning_rate=1e-2):
        pass
    asked = Batch(audio=heard(few.waveforms, Variation()), labels=few.words)
    assert accuracy(judge.predict(asked), few.words) > 0.9


def test_frames_are_varied_as_their_waveforms_are(words):
    one = Variation(speed=(0.8, 1.2), throat=(0.9, 1.1))
    frames = heard(words.waveforms, Variation())
    first = sayings(words.waveforms, words.words, one, 8)(0)
    again = sayings(frames, words.words, one, 8)(0)
    assert first["labels"].equal(again["labels"])
    torch.testing.assert_close(first["audio"].values, again["audio"].values, atol=1e-4, rtol=0)
    with pytest.raises(ValueError, match="noise can be added to waveforms, not to their frames"):
        sayings(frames, words.words, WORDS, 8)(0)


def test_a_recogniser_of_spectrograms_learns_from_frames(words):
    few = words.select(words.words < 4)
    frames = digit_frames(few.waveforms)
    torch.manual_seed(0)
    judge = Classifier(SpectrogramCNN(widths=(4, 6, 8, 8), output_dim=16), 4, "audio")
    for _ in fit(
        judge, cross_entropy, sayings(frames, few.words, DIGITS, 16), 60, learning_rate=1e-2
    ):
        pass
    assert accuracy(judge.predict(Batch(audio=frames)), few.words) > 0.9


def test_a_digits_loudness_says_nothing(words):
    frames = digit_frames(words.waveforms)
    assert frames.values.shape[2] == 40
    for row, length in zip(frames.values, frames.lengths, strict=True):
        assert row[:length].max() == 1.5 and row[:length].min() >= -1.5
    quieter = digit_frames(words.waveforms._replace(values=words.waveforms.values // 2))
    assert (quieter.values - frames.values).abs().mean() < 0.02


def test_the_mean_opinion_is_that_of_every_reading(words):
    torch.manual_seed(0)
    judge = Classifier(SpectrogramCNN(widths=(4, 6, 8, 8), output_dim=16), 44, "audio")
    frames = digit_frames(words.waveforms)
    found = mean_opinion(judge, frames)
    torch.testing.assert_close(found.sum(1), torch.ones(len(words)))
    with torch.no_grad():
        each = [
            judge.eval()(Batch(audio=warped(frames, speed, throat))).softmax(1)
            for speed, throat in READINGS
        ]
    torch.testing.assert_close(found, sum(each) / len(READINGS))
    assert not each[0].allclose(each[1], atol=1e-4)
    # A saying is read by itself: alone it gets the same answer.
    alone = mean_opinion(judge, frames.rows(torch.tensor([3])))
    torch.testing.assert_close(alone, found[3:4], atol=1e-5, rtol=0)


def test_an_unknown_view_is_refused():
    with pytest.raises(ValueError, match=r"unknown views \['loud'\]: choose from plain, standard"):
        Variation(views=("loud",))
