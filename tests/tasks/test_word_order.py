"""Mean against recurrent network: what order of words is worth."""

import math

import pytest

from xmodal_lab.datasets.scenes import RELATIONS, SHAPES, WORDS, Scene, Thing, parse
from xmodal_lab.encoders.text import TextEncoder
from xmodal_lab.encoders.text.sentences import MeanEncoder
from xmodal_lab.tasks import Classifier, cross_entropy
from xmodal_lab.tasks.order import first_shape, order_questions, order_score
from xmodal_lab.training.loop import fit

STAR, MOON = Thing("star", "red", "small"), Thing("moon", "blue", "large")


@pytest.mark.parametrize("relation", RELATIONS)
def test_the_answer_is_the_same_from_whichever_thing_the_scene_is_told(relation):
    scene = Scene((STAR, MOON), relation)
    assert first_shape(scene) == first_shape(scene.flipped())
    assert first_shape(scene) == ("star" if relation in ("left of", "above") else "moon")


def test_questions_are_asked_about_what_the_captions_say():
    questions = order_questions("train", 50, seed=3)
    text, labels, named = (questions[name] for name in ("text", "labels", "named"))
    rows = zip(text.values, text.lengths, labels, named, strict=True)
    for ids, length, answer, named in rows:
        scene = parse(" ".join(WORDS[i - 1] for i in ids[:length]))
        assert SHAPES[answer] == first_shape(scene)
        assert {SHAPES[i] for i in named} == {thing.shape for thing in scene.things}


def test_a_scene_of_one_thing_has_no_order():
    with pytest.raises(ValueError, match="things=2"):
        first_shape(Scene((STAR,)))


def answered(encoder, steps=150):
    answering = Classifier(encoder, len(SHAPES), "text")
    questions = order_questions("train", 2500)
    options = {"learning_rate": 5e-3, "warmup": 0, "clip": math.inf}
    for _ in fit(answering, cross_entropy, questions, steps, **options):
        pass
    return order_score(answering, order_questions("test", 1000))


@pytest.mark.slow
def test_the_mean_knows_which_two_and_not_which_first():
    score = answered(MeanEncoder())
    assert score.named > 0.99
    # Every bag of words stands for both answers alike: 1,000 questions, four deviations.
    assert abs(score.right - 0.5) < 0.064


@pytest.mark.slow
def test_the_recurrent_network_learns_the_order():
    score = answered(TextEncoder())
    assert score.right > 0.9 and score.named > 0.97
