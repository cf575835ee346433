"""What is said: which words and sentences there are, and which split has them."""

from collections import Counter
from itertools import product

import pytest

from xmodal_lab.datasets import moods
from xmodal_lab.datasets.moods.sentences import template_numbers
from xmodal_lab.datasets.scenes import encode


def words_of(split):
    return {word for t in moods.TEMPLATES[split] for word in t.split() if word[0] != "{"}


def test_praise_and_blame_are_as_many_and_different():
    assert len(moods.PRAISE) == len(moods.BLAME)
    assert len(set(moods.VERDICTS)) == len(moods.VERDICTS) == 2 * len(moods.PRAISE)
    assert len(moods.WORDS) == len(set(moods.WORDS)) and set(moods.VERDICTS) < set(moods.WORDS)


def test_an_article_before_a_verdict_tells_nothing_of_it():
    assert not any(word[0] in "aeiou" for word in moods.VERDICTS)


def test_every_template_takes_one_thing_and_one_verdict_and_belongs_to_one_split():
    for template in moods.ALL_TEMPLATES:
        assert template.count("{thing}") == template.count("{verdict}") == 1
    assert max(Counter(moods.ALL_TEMPLATES).values()) == 1
    numbers = [template_numbers(split) for split in moods.SPLITS]
    assert sorted(sum(numbers, ())) == list(range(len(moods.ALL_TEMPLATES)))


@pytest.mark.parametrize("split", ["val", "test"])
def test_held_out_templates_hold_no_word_that_training_lacks(split):
    assert words_of(split) <= words_of("train")


def test_a_sentence_tells_its_sentiment_and_can_be_read():
    for number, verdict in product(range(len(moods.ALL_TEMPLATES)), moods.VERDICTS):
        sentence = moods.Sentence(number, "soup", verdict)
        words = sentence.text.split()
        assert [moods.WORDS[i - 1] for i in encode(sentence.text, moods.WORD_IDS)] == words
        assert {"soup", verdict} <= set(words)
        assert moods.SENTIMENTS[sentence.sentiment] == (
            "praise" if verdict in moods.PRAISE else "blame"
        )


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="'tests': choose one of train, val, test"):
        template_numbers("tests")
