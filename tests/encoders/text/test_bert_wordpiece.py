"""Words cut into pieces: the written-out rule is the library's."""

import random
import subprocess
import sys

import pytest
from tokenizers import models

from xmodal_lab.datasets import corpus
from xmodal_lab.encoders.text.wordpiece import (
    CLS,
    MASK,
    PAD,
    SEP,
    SPECIAL,
    UNK,
    WordPiece,
    learn,
    longest_match,
)

STORIES = corpus.load(stories=300).stories
SENTENCES = [sentence for story in STORIES for sentence in story.sentences]


@pytest.fixture(scope="module")
def wordpiece():
    return learn(SENTENCES, 300)


def test_the_longest_piece_first_by_hand():
    pieces = {"un", "u", "##n", "##aff", "##able", "##a", "##f"}
    assert longest_match("unaffable", pieces) == ["un", "##aff", "##able"]
    assert longest_match("u", pieces) == ["u"]
    # It never looks back: 'un' is taken, although 'u' + '##no' would have led to the end.
    assert longest_match("uno", pieces | {"##no"}) == ["[UNK]"]
    assert longest_match("able", pieces) == ["[UNK]"]  # '##able' does not begin a word


def test_the_rule_is_the_librarys(wordpiece):
    library = models.WordPiece(dict(wordpiece.ids), unk_token="[UNK]")
    generator, words = random.Random(0), sorted({word for s in SENTENCES for word in s})
    letters = [*sorted({letter for word in words for letter in word}), "é", "7"]
    invented = [
        "".join(generator.choices(letters, k=generator.randint(1, 12))) for _ in range(2000)
    ]
    glued = ["".join(generator.choices(words, k=2)) for _ in range(500)]
    for word in words + invented + glued:
        assert longest_match(word, wordpiece.ids) == [t.value for t in library.tokenize(word)]


def test_special_pieces_come_first(wordpiece):
    assert wordpiece.pieces[:5] == SPECIAL
    named = (("[PAD]", PAD), ("[UNK]", UNK), ("[CLS]", CLS), ("[SEP]", SEP), ("[MASK]", MASK))
    assert all(wordpiece.ids[name] == number for name, number in named)


def test_frequent_words_stay_whole_and_no_word_of_the_corpus_is_unknown(wordpiece):
    assert len(wordpiece) == 300
    assert wordpiece.cut("the") == ["the"]
    lengths = [len(wordpiece.cut(word)) for sentence in SENTENCES for word in sentence]
    assert max(lengths) > 1
    for word in {word for sentence in SENTENCES for word in sentence}:
        pieces = wordpiece.cut(word)
        assert "".join(piece.removeprefix("##") for piece in pieces) == word
        assert [piece.startswith("##") for piece in pieces] == [False] + [True] * (len(pieces) - 1)


def test_a_sentence_is_its_words_pieces_in_order(wordpiece):
    words = ("the", "thermometer", "x7")
    expected = [wordpiece.ids[piece] for word in words for piece in wordpiece.cut(word)]
    assert wordpiece.encode(words) == expected
    assert expected[-1] == UNK


def test_pieces_are_the_same_in_every_process(wordpiece):
    code = """from xmodal_lab.datasets import corpus
from xmodal_lab.encoders.text.wordpiece import learn
print(*learn(corpus.load(stories=300).sentences, 300).pieces)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert tuple(done.stdout.split()) == wordpiece.pieces, done.stderr


def test_what_cannot_be_learned_or_read(wordpiece, unchecked):
    with pytest.raises(ValueError, match="no words"):
        learn([], 300)
    with pytest.raises(ValueError, match="at least 9, got 5"):
        learn([("ab",)], 5)
    with pytest.raises(ValueError, match="first pieces must be"):
        WordPiece(("a", *SPECIAL))
    with pytest.raises(ValueError, match="occurs twice"):
        WordPiece((*SPECIAL, "a", "a"))
    for wrong in ("the cat", (), ("the", "")):
        with pytest.raises(ValueError, match="expected words such as"):
            wordpiece.encode(wrong)
