"""Questions about crowds: which fusion finds the answer, and where it looks (chapter 05).

All answerers read cells of the trunk that ships, frozen, and train for as many CPU-seconds. Steps
a second differ: each trains at the number of steps that fits, its learning rate falling over them.
Learning rates were chosen on the val split with another seed; figures are of test.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xmodal_lab.batch import Batch, Padded
from xmodal_lab.datasets import crowds
from xmodal_lab.encoders.image import GridCNN
from xmodal_lab.evaluation import grounding
from xmodal_lab.fusion import FiLM
from xmodal_lab.tasks import cross_entropy
from xmodal_lab.tasks import questions as asking
from xmodal_lab.tasks.questions import QUERY, Answerer, accuracy_by_kind, answered, hopping
from xmodal_lab.training import fit
from xmodal_lab.training.order import shuffled

PICTURES, SHOWN = 10_000, 1_500
SECONDS = 90  # CPU-seconds of training
BATCH, DIM = 96, 64
POINTED = ("colour", "shape", "two hops")  # kinds of question that are about one thing
Figures = dict[str, float]


class Pooled(nn.Module):
    """The question's vector, the mean over the picture's cells, or both in a row."""

    def __init__(self, question: bool, picture: bool) -> None:
        super().__init__()
        self.chosen = (question, picture)
        self.output_dim = QUERY * question + DIM * picture

    def forward(self, query: Tensor, states: Padded) -> Tensor:
        pair = (query, states.values.mean(1))
        return torch.cat([x for x, wanted in zip(pair, self.chosen, strict=True) if wanted], 1)


# Name → how it is made, highest learning rate, share of the seconds.
ANSWERERS: dict[str, tuple[Callable[[], Answerer], float, float]] = {
    # Without the other modality there is little to learn: no longer rises after a third.
    "text alone": (lambda: Answerer({"pooled": Pooled(True, False)}), 3e-3, 1 / 3),
    "picture alone": (lambda: Answerer({"pooled": Pooled(False, True)}), 3e-3, 1 / 3),
    "concatenation": (lambda: Answerer({"pooled": Pooled(True, True)}), 3e-3, 1),
    "FiLM": (lambda: Answerer({"film": FiLM(QUERY, DIM)}), 3e-3, 1),
    "one hop": (lambda: hopping(1, tally=False), 3e-3, 1),
    "two plain hops": (lambda: hopping(2, relative=False, tally=False), 3e-3, 1),
    "two hops": (lambda: hopping(2, tally=False), 3e-3, 1),
    "two hops and tally": (lambda: hopping(2), 3e-3, 1),
}


class Asked(NamedTuple):
    """Pictures as the model reads them, and the questions about them."""

    data: crowds.CrowdData
    questions: crowds.Questions
    pictures: Tensor


@cache
def asked(split: str, count: int, seed: int) -> Asked:
    """Crowds with the cells that the shipped trunk sees in them."""
    data = crowds.load(split, count, seed)
    cells = asking.cells_of(asking.load_trunk(), data.images)
    return Asked(data, crowds.questions(data.crowds, seed=seed), cells)


def trained(
    model: nn.Module, train: Asked, seconds: float, learning_rate: float, seed: int
) -> Figures:
    """Train for about so many CPU-seconds; how many steps it was, and how long it really took."""
    order = shuffled(len(train.questions), BATCH, seed)

    def run(model: nn.Module, steps: int) -> float:
        start = time.process_time()
        for _ in fit(
            model,
            cross_entropy,
            lambda step: train.questions.batch(train.pictures, order(step)),
            steps,
            learning_rate=learning_rate,
        ):
            pass
        return time.process_time() - start

    run(deepcopy(model), 5)  # what is made once is not counted
    steps = max(1, round(seconds / (run(deepcopy(model), 30) / 30)))
    return {"CPU-s": run(model, steps), "steps": steps}


def by_kind(model: nn.Module, test: Asked) -> Figures:
    """Accuracy in per cent, of all questions and of each kind."""
    found = answered(model, test.questions, test.pictures)
    return {k: 100 * v for k, v in accuracy_by_kind(found, test.questions).items()}


def looks(model: Answerer, test: Asked) -> Figures:
    """Share of questions where a look's highest cell lies in the box of its thing, in per cent."""
    kinds, questions = test.questions.kinds, test.questions
    rows = torch.tensor([i for i, kind in enumerate(kinds) if kind in POINTED])
    maps = model.looks(questions.batch(test.pictures, rows)).unflatten(2, (8, 8))
    boxes = torch.from_numpy(test.data.boxes)[questions.rows[rows]]
    two = torch.tensor([kinds[i] == "two hops" for i in rows.tolist()])
    things, vias, every = questions.things[rows], questions.vias[rows], torch.arange(len(rows))

    def inside(hop: int, chosen: Tensor, wanted: Tensor) -> float:
        pairs = maps[chosen, hop], boxes[every, wanted][chosen]
        return 100 * grounding.pointing(*pairs).mean().item()

    found = {"hop 1, in the box": inside(0, every, torch.where(two, vias, things))}
    if maps.shape[1] > 1:
        found["hop 2, in the box"] = inside(1, two.nonzero()[:, 0], things)
    return found | {"chance": 100 * grounding.pointing_chance(boxes[every, things])}


def questions(seed: int) -> Figures:
    """All answerers at one budget, by kind of question; and where those look that look."""
    train, test = asked("train", PICTURES, seed), asked("test", SHOWN, seed)
    figures: Figures = {}
    for name, (make, rate, share) in ANSWERERS.items():
        torch.manual_seed(seed)
        model = make()
        found = trained(model, train, share * SECONDS, rate, seed) | by_kind(model, test)
        if "hops" in model.fusions:
            found |= looks(model, test)
        figures |= {f"{name}: {figure}": value for figure, value in found.items()}
    chance = crowds.stated_chance(test.questions)
    for kind, guessers in chance.items():
        figures |= {f"chance, {who}: {kind}": 100 * value for who, value in guessers.items()}
    return figures
