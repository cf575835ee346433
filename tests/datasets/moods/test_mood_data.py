"""Sayings in bulk: what belongs together, what is kept apart, and that it stays as it is."""

import hashlib

import numpy as np
import pytest
import torch

from xmodal_lab.datasets import moods
from xmodal_lab.datasets.moods import store
from xmodal_lab.datasets.shipped import DamagedFileError

COUNT = 48
HINT = "if the data was meant to change, take the new figures and measure chapter 05 anew"
# Of the first 400 rows of each split: sentences, moods and voices.
GOLDEN_TEXTS = {
    "train": "8d37ede6f72578cc",
    "val": "5d2c8b98deb24fb2",
    "test": "0a9b33ef0c9374ef",
}
# Of the first four training rows: samples, and root mean square of each eighth, in 16-bit steps.
GOLDEN_SOUND = (
    (19548, 636, 613, 724, 342, 705, 551, 572, 717),
    (15616, 2030, 2159, 2434, 2007, 1964, 2019, 2320, 2087),
    (19548, 636, 613, 724, 342, 705, 551, 572, 717),
    (15616, 2030, 2159, 2434, 2007, 1964, 2019, 2320, 2087),
)


@pytest.fixture(params=moods.SPLITS)
def data(request):
    return moods.load(request.param, COUNT, 3)


# --- what belongs together ----------------------------------------------------------------------


def test_irony_is_where_words_and_voice_disagree(data):
    expected = [
        (word in moods.PRAISE) != (mood == 1)
        for text, mood in zip(data.texts, data.mood.tolist(), strict=True)
        for word in text.split()
        if word in moods.VERDICTS
    ]
    assert data.irony.tolist() == [int(e) for e in expected]
    said = [any(word in moods.PRAISE for word in text.split()) for text in data.texts]
    assert data.sentiment.tolist() == [int(s) for s in said]


def test_each_text_is_said_in_both_moods_so_that_text_alone_is_at_chance(data):
    for rows in torch.arange(COUNT).reshape(-1, 2):
        assert data.texts[rows[0]] == data.texts[rows[1]]
        assert data.mood[rows].tolist() == [0, 1] and data.irony[rows].sum() == 1


def test_each_recording_stands_under_both_verdicts_so_that_sound_alone_is_at_chance(data):
    for first in range(0, COUNT, 4):
        for mood in (0, 1):
            one, other = first + mood, first + mood + 2
            np.testing.assert_array_equal(data.waveforms[one], data.waveforms[other])
            assert data.irony[one] + data.irony[other] == 1


def test_with_the_verdict_heard_the_recordings_differ():
    heard = moods.load("train", COUNT, 3, bleeped=False)
    bleeped = moods.load("train", COUNT, 3)
    assert heard.texts == bleeped.texts and (heard.mood == bleeped.mood).all()
    for first in range(0, COUNT, 4):
        one, other = heard.waveforms[first], heard.waveforms[first + 2]
        assert one.shape != other.shape or (one != other).any()


def test_tokens_are_the_words_of_the_texts(data):
    ids, lengths = data.tokens
    for row, text in enumerate(data.texts):
        words = [moods.WORDS[i - 1] for i in ids[row, : lengths[row]].tolist()]
        assert words == text.split() and not ids[row, lengths[row] :].any()


# --- what is kept apart -------------------------------------------------------------------------


def test_no_split_shares_a_voice_a_template_or_a_text():
    data = {split: moods.load(split, 400) for split in moods.SPLITS}
    for column in ("voices", "templates", "texts"):
        sets = [set(np.asarray(getattr(some, column)).tolist()) for some in data.values()]
        assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2]), column
    for split, some in data.items():
        assert set(some.voices.tolist()) == set(moods.VOICES[split])
        templates = {moods.ALL_TEMPLATES[number] for number in some.templates.tolist()}
        assert templates == set(moods.TEMPLATES[split])


def test_a_longer_data_set_starts_with_the_shorter_one():
    short, long = moods.load("val", 8, 5), moods.load("val", 24, 5)
    assert long.texts[:8] == short.texts and (long.mood[:8] == short.mood).all()
    np.testing.assert_array_equal(long.waveforms[7], short.waveforms[7])
    assert moods.load("val", 8, 6).texts != short.texts


def test_rows_are_chosen_by_number_or_mask(data):
    ironic = data.select(data.irony == 1)
    assert len(ironic) == COUNT // 2 and ironic.irony.all()
    some = data.select(torch.tensor([5, 0]))
    assert some.texts == [data.texts[5], data.texts[0]]
    np.testing.assert_array_equal(some.waveforms[1], data.waveforms[0])
    assert some.voices.tolist() == data.voices[[5, 0]].tolist()


@pytest.mark.parametrize("count", [0, -4, 6])
def test_rows_come_in_fours(count):
    with pytest.raises(ValueError, match="multiple of 4"):
        moods.load("train", count)


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="'new_voices': choose one of train, val, test"):
        moods.load("new_voices", 4)


# --- rare irony ---------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_irony_can_be_made_rare(share):
    data = moods.load("val", 400, 1)
    rare = moods.with_irony(data, share, seed=2)
    assert rare.irony.double().mean().item() == pytest.approx(share, abs=0.01)
    assert (rare.irony == 0).sum() == 200
    again = moods.with_irony(data, share, seed=2)
    assert rare.texts == again.texts and (rare.mood == again.mood).all()
    if share < 0.5:
        assert rare.texts != moods.with_irony(data, share, seed=3).texts


@pytest.mark.parametrize("share", [0.0, 0.6, 0.001])
def test_a_share_that_cannot_be_made_is_refused(share):
    with pytest.raises(ValueError, match="cannot make"):
        moods.with_irony(moods.load("val", 8), share)


# --- cache and golden figures -------------------------------------------------------------------


def test_the_second_time_it_is_read_from_the_cache(monkeypatch):
    first = moods.load("val", 8)
    monkeypatch.setattr(store, "_speak_all", lambda *_: pytest.fail("made anew"))
    again = moods.load("val", 8)
    np.testing.assert_array_equal(first.waveforms.samples, again.waveforms.samples)


def test_a_damaged_bank_is_told_even_if_the_cache_has_the_data(data_copy):
    moods.load("val", 8)
    (data_copy / "mood_bank.ogg").write_bytes(b"")
    with pytest.raises(DamagedFileError, match=r"mood_bank\.ogg"):
        moods.load("val", 8)


@pytest.mark.parametrize("split", moods.SPLITS)
def test_sentences_moods_and_voices_are_the_same(split):
    data = moods.load(split, 400)
    rows = zip(data.texts, data.mood.tolist(), data.voices.tolist(), strict=True)
    found = hashlib.sha256(repr(list(rows)).encode()).hexdigest()[:16]
    assert found == GOLDEN_TEXTS[split], HINT


def test_recordings_are_the_same_but_for_rounding():
    data = moods.load("train", 4)
    assert [len(data.waveforms[row]) for row in range(4)] == [row[0] for row in GOLDEN_SOUND], HINT
    for row, (_, *levels) in enumerate(GOLDEN_SOUND):
        parts = np.array_split(data.waveforms[row].astype(float), len(levels))
        found = [np.sqrt(np.mean(part**2)) for part in parts]
        np.testing.assert_allclose(found, levels, atol=2, err_msg=HINT)
