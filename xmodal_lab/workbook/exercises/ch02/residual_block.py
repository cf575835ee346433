"""Exercise `residual_block`: a block with a way around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import relu

from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception


def residual_block(x, first, second):
    """relu(x + second(relu(first(x)))) for x of any shape, with gradient."""
    return relu(x + second(relu(first(x))))


def oracle(x, first, second):
    """In numpy; what is not above 0 is set to 0."""
    hidden = first(x)
    outside = second(np.where(hidden > 0, hidden, 0)) + x
    return np.where(outside > 0, outside, 0)


def cases():
    random = torch.Generator().manual_seed(7)
    for shape in ((2, 3, 4, 5), (6, 4), (3, 2, 2, 2)):
        x = torch.randn(shape, generator=random)
        # Layers that numpy's arrays go through as well: they are made of operators only.
        yield Case(
            (x, lambda x: 2 * x - 0.5, lambda x: 0.7 - 1.5 * x), f"a block for {list(shape)}"
        )
        yield Case(
            (x, lambda x: x - x[:, :1] + 0.2, lambda x: x * x - x),
            f"a block with bent layers for {list(shape)}",
        )
    line = 10 * torch.randn(8, generator=random)
    yield Case((line, lambda x: 2 * x - 0.5, lambda x: 0.7 - 1.5 * x), "a block for [8]", ANY)
    yield Case((x, lambda x: 0 * x, lambda x: 0 * x), "a block whose layers give 0", NOTHING)
    what = "a block whose first layer hands on x itself"
    yield Case((x, lambda x: x, lambda x: x / 2 - 1), what, HANDED_ON)
    once = Once("first", lambda x: 1 - x), Once("second", lambda x: 2 * x)
    yield Case((x, *once), "a block whose layers may be called once", ONCE)


@dataclass
class Once:
    """A layer that stops whoever calls it again; a copy of it may be called anew."""

    name: str
    layer: Callable
    called: bool = field(default=False, compare=False)  # having been called is no change of it

    def __call__(self, x):
        if self.called:
            raise RuntimeError(f"`{self.name}` is called a second time")
        self.called = True
        return self.layer(x)

    def __deepcopy__(self, memo):
        return Once(self.name, self.layer)


ONCE = (
    "Call each layer once and keep what it gives: a second call costs as much, and a layer that "
    "counts its calls, as BatchNorm does, would count double."
)
HANDED_ON = "Here `first` hands on x itself: a ReLU with inplace=True behind it writes into x."
ANY = "Do all its ReLUs stand there, whatever the shape of x and however large its numbers?"
NOTHING = "A branch that gives 0 leaves relu(x)."


def no_relu(x):
    return x


def answer(inner=relu, branch=no_relu, skip=no_relu, outer=relu):
    """An answer: what is done to the hidden map, the branch, the skip and the sum."""
    return lambda x, first, second: outer(skip(x) + branch(second(inner(first(x)))))


def from_inside(where):
    """An answer whose skip begins at another place: where(x, first)."""
    return lambda x, first, second: relu(where(x, first) + second(relu(first(x))))


OUTSIDE = "Does the skip come behind the last ReLU? Add first, then ReLU."
SKIP = "Does the skip begin at x itself, before `first`?"
BRANCH = "Is there a ReLU on the branch before adding? It could then take nothing away from x."
INNER = "Is the ReLU between `first` and `second` missing?"
LAST = "Is the ReLU behind the sum missing?"

MISCONCEPTIONS = (
    Misconception(LAST, answer(outer=no_relu)),
    Misconception(INNER, answer(inner=no_relu)),
    Misconception("Are both ReLUs missing?", answer(inner=no_relu, outer=no_relu)),
    Misconception(OUTSIDE, answer(branch=relu, outer=no_relu)),
    Misconception(BRANCH, answer(branch=relu)),
    Misconception(
        "Did you cut off the negative part of x before adding? The skip hands on x as it is.",
        answer(skip=relu),
    ),
    Misconception(
        "Did you cut off the negative part of x before adding? The skip hands on x as it is.",
        answer(branch=relu, skip=relu),
    ),
    Misconception("Did you forget to add x?", answer(skip=lambda x: 0 * x)),
    Misconception(
        "Did you forget to add x, and the ReLU at the end?",
        answer(skip=lambda x: 0 * x, outer=no_relu),
    ),
    Misconception("Is x taken away? Add it.", answer(skip=lambda x: -x)),
    Misconception(SKIP, from_inside(lambda x, first: first(x))),
    Misconception(SKIP, from_inside(lambda x, first: relu(first(x)))),
    Misconception(
        "Did you swap `first` and `second`?",
        lambda x, first, second: residual_block(x, second, first),
    ),
    Misconception(
        "Did you use `first` twice?", lambda x, first, second: residual_block(x, first, first)
    ),
    Misconception(
        "Did you use `second` twice?", lambda x, first, second: residual_block(x, second, second)
    ),
    Misconception(
        "Did you multiply by x? Add it.", lambda x, first, second: relu(x * second(relu(first(x))))
    ),
    Misconception(
        "Is that the mean of both ways? Their sum is asked for.",
        lambda x, first, second: residual_block(x, first, second) / 2,
    ),
)

EXERCISE = Exercise(
    reference=residual_block,
    oracle=oracle,
    cases=cases,
    result=Entries(if_shape="The result has the shape of x."),
    misconceptions=MISCONCEPTIONS,
    advice="`first`, ReLU, `second`; add x; ReLU.",
    praise="equal to numpy on 10 blocks, gradient included",
    gradient=("x",),
    at_size=AtSize(
        lambda: (torch.randn(128, 16, 16, 16), lambda x: 2 * x, lambda x: -x),
        "128 pictures of 16 channels",
        calls=100,
    ),
)
