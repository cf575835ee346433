"""Rows of a data set stay together, whichever are chosen."""

import numpy as np
import pytest

from xmodal_lab.datasets.scenes import SceneData, Waveforms, from_scenes, sample_scenes


@pytest.fixture(scope="module")
def data():
    return from_scenes(sample_scenes("train", 8, 1), seed=1)


def waveforms(*lengths):
    made = (np.full(length, length, np.int16) for length in lengths)
    return Waveforms.collect(made, len(lengths))


def test_chosen_rows_keep_their_columns(data):
    rows = [5, 0, 5, -1]
    chosen = data.select(rows)
    assert len(chosen) == 4 and chosen.modalities == data.modalities
    for new, old in enumerate(rows):
        for column in ("scenes", "captions", "transcripts", "voices"):
            assert getattr(chosen, column)[new] == getattr(data, column)[old]
        np.testing.assert_array_equal(chosen.images[new], data.images[old])
        np.testing.assert_array_equal(chosen.waveforms[new], data.waveforms[old])


def test_rows_can_be_given_as_an_array_and_none_at_all(data):
    assert data.select(np.array([2, 1])).scenes == [data.scenes[2], data.scenes[1]]
    empty = data.select([])
    assert len(empty) == 0 and empty.images.shape == (0, 3, 32, 32) and len(empty.waveforms) == 0


def test_a_mask_is_refused_with_what_to_use(data):
    mask = data.thing_counts == 2
    with pytest.raises(ValueError, match="flatnonzero"):
        data.select(mask)
    with pytest.raises(ValueError, match="flatnonzero"):
        data.select(mask.tolist())
    assert set(data.select(np.flatnonzero(mask)).thing_counts) == {2}


def test_rows_beyond_the_end_are_refused(data):
    with pytest.raises(IndexError):
        data.select([len(data)])


def test_columns_of_another_length_are_refused(data):
    with pytest.raises(ValueError, match="captions has 7 rows, there are 8 scenes"):
        SceneData(data.scenes, captions=data.captions[:7])


def test_matches_are_rows_of_the_same_meaning():
    scenes = sample_scenes("train", 4, 2, things=2)
    data = SceneData([*scenes, scenes[1].flipped()])
    expected = np.eye(5, dtype=bool)
    expected[1, 4] = expected[4, 1] = True
    np.testing.assert_array_equal(data.matches(), expected)
    np.testing.assert_array_equal(data.matches(SceneData(scenes)), expected[:, :4])


def test_waveforms_are_told_apart_by_their_ends():
    sounds = waveforms(3, 1, 5)
    assert [sounds[i].tolist() for i in range(3)] == [[3] * 3, [1], [5] * 5]
    assert sounds[-1].tolist() == [5] * 5 and sounds[np.int64(-3)].tolist() == [3] * 3
    assert [len(sound) for sound in sounds] == [3, 1, 5]
    for wrong in (3, -4):
        with pytest.raises(IndexError, match="of 3"):
            sounds[wrong]


def test_a_waveform_that_is_too_long_is_refused_wherever_it_stands():
    for lengths in ((11, 1), (1, 11)):
        made = [np.zeros(length, np.int16) for length in lengths]
        with pytest.raises(ValueError, match="11 samples, the longest may have 10"):
            Waveforms.collect(made, 2, longest=10)


def test_ends_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="ends says 4 samples, the array holds 3"):
        Waveforms(np.zeros(3, np.int16), np.array([2, 4]))
