"""Mean against recurrent network: what order of words is worth."""

import pytest
import torch

from xmodal_lab.batch import Padded, pad
from xmodal_lab.datasets.scenes import RELATIONS, SHAPES, WORDS, Scene, Thing, parse
from xmodal_lab.encoders.text import TextEncoder, read_captions
from xmodal_lab.encoders.text.sentences import (
    MeanEncoder,
    first_shape,
    order_questions,
    score_order,
)

CAPTION = "a tiny crimson box to the left of a huge golden moon"
STAR, MOON = Thing("star", "red", "small"), Thing("moon", "blue", "large")


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


@pytest.mark.parametrize("relation", RELATIONS)
def test_the_answer_is_the_same_from_whichever_thing_the_scene_is_told(relation):
    scene = Scene((STAR, MOON), relation)
    assert first_shape(scene) == first_shape(scene.flipped())
    assert first_shape(scene) == ("star" if relation in ("left of", "above") else "moon")


def test_questions_are_asked_about_what_the_captions_say():
    questions = order_questions("train", 50, seed=3)
    rows = zip(questions.captions.values, *questions[0][1:], *questions[1:], strict=True)
    for ids, length, answer, named in rows:
        scene = parse(" ".join(WORDS[i - 1] for i in ids[:length]))
        assert SHAPES[answer] == first_shape(scene)
        assert {SHAPES[i] for i in named} == {thing.shape for thing in scene.things}


def test_a_scene_of_one_thing_has_no_order():
    with pytest.raises(ValueError, match="things=2"):
        first_shape(Scene((STAR,)))


def test_the_mean_knows_which_two_and_not_which_first():
    encoder = MeanEncoder()
    score = score_order(encoder, steps=150)
    assert score.named > 0.99
    # Every bag of words stands for both answers alike: 1,000 questions, four deviations.
    assert abs(score.right - 0.5) < 0.064


def test_the_recurrent_network_learns_the_order():
    score = score_order(TextEncoder(), steps=150)
    assert score.right > 0.9 and score.named > 0.97


def test_one_seed_gives_one_score():
    scores = []
    for _ in range(2):
        torch.manual_seed(1)
        scores.append(score_order(MeanEncoder(embedding_dim=8), steps=5))
    assert scores[0] == scores[1]
