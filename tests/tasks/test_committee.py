"""A committee answers with the mean of its members, and each of them is trained."""

import pytest
import torch

from xmodal_lab.batch import Batch
from xmodal_lab.datasets import spoken_words
from xmodal_lab.tasks import cross_entropy
from xmodal_lab.tasks.committee import DIGITS, Committee
from xmodal_lab.tasks.recognition import Variation, heard
from xmodal_lab.training import fit

TWO = (Variation(views=("limited",)), Variation(throat=(0.9, 1.1), views=("plain", "standard")))


@pytest.fixture(scope="module")
def few():
    words = spoken_words.load([2, 3, 4], repeats=2)
    return words.select(words.words < 5)


def committee(variations=TWO) -> Committee:
    torch.manual_seed(0)
    return Committee(5, variations)


def test_the_answer_is_the_mean_of_the_members_own(few):
    jury = committee()
    found = jury.probabilities(few.waveforms, chunk=7)
    with torch.no_grad():
        each = [
            member.eval()(Batch(audio=heard(few.waveforms, variation))).softmax(1)
            for member, variation in jury
        ]
    torch.testing.assert_close(found, (each[0] + each[1]) / 2)
    torch.testing.assert_close(found.sum(1), torch.ones(len(few)))
    assert not each[0].allclose(each[1])


def test_every_member_is_trained_and_they_learn(few):
    jury = committee()
    before = [member.head.weight.clone() for member in jury.members]
    for member, batch in jury.lessons(few.waveforms, few.words, 24):
        for _ in fit(member, cross_entropy, batch, 40, learning_rate=1e-2):
            pass
    for member, weight in zip(jury.members, before, strict=True):
        assert not member.head.weight.equal(weight)
    right = jury.probabilities(few.waveforms).argmax(1) == few.words
    assert right.double().mean() > 0.9


def test_the_digits_committee_hears_in_five_ways():
    sizes = [member.encoder.config["mels"] for member in committee(DIGITS).members]
    assert sizes == [40, 40, 40, 40, 80] and len(set(DIGITS)) == 5


def test_each_member_draws_sayings_of_its_own(few):
    twice = (TWO[0], TWO[0])
    lessons = committee(twice).lessons(few.waveforms, few.words, 24)
    first, second = (batch(0)["labels"] for _, batch in lessons)
    assert not first.equal(second)
