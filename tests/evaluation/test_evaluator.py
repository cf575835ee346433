"""The evaluator: 100 for who understands, 0 for who collapsed, coins for bags of words."""

import pytest
import torch

from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes import language
from xmodal_lab.encoders.text import read_captions
from xmodal_lab.encoders.untrained import bag_of_words
from xmodal_lab.evaluation import Evaluator, recalls
from xmodal_lab.joint.space import JointSpace

COUNT = 40


def meaning(scene) -> torch.Tensor:
    """A vector that says what is there and who stands where; partly for scenes of one thing."""
    vector = torch.zeros(2, len(scenes.COLOURS) + len(scenes.SHAPES))
    first_is_low = scene.relation in (None, "left of", "above")
    for place, thing in enumerate(scene.things if first_is_low else scene.things[::-1]):
        vector[place, scenes.COLOURS.index(thing.colour)] = 1
        vector[place, len(scenes.COLOURS) + scenes.SHAPES.index(thing.shape)] = 1
    sideways = scene.relation in ("left of", "right of")
    sizes = [float(thing.size == "large") for thing in scene.things]
    if not first_is_low:
        sizes.reverse()
    return torch.cat(
        [vector.flatten(), torch.tensor([sideways, *sizes, *[0.0] * (2 - len(sizes))])]
    )


@pytest.fixture(scope="module")
def oracle():
    """Reads captions by the grammar, and 'sees' pictures by knowing which scene was drawn."""
    known: dict[bytes, torch.Tensor] = {}

    def learn(data):
        for image, scene in zip(data.images, data.scenes, strict=True):
            known[image.tobytes()] = meaning(scene)

    learn(scenes.load("test", COUNT, 1, ["text", "image"], things=2))
    learn(scenes.probe(seed=100, modalities=["image"]).data)
    for attribute in ("colour", "relation"):
        learn(scenes.minimal_pairs(attribute, "test", COUNT * 4 // 5, 0, ["text", "image"]).true)
    return Evaluator(
        lambda captions: torch.stack([meaning(language.parse(c)) for c in captions]),
        lambda images: torch.stack([known[image.numpy().tobytes()] for image in images]),
        count=COUNT,
    )


def test_who_understands_everything_scores_100(oracle):
    assert oracle.scores(lambda x: x, lambda x: x) == dict.fromkeys(
        [
            "text→image R@1",
            "text→image R@5",
            "image→text R@1",
            "colour",
            "shape",
            "colour swapped",
            "relation swapped",
        ],
        100.0,
    )


def test_one_point_for_all_gets_nothing(oracle):
    scores = oracle.scores(lambda x: torch.ones(len(x), 3), lambda x: torch.ones(len(x), 3))
    for question in ("text→image R@1", "image→text R@1", "colour swapped", "relation swapped"):
        assert scores[question] == 0


def test_counted_words_cannot_tell_swapped_colours_apart():
    evaluator = Evaluator(
        lambda captions: bag_of_words(read_captions(captions)),
        lambda images: images.float().flatten(1)[:, :45],
        count=COUNT,
    )
    assert evaluator.scores(lambda x: x, lambda x: x)["colour swapped"] == 0
    assert evaluator.text.shape == (COUNT, 45) and len(evaluator.gallery) == COUNT


def test_scores_and_chance_answer_the_same_questions(oracle):
    chance = oracle.chance()
    assert list(chance) == list(oracle.scores(lambda x: x, lambda x: x))
    assert chance["colour"] == chance["shape"] == 12.5
    assert chance["colour swapped"] == chance["relation swapped"] == 50


def test_chance_is_what_random_points_find_on_average(oracle):
    chance, rounds = oracle.chance(), 400
    found = dict.fromkeys(("text→image R@1", "text→image R@5"), 0.0)
    for _ in range(rounds):
        points = {"text": torch.randn(COUNT, 16), "image": torch.randn(COUNT, 16)}
        for name, value in recalls(points, oracle.gallery, [("text", "image")]).items():
            found[name] += value / rounds
    for name, value in found.items():
        assert value == pytest.approx(chance[name], abs=0.8), name


def test_a_joint_space_is_scored_as_its_two_maps_are():
    space, evaluator = JointSpace.standard(("text", "image"), dim=8), Evaluator(count=COUNT)
    maps = [lambda x, m=m: 3 * space.embed_all({m: x})[m] for m in ("text", "image")]
    assert evaluator.scores_of(space) == evaluator.scores(*maps)
