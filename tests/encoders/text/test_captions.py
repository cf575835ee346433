"""Which words an encoder knows, and how it reads with them."""

import pytest
import torch

from xmodal_lab.datasets.scenes import WORDS
from xmodal_lab.encoders.text import TextEncoder, read_captions
from xmodal_lab.encoders.text.sentences import MeanEncoder

OWN = ("the", "cat", "sat", "on", "mat")
KINDS = pytest.mark.parametrize("make", [TextEncoder, MeanEncoder])


@KINDS
def test_words_are_numbered_from_1_in_the_order_given(make):
    encoder = make(OWN)
    assert encoder.words == OWN and encoder.config["vocabulary"] == list(OWN)
    found = encoder.read(["The cat sat on the mat.", "mat, cat"])
    assert found.lengths.tolist() == [6, 2]
    assert found.values.tolist() == [[1, 2, 3, 4, 1, 5], [5, 2, 0, 0, 0, 0]]
    assert encoder(found).shape == (2, encoder.output_dim)
    assert encoder.embedding.num_embeddings == len(OWN) + 1


@KINDS
def test_by_default_the_words_are_those_of_the_data_world(make):
    captions = ["a small red star", "a large blue ring above a tiny green moon"]
    assert make().words == WORDS
    assert make().read(captions).values.equal(read_captions(captions).values)


@KINDS
def test_a_number_of_words_makes_the_same_encoder_which_cannot_read(make):
    torch.manual_seed(0)
    knowing = make(OWN)
    torch.manual_seed(0)
    counting = make(len(OWN))
    words = knowing.read(["the cat sat"])
    assert counting.words is None and counting(words).equal(knowing(words))
    with pytest.raises(ValueError, match=rf"{make.__name__}\(vocabulary="):
        counting.read(["the cat"])


def test_an_unknown_word_is_named_with_the_nearest_that_this_encoder_knows():
    encoder = TextEncoder(OWN)
    with pytest.raises(ValueError, match="unknown word 'mats': did you mean 'mat'"):
        encoder.read(["the cat", "the mats"])
    with pytest.raises(ValueError, match="'crimson': known are words such as the, cat, sat"):
        encoder.read(["crimson"])  # a word of the data world
    with pytest.raises(ValueError, match="'zzz': known are words such as red, star"):
        TextEncoder(("a", "star", "red")).read(["zzz"])


@pytest.mark.parametrize(
    ("vocabulary", "said"),
    [
        (["cat", "Dog"], "holds 'Dog', which is found in no text"),
        (["left of"], "holds 'left of'"),
        (["cat", "."], r"holds '\.'"),
        (["cat", ""], "holds ''"),
        (["cat", 3], "holds 3"),
        (["cat", "dog", "cat"], "holds 'cat' 2 times"),
        ([], "expected a list of words"),
        ("cat", "expected a list of words, or how many there are, got 'cat'"),
    ],
)
def test_a_vocabulary_that_no_text_could_use_is_refused(unchecked, vocabulary, said):
    with pytest.raises(ValueError, match=said):
        TextEncoder(vocabulary)
