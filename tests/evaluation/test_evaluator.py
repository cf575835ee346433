"""The exam: full marks for who understands, none for who collapsed, coins for bags of words."""

import pytest
import torch

from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes import language
from xmodal_lab.encoders.text import read_captions
from xmodal_lab.encoders.untrained import bag_of_words
from xmodal_lab.evaluation.evaluator import Exam

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
        learn(scenes.minimal_pairs(attribute, COUNT * 4 // 5, 0, "test", ["text", "image"]).true)
    return Exam(
        lambda captions: torch.stack([meaning(language.parse(c)) for c in captions]),
        lambda images: torch.stack([known[image.numpy().tobytes()] for image in images]),
        count=COUNT,
    )


def test_who_understands_everything_gets_full_marks(oracle):
    assert oracle.marks(lambda x: x, lambda x: x) == dict.fromkeys(
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
    marks = oracle.marks(lambda x: torch.ones(len(x), 3), lambda x: torch.ones(len(x), 3))
    for subject in ("text→image R@1", "image→text R@1", "colour swapped", "relation swapped"):
        assert marks[subject] == 0


def test_counted_words_cannot_tell_swapped_colours_apart():
    exam = Exam(
        lambda captions: bag_of_words(read_captions(captions)),
        lambda images: images.float().flatten(1)[:, :45],
        count=COUNT,
    )
    assert exam.marks(lambda x: x, lambda x: x)["colour swapped"] == 0
    assert exam.right.diagonal().all() and exam.text.shape == (COUNT, 45)
