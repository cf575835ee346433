"""The mean of word vectors: blind to their order, and to padding."""

import pytest
import torch

from xmodal_lab.batch import Padded, pad
from xmodal_lab.encoders.text import TextEncoder, read_captions
from xmodal_lab.encoders.text.sentences import MeanEncoder

CAPTION = "a tiny crimson box to the left of a huge golden moon"


def shuffles(count=20):
    words = CAPTION.split()
    return [" ".join(words[i] for i in torch.randperm(len(words))) for _ in range(count)]


def test_the_mean_of_permuted_words_is_the_very_same_vector():
    encoder = MeanEncoder()
    vectors = encoder(read_captions([CAPTION, *shuffles()]))
    assert torch.equal(vectors, vectors[:1].expand_as(vectors))


def test_the_recurrent_network_tells_permutations_apart():
    vectors = TextEncoder()(read_captions([CAPTION, *shuffles()]))
    assert ((vectors[1:] - vectors[0]).norm(dim=1) > 1e-2).all()


def test_the_mean_is_that_of_the_word_vectors():
    encoder = MeanEncoder(vocabulary=5, embedding_dim=3).double()
    table = encoder.embedding.weight
    vectors = encoder(pad([[1, 2, 2], [5]]))
    torch.testing.assert_close(vectors[0], (table[1] + 2 * table[2]) / 3)
    torch.testing.assert_close(vectors[1], table[5])
    assert vectors.shape == (2, encoder.output_dim)


@pytest.mark.parametrize("make", [MeanEncoder, TextEncoder])
def test_padding_has_no_influence(make):
    encoder = make().eval()
    alone = read_captions([CAPTION])
    wide = torch.nn.functional.pad(alone.values, (0, 50))
    torch.testing.assert_close(encoder(Padded(wide, alone.lengths)), encoder(alone))
    rubbish = wide.clone()
    rubbish[:, alone.values.shape[1] :] = 3  # whatever stands behind the end
    torch.testing.assert_close(encoder(Padded(rubbish, alone.lengths)), encoder(alone))
