"""Questions about crowds: which fusion finds the answer, and where it looks.

    questions  answerers on the frozen cells of the trunk that ships, trained for as many
               CPU-seconds; per cent right on test by kind of question, where each look goes, and
               what guessing can reach
    trunks     the best of them on other trunks: one that learned with the answers, one that
               learned which caption is whose, one that learned nothing

Models differ in steps a second: each trains as many as fit, its learning rate falling over them.
Learning rates and batch sizes were chosen on val with another seed; figures are of test.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xmodal_lab.alignment.losses import over_pairs
from xmodal_lab.batch import Batch, Padded, pad
from xmodal_lab.datasets import crowds
from xmodal_lab.datasets.crowds.captions import captions, encode_caption
from xmodal_lab.encoders.image import GridCNN
from xmodal_lab.encoders.text import TextEncoder
from xmodal_lab.evaluation import grounding
from xmodal_lab.fusion import FiLM, Hops, Tally
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.objective import Objective
from xmodal_lab.tasks import cross_entropy, shipping
from xmodal_lab.tasks import questions as asking
from xmodal_lab.tasks.questions import QUERY, Answerer, accuracy_by_kind, answered, hopping
from xmodal_lab.training import fit
from xmodal_lab.training.order import shuffled

PICTURES, SHOWN = 10_000, 1_500
SECONDS = 90  # CPU-seconds of training
BATCH, DIM, RATE = 96, 64, 3e-3
TIMED = 200  # steps that tell what a step takes
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


class LastLook(Hops):
    """Looks of which only the last is read for the answer."""

    def __init__(self) -> None:
        super().__init__(QUERY, DIM)
        self.output_dim = QUERY + DIM

    def forward(self, query: Tensor, states: Padded) -> Tensor:
        read = super().forward(query, states)
        return torch.cat([query, read[:, -DIM:]], 1)


# Name → how it is made, highest learning rate, share of the seconds.
ANSWERERS: dict[str, tuple[Callable[[], Answerer], float, float]] = {
    # Without the other modality there is little to learn: no longer rises after a third.
    "text alone": (lambda: Answerer({"pooled": Pooled(True, False)}), 3e-3, 1 / 3),
    "picture alone": (lambda: Answerer({"pooled": Pooled(False, True)}), 3e-3, 1 / 3),
    "concatenation": (lambda: Answerer({"pooled": Pooled(True, True)}), 8e-3, 1),
    "FiLM": (lambda: Answerer({"film": FiLM(QUERY, DIM)}), 8e-3, 1),
    "one hop": (lambda: hopping(1, tally=False), 6e-3, 1),
    "two plain hops": (lambda: hopping(2, relative=False, tally=False), 6e-3, 1),
    "two hops": (lambda: hopping(2, tally=False), 3e-3, 1),
    "two hops and tally": (lambda: hopping(2), 3e-3, 1),
    # Eight gates can name eight colours, and two reads leave open which look answers: here neither.
    "two hops, the last is read, one gate": (
        lambda: Answerer({"hops": LastLook(), "tally": Tally(QUERY, DIM, gates=1)}),
        3e-3,
        1,
    ),
}


class Asked(NamedTuple):
    """Pictures as the model reads them, and the questions about them."""

    data: crowds.CrowdData
    questions: crowds.Questions
    pictures: Tensor


@cache
def shown(split: str, count: int, seed: int) -> tuple[crowds.CrowdData, crowds.Questions]:
    """Crowds, and what is asked about them."""
    data = crowds.load(split, count, seed)
    return data, crowds.questions(data.crowds, seed=seed)


@cache
def asked(split: str, count: int, seed: int) -> Asked:
    """Crowds with the cells that the shipped trunk sees in them."""
    return seen_by(asking.load_trunk(), split, count, seed)


def seen_by(trunk: GridCNN, split: str, count: int, seed: int) -> Asked:
    """Crowds with the cells that a trunk sees in them."""
    data, questions = shown(split, count, seed)
    return Asked(data, questions, asking.cells_of(trunk.eval(), data.images))


def asks(train: Asked, seed: int, batch: int = BATCH) -> Callable[[int], Batch]:
    """Questions of every step, shuffled anew in every epoch."""
    order = shuffled(len(train.questions), batch, seed)
    return lambda step: train.questions.batch(train.pictures, order(step))


def trained(
    model: nn.Module,
    make: Callable[[int], Batch],
    seconds: float,
    learning_rate: float,
    objective: Objective = cross_entropy,
) -> Figures:
    """Train for about so many CPU-seconds; how many steps it was, and how long it really took."""

    def run(model: nn.Module, steps: int) -> float:
        start = time.process_time()
        for _ in fit(model, objective, make, steps, learning_rate=learning_rate):
            pass
        return time.process_time() - start

    run(deepcopy(model), 5)  # what is made once is not counted
    # On a busy machine 30 steps are too few a measure: it was wrong by 45 per cent.
    steps = max(1, round(seconds / (run(deepcopy(model), TIMED) / TIMED)))
    return {"CPU-s": run(model, steps), "steps": steps}


def by_kind(model: nn.Module, test: Asked) -> Figures:
    """Accuracy in per cent, of all questions and of each kind."""
    found = answered(model, test.questions, test.pictures)
    return {k: 100 * v for k, v in accuracy_by_kind(found, test.questions).items()}


def looks(model: Answerer, test: Asked) -> Figures:
    """Share of questions where a look's highest cell lies in the box of a thing, in per cent.

    Of the asked thing, for every look; of two hops' first look also the thing that leads there.
    """
    kinds, questions = test.questions.kinds, test.questions
    figures: Figures = {}
    for name, pointed in (
        ("one-thing questions", ("colour", "shape")),
        ("two hops", ("two hops",)),
    ):
        rows = torch.tensor([i for i, kind in enumerate(kinds) if kind in pointed])
        maps = model.looks(questions.batch(test.pictures, rows)).unflatten(2, (8, 8))
        boxes = torch.from_numpy(test.data.boxes)[questions.rows[rows]]
        asked, via = (
            boxes[torch.arange(len(rows)), of[rows]] for of in (questions.things, questions.vias)
        )
        goals = {f"look {hop + 1} in the asked box": (hop, asked) for hop in range(maps.shape[1])}
        if name == "two hops":
            goals["look 1 in the first box"] = (0, via)
        for goal, (hop, box) in goals.items():
            share = grounding.pointing(maps[:, hop], box).mean().item()
            figures[f"{name}: {goal}"] = 100 * share
        figures[f"{name}: chance of a box"] = 100 * grounding.pointing_chance(asked)
    return figures


def questions(seed: int) -> Figures:
    """All answerers at one budget, by kind of question; and where those look that look."""
    train, test = asked("train", PICTURES, seed), asked("test", SHOWN, seed)
    figures: Figures = {}
    for name, (make, rate, share) in ANSWERERS.items():
        torch.manual_seed(seed)
        model = make()
        found = trained(model, asks(train, seed), share * SECONDS, rate) | by_kind(model, test)
        if "hops" in model.fusions:
            found |= looks(model, test)
        figures |= {f"{name}: {figure}": value for figure, value in found.items()}
    chance = crowds.stated_chance(test.questions)
    for kind, guessers in chance.items():
        figures |= {f"chance, {who}: {kind}": 100 * value for who, value in guessers.items()}
    return figures


# --- trunks -----------------------------------------------------------------------------------


class EndToEnd(nn.Module):
    """A trunk and an answerer that learn together: 'image' holds pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.answerer = GridCNN(), hopping()

    def forward(self, batch: Batch) -> Tensor:
        cells = self.trunk.states(batch["image"]).values
        return self.answerer(Batch(batch, image=cells))


def trunks(seed: int) -> Figures:
    """Two hops and a tally, on trunks that came by their cells in other ways."""
    torch.manual_seed(seed)
    before = shipping.about(asking.TRUNK)["cpu_seconds"]
    figures: Figures = {"seconds of the trunk that ships": before}

    def note(name: str, found: Figures) -> None:
        figures.update({f"{name}: {figure}": value for figure, value in found.items()})

    def frozen(name: str, trunk: GridCNN) -> None:
        train = seen_by(trunk, "train", PICTURES, seed)
        model = hopping()
        found = trained(model, asks(train, seed), SECONDS, RATE)
        note(name, found | by_kind(model, seen_by(trunk, "test", SHOWN, seed)))

    frozen("dense", asking.load_trunk())
    data, questions = shown("train", PICTURES, seed)
    frozen("untrained", settled(GridCNN(), data))
    # Which of 128 captions belongs to which picture: what made the joint space of chapter 06.
    space = JointSpace({"text": TextEncoder(crowds.WORDS), "image": GridCNN()})
    words, order = pad([*map(encode_caption, captions(data.crowds))]), shuffled(PICTURES, 128, seed)
    pairs = Batch(text=words, image=torch.from_numpy(data.images))
    note("captions", trained(space, lambda step: pairs.rows(order(step)), before, RATE, over_pairs))
    frozen("captions", space.encoders["image"])
    # What the trunk that ships took goes to the answers here: as long in all.
    both = EndToEnd()
    whole = Asked(data, questions, torch.from_numpy(data.images))
    found = trained(both, asks(whole, seed), SECONDS + before, RATE)
    data, questions = shown("test", SHOWN, seed)
    note("no trunk", found | by_kind(both, Asked(data, questions, torch.from_numpy(data.images))))
    return figures


@torch.no_grad()
def settled(trunk: GridCNN, data: crowds.CrowdData) -> GridCNN:
    """A trunk whose BatchNorm has seen pictures, and whose weights have learned nothing."""
    trunk.train()
    for part in torch.from_numpy(data.images[:3_000]).split(100):
        trunk.states(part)
    return trunk


PARTS = {"questions": questions, "trunks": trunks}
