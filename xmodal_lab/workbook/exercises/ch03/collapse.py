"""Exercise `collapse`: from a symbol for each frame to the labels that were meant."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch

from xmodal_lab.workbook.exercises.form import Case, Entries, Exercise, Misconception
from xmodal_lab.workbook.kit.attempt import Mistake, kind


def collapse(path, blank=0):
    """A list of whole numbers, one a frame → the list of labels: runs merged, then no blanks."""
    return [symbol for symbol, _ in itertools.groupby(path) if symbol != blank]


def oracle(path, blank=0):
    """Frame by frame: a label counts where it begins, so where the frame before was another."""
    found = []
    for frame in range(len(path)):
        begins = frame == 0 or path[frame - 1] != path[frame]
        if begins and path[frame] != blank:
            found.append(path[frame])
    return np.array(found, dtype=int)


ROW = "A tuple, an array or a tensor is not equal to a list, and the chapter compares lists."


def whole(label) -> bool:
    """A whole number, Python's, numpy's or torch's own."""
    if isinstance(label, torch.Tensor):
        return label.shape == () and not label.is_floating_point()
    return isinstance(label, (int, np.integer))


@dataclass(frozen=True)
class Labels(Entries):
    """The result is a list of whole numbers: only a list is equal to a list."""

    def read(self, value) -> np.ndarray:
        if not isinstance(value, list):
            raise Mistake(f"the result should be a list, yours is {kind(value)}. {ROW}")
        for label in value:
            if not whole(label):
                raise Mistake(
                    f"the list should hold whole numbers, in yours is {label!r}. "
                    "Did you put in runs or text in place of their symbol?"
                )
        return np.array([int(label) for label in value], dtype=int)

    def difference(self, what: str, wanted: np.ndarray, got: np.ndarray) -> tuple[str, str]:
        return f"{what} should be {wanted.tolist()}, yours is {got.tolist()}.", ""


def cases():
    for path, *blank in (
        [[0, 3, 3, 0, 0, 5, 5, 5, 0]],
        [[3, 3, 0, 3]],
        [[3, 3, 3]],
        [[4, 4, 1, 1, 2]],
        [[2, 0, 2, 0, 0, 2, 1, 2]],
        [[0, 0, 0]],
        [[]],
        [[7]],
        [[0, 1, 1, 2, 0, 2, 2, 0, 1], 0],
        [[0, 0, 4, 0, 4, 4, 1], 4],
        [[2, 0, 0, 2, 0, 1], 2],
        [[3, 1, 0, 1, 1, 3, 3, 2], 3],
        [[0, 12, 12, 0, 7, 1, 2]],
        [[10, 1, 10, 10, 44, 0], 10],
    ):
        what = f"what {path} says" + (f", blank {blank[0]}," if blank and blank[0] else "")
        yield Case((path, *blank), what, EMPTY if not path else NOTHING if set(path) == {0} else "")
    random = torch.Generator().manual_seed(36)
    for frames, blank in ((20, 0), (30, 2)):
        path = torch.randint(4, (frames,), generator=random).repeat_interleave(2).tolist()
        path = path[1::2] + path[:frames]
        yield Case((path, blank), f"what {path} says, blank {blank},")
    # As long as a caption; and above 256 Python keeps equal numbers apart, so `is` is no `==`.
    for blank in (0, 300):
        path = torch.randint(299, 302, (100,), generator=random).repeat_interleave(2).tolist()
        yield Case((path, blank), f"what 200 frames say, blank {blank},", LARGE)


EMPTY = "Without frames there are no labels: the empty list."
LARGE = "Are all frames read? Are symbols compared with != (not with `is`)?"
NOTHING = "Where all is blank, nothing was said: the empty list."


def merged(path):
    return [symbol for symbol, _ in itertools.groupby(path)]


def one_for_two(path):
    """Each symbol is dropped whose left neighbour, as kept so far, was merged once already."""
    found, frame = [], 0
    while frame < len(path):
        twice = frame + 1 < len(path) and path[frame + 1] == path[frame]
        found.append(path[frame])
        frame += 1 + twice
    return found


def forgets_the_last(path, blank=0):
    found = []
    for frame in range(1, len(path)):
        if path[frame] != path[frame - 1] and path[frame - 1] != blank:
            found.append(path[frame - 1])
    return found


def forgets_the_first(path, blank=0):
    found = []
    for before, symbol in itertools.pairwise(path):
        if symbol != before and symbol != blank:
            found.append(symbol)
    return found


def as_digits(path, blank=0):
    return [int(digit) for digit in merged("".join(map(str, path))) if int(digit) != blank]


def begins_with(before):
    return lambda path, blank=0: [
        symbol
        for last, symbol in itertools.pairwise([before, *path])
        if symbol not in (last, blank)
    ]


def only_at_the_ends(path, blank=0):
    found = merged(path)
    while found and found[0] == blank:
        found = found[1:]
    while found and found[-1] == blank:
        found = found[:-1]
    return found


FIRST = "Did you take out the blanks first? Merge first: 3, blank, 3 are two labels."
MERGE = "Did you merge runs? A label that lasts for several frames is said once."
BLANK = "Did you use `blank`? It is 0 only where nothing else is said."
ONCE = "Is each label kept only once? What is said twice, with something between, is two labels."

MISCONCEPTIONS = (
    Misconception(FIRST, lambda path, blank=0: merged(x for x in path if x != blank)),
    Misconception(MERGE, lambda path, blank=0: [x for x in path if x != blank]),
    Misconception("Did you take out the blanks?", lambda path, blank=0: merged(path)),
    Misconception("Did you do anything to the path?", lambda path, blank=0: list(path)),
    Misconception(BLANK, lambda path, blank=0: collapse(path, 0)),
    Misconception(BLANK, lambda path, blank=0: [x for x in collapse(path, blank) if x]),
    Misconception(NOTHING, lambda path, blank=0: collapse(path, blank) or path[:1]),
    Misconception("Is the default of `blank` 0?", lambda path, blank=-1: collapse(path, blank)),
    Misconception(ONCE, lambda path, blank=0: list(dict.fromkeys(collapse(path, blank)))),
    Misconception(ONCE, lambda path, blank=0: sorted(set(collapse(path, blank)))),
    Misconception(
        "Did you merge two and two? A run may last longer.",
        lambda path, blank=0: [x for x in one_for_two(path) if x != blank],
    ),
    Misconception(
        "Is the last label lost? It counts although nothing else comes behind it.",
        forgets_the_last,
    ),
    Misconception(
        "Is the first label lost? It counts although nothing comes before it.", forgets_the_first
    ),
    Misconception(
        "What stands before the first frame? Not symbol 0: a path may begin with it.",
        begins_with(0),
    ),
    Misconception("Did you go digit by digit? A label may have several.", as_digits),
    Misconception(
        "Did you take out the blanks at both ends only? Those inside go too.", only_at_the_ends
    ),
    Misconception("Is the list backwards?", lambda path, blank=0: collapse(path, blank)[::-1]),
    Misconception(
        "Did you keep only what lasts for two frames? One is enough.",
        lambda path, blank=0: [
            x for x, run in itertools.groupby(path) if x != blank and len(list(run)) > 1
        ],
    ),
    Misconception(
        "Is that how many labels there are, or how long they last? Their numbers are asked for.",
        lambda path, blank=0: [len(list(run)) for x, run in itertools.groupby(path) if x != blank],
    ),
    Misconception(
        "Is that where labels begin? Their numbers are asked for.",
        lambda path, blank=0: [
            i for i, x in enumerate(path) if x != blank and (i == 0 or path[i - 1] != x)
        ],
    ),
)

EXERCISE = Exercise(
    reference=collapse,
    oracle=oracle,
    cases=cases,
    result=Labels(),
    misconceptions=MISCONCEPTIONS,
    advice="Merge equal neighbours, then take out the blanks.",
    praise="equal to an explicit loop on 18 paths",
    on_device=False,  # lists, no tensors
)
