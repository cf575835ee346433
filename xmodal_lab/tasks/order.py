"""A question that only the order of words answers: which shape stands on the left, or above?"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from xmodal_lab.batch import Batch
from xmodal_lab.datasets.scenes import SHAPES, Scene, describe, sample_scenes, stream
from xmodal_lab.encoders.text import read_captions
from xmodal_lab.tasks.classification import Classifier, accuracy

FIRST = ("left of", "above")  # the relations in which a scene's first thing is the asked one


class OrderScore(NamedTuple):
    """How well an encoder answers on scenes that it was not trained on.

    Attributes:
        right: share of right answers; 1/8 by guessing, 1/2 for who knows both shapes.
        named: share of answers that are one of the two shapes named.
    """

    right: float
    named: float


def first_shape(scene: Scene) -> str:
    """The shape of the thing that stands on the left, or above."""
    if scene.relation is None:
        raise ValueError("a scene of one thing has nothing on its left: sample with things=2")
    return scene.things[0 if scene.relation in FIRST else 1].shape


def order_questions(split: str, count: int, seed: int = 0) -> Batch:
    """Scenes of two things, told in either order, with the question what stands first.

    Returns:
        'text': the captions' word ids; 'labels': (rows,) number of the shape, in the order of
        ``SHAPES``; 'named': (rows, 2) the two shapes that the caption names.
    """
    scenes = sample_scenes(split=split, count=count, seed=seed, things=2)
    captions = [describe(scene, stream(seed, row, 7)) for row, scene in enumerate(scenes)]
    number = {shape: i for i, shape in enumerate(SHAPES)}
    return Batch(
        text=read_captions(captions),
        labels=torch.tensor([number[first_shape(scene)] for scene in scenes]),
        named=torch.tensor([[number[thing.shape] for thing in scene.things] for scene in scenes]),
    )


def order_score(answering: Classifier, questions: Batch) -> OrderScore:
    """Score a classifier of the eight shapes on questions that it was not trained on."""
    found: Int64[Tensor, " rows"] = answering.predict(questions)
    named = (found[:, None] == questions["named"]).any(dim=1).double().mean().item()
    return OrderScore(accuracy(found, questions["labels"]), named)
