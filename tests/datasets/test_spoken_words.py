"""Every voice says every word; each saying follows from its numbers alone."""

import numpy as np
import pytest
import torch

from xmodal_lab.datasets import scenes, spoken_words
from xmodal_lab.datasets.spoken_words import WORDS


def test_every_voice_says_every_word_as_often_as_asked():
    data = spoken_words.load([3, 21], repeats=2)
    assert len(data) == 2 * 2 * len(WORDS) == len(data.waveforms.lengths)
    said = list(zip(data.voices.tolist(), data.words.tolist(), strict=True))
    assert len(set(said)) == 2 * len(WORDS) and all(said.count(one) == 2 for one in said)


def test_each_saying_is_another_and_a_longer_set_begins_with_the_shorter():
    once, thrice = spoken_words.load([3], 1), spoken_words.load([3], 3)
    count = len(once)
    for row in range(count):
        length = int(once.waveforms.lengths[row])
        assert thrice.waveforms.lengths[row] == length
        assert thrice.waveforms.values[row, :length].equal(once.waveforms.values[row, :length])
    assert not thrice.waveforms.lengths[:count].equal(thrice.waveforms.lengths[count : 2 * count])
    assert not spoken_words.load([3], 1, 1).waveforms.lengths.equal(once.waveforms.lengths)


def test_plain_recordings_are_those_of_the_bank():
    data = spoken_words.load([5], repeats=0)
    row = WORDS.index("star")
    wanted = scenes.speak("star", 5)
    assert data.words[row] == row
    found = data.waveforms.values[row, : len(wanted)].numpy()
    np.testing.assert_array_equal(found, wanted)


def test_rows_are_selected_by_number_or_mask():
    data = spoken_words.load([3, 4], repeats=0)
    chosen = data.select(data.voices == 4)
    assert len(chosen) == len(WORDS) and (chosen.voices == 4).all()
    assert data.select(torch.tensor([7, 2])).words.tolist() == [7, 2]


def test_joined_sets_keep_every_saying_with_its_word_and_voice():
    plain, varied = spoken_words.load([3], repeats=0), spoken_words.load([4], repeats=1)
    both = spoken_words.joined(plain, varied)
    assert both.words.equal(torch.cat([plain.words, varied.words]))
    assert both.voices.equal(torch.cat([plain.voices, varied.voices]))
    for part, first in ((plain, 0), (varied, len(plain))):
        for row, length in enumerate(part.waveforms.lengths.tolist()):
            found = both.waveforms.rows(torch.tensor([first + row])).values[0]
            assert found.equal(part.waveforms.values[row, :length])


def test_what_is_refused():
    with pytest.raises(ValueError, match="unknown voice 24"):
        spoken_words.load([24])
    for voices, repeats in (([], 1), ([3], -1)):
        with pytest.raises(ValueError, match="repeats must be ≥ 0 and a voice given"):
            spoken_words.load(voices, repeats)
    with pytest.raises(ValueError, match="empty batch"):
        spoken_words.joined()
