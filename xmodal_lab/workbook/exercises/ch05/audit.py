"""Exercise `audit`: how much each modality really carries, told by handing its rows around."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from xmodal_lab.workbook.exercises.form import Case, Entries, Exercise, Misconception
from xmodal_lab.workbook.kit.attempt import Mistake, kind
from xmodal_lab.workbook.kit.compare import pair_in_words, same


def audit(answer, inputs, labels, generator):
    """Accuracy lost for each modality of `inputs`, when each row gets another row's: a dict."""
    before = accuracy(answer(inputs), labels)
    lost = {}
    for name, rows in inputs.items():
        order = torch.randperm(len(labels), generator=generator)
        moved = torch.empty_like(rows)
        moved[order] = rows[order.roll(1)]  # each gets that of its neighbour in a random round
        lost[name] = before - accuracy(answer({**inputs, name: moved}), labels)
    return lost


def accuracy(found, labels) -> float:
    return (found == labels).double().mean().item()


# Modalities of the cases; not every case has all of them.
NAMES = ("image", "sound", "text")


def oracle(answer, inputs, labels, generator):
    """With other random numbers, drawn again until no row keeps its own."""
    random, places = np.random.default_rng(59), np.arange(len(labels))
    lost = []
    for name in NAMES:
        if name not in inputs:
            lost.append(np.nan)
            continue
        order = places
        while (order == places).any():
            order = random.permutation(len(labels))
        found = answer({**inputs, name: inputs[name][order]}), answer(inputs)
        after, before = (np.mean(np.asarray(x) == labels) for x in found)
        lost.append(before - after)
    return np.array(lost)


@dataclass(frozen=True)
class Lost(Entries):
    """The result is a dict of numbers, one for each modality."""

    def read(self, value) -> np.ndarray:
        if not isinstance(value, dict):
            raise Mistake(f"the result should be a dict, yours is {kind(value)}. {self.if_shape}")
        if strange := [name for name in value if name not in NAMES]:
            raise Mistake(f"the dict has the key {strange[0]!r}. {self.if_shape}")
        for name, number in value.items():
            if not isinstance(number, (torch.Tensor, np.ndarray, np.generic, float, int)):
                raise Mistake(f"what {name} loses should be a number, yours is {kind(number)}.")
            if np.ndim(number):
                raise Mistake(f"what {name} loses should be a single number. Is a mean missing?")
        return np.array([float(value.get(name, np.nan)) for name in NAMES])

    def difference(self, what: str, wanted: np.ndarray, got: np.ndarray) -> tuple[str, str]:
        right, yours = (
            [n for n, x in zip(NAMES, numbers, strict=True) if x == x] for numbers in (wanted, got)
        )
        if right != yours:
            return f"{what}: numbers are wanted for {right}, yours has {yours}.", self.if_shape
        place = int(np.flatnonzero(~same(wanted, got))[0])
        right, yours = pair_in_words(wanted[place], got[place])
        return f"{what}: {NAMES[place]} should lose {right}, in yours it loses {yours}.", ""


def cases():
    for rows, names, seed in (
        (10, ("image", "sound", "text"), 1),
        (40, ("sound", "image"), 2),
        (10, ("text", "image", "sound"), 3),
        (20, ("image", "sound"), 4),
        (10, ("sound", "text", "image"), 5),
        (30, ("image", "sound", "text"), 6),
    ):
        given = world(torch.arange(1, rows + 1), names), torch.Generator().manual_seed(seed)
        yield Case((*given[0], given[1]), f"{rows} rows of {', '.join(names)}", KEPT)
    # Pairs, sorted, and the same from behind: a step or a turn leaves many rows as they were.
    place = torch.arange(8_000)
    labels = 1 + torch.minimum(place, place.flip(0)) // 2
    given = world(labels, NAMES), torch.Generator().manual_seed(7)
    yield Case((*given[0], given[1]), "8,000 rows that stand sorted", SORTED)
    given = numbered(8_000, NAMES), torch.Generator().manual_seed(8)
    yield Case((*given[0], given[1]), "8,000 rows that follow each other", STEP)


def world(labels: torch.Tensor, names: tuple[str, ...]) -> tuple[Callable, dict, torch.Tensor]:
    """An answerer, its inputs and labels. The numbers of a row add up to its label.

    Of ten rows five are told by the image, three by the sound, one by both together, and one is
    wrong as long as the text agrees with the image. Where an image adds up to no label at all, its
    row is told by the sound, and the other way round: a model may know how to do without, so zeros
    cost nothing here.
    """
    random = torch.Generator().manual_seed(len(labels))
    inputs = {}
    for width, name in enumerate(names, 2):
        rows = torch.randint(1, 9, (len(labels), width), generator=random)
        rows[:, -1] = labels - rows[:, :-1].sum(1)
        inputs[name] = rows.float()
    turn = torch.arange(len(labels)) % 10

    def answer(given):
        if set(given) != set(names) or any(len(x) != len(labels) for x in given.values()):
            wanted = f"all {len(labels)} rows of {', '.join(names)}"
            raise ValueError(f"`answer` takes a dict with {wanted}")
        image, sound = (torch.as_tensor(given[name]).sum(1).float() for name in ("image", "sound"))
        image_known, sound_known = (
            (x >= 1) & (x <= labels.max()) & (x == x.round()) for x in (image, sound)
        )
        by_image = torch.where(image_known, image, sound)
        by_sound = torch.where(sound_known, sound, image)
        by_both = torch.where(by_image == by_sound, by_image, -1)
        agrees = torch.as_tensor(given["text"]).sum(1) == by_image if "text" in names else True
        misled = torch.where(torch.as_tensor(agrees), -by_image, by_image)
        by_one = torch.where(turn < 5, by_image, by_sound)
        return torch.where(turn < 8, by_one, torch.where(turn < 9, by_both, misled)).long()

    return answer, inputs, labels


def numbered(count: int, names: tuple[str, ...]) -> tuple[Callable, dict, torch.Tensor]:
    """An answerer of numbered rows, its inputs and labels; it looks at all the rows at once.

    It knows a row that stands beside its old neighbour; where rows are there twice, every even
    label. So whoever moves all rows by one step, or hands rows out twice, loses less.
    """
    labels = torch.arange(count) % 5
    inputs = {
        name: torch.arange(1.0, count + 1)[:, None] * torch.arange(1, width)
        for width, name in enumerate(names, 3)
    }

    def answer(given):
        known = torch.ones(count, dtype=torch.bool)
        for rows in given.values():
            number = torch.as_tensor(rows)[:, 0]
            twice = len(number.unique()) < 0.99 * count
            known &= ((number.roll(-1) - number).abs() == 1) | (twice & (labels % 2 == 0))
        return torch.where(known, labels, -1)

    return answer, inputs, labels


def changed(change, after=lambda before, now: before - now):
    """An answer that does something else to the rows, or gives something else of the accuracies."""

    def audit(answer, inputs, labels, generator):
        before, lost = accuracy(answer(inputs), labels), {}
        for name, rows in inputs.items():
            now = accuracy(answer({**inputs, name: change(rows, generator)}), labels)
            lost[name] = after(before, now)
        return lost

    return audit


def shuffled(rows, generator):
    return rows[torch.randperm(len(rows), generator=generator)]


def round_about(rows, generator):
    order = torch.randperm(len(rows), generator=generator)
    return rows[order.roll(1)[order.argsort()]]


def with_repetition(rows, generator):
    step = torch.randint(1, len(rows), (len(rows),), generator=generator)
    return rows[(torch.arange(len(rows)) + step) % len(rows)]


def one_after_the_other(answer, inputs, labels, generator):
    before, lost, spoilt = accuracy(answer(inputs), labels), {}, dict(inputs)
    for name in inputs:
        spoilt[name] = round_about(spoilt[name], generator)
        lost[name] = before - accuracy(answer(spoilt), labels)
    return lost


def of_labels(answer, inputs, labels, generator):
    found = answer(inputs)
    before = accuracy(found, labels)
    return {name: before - accuracy(found, round_about(labels, generator)) for name in inputs}


def of_changes(answer, inputs, labels, generator):
    return changed(round_about, lambda _, now: 1 - now)(answer, inputs, answer(inputs), generator)


def all_but_one(answer, inputs, labels, generator):
    before, lost = accuracy(answer(inputs), labels), {}
    for name in inputs:
        moved = {other: round_about(rows, generator) for other, rows in inputs.items()}
        lost[name] = before - accuracy(answer({**moved, name: inputs[name]}), labels)
    return lost


KEPT = (
    "Does each row get another one's, as a whole? torch.randperm leaves about one row where it "
    "was: let each row of a random order take the next one's."
)
SORTED = "Is the order drawn by chance? Rows often stand sorted: a neighbour may be much alike."
STEP = (
    "Do all rows move by one step? Rows often stand sorted or in groups: let chance decide, for "
    "each row, whose it gets (torch.randperm)."
)
REPEATED = "Is one row handed out twice, and another to nobody? Each goes to exactly one other."
NOTHING = (
    "Do whole rows change places (rows[order])? Zeros, noise or swapped columns are something "
    "else: a model may know how to do without."
)
TWICE = "Are earlier modalities still shuffled? One at a time: begin again with `inputs`."

MISCONCEPTIONS = (
    Misconception(KEPT, changed(shuffled)),
    Misconception(SORTED, changed(lambda rows, generator: rows.flip(0))),
    Misconception(SORTED, changed(lambda rows, generator: rows.roll(1, 0))),
    Misconception(STEP, changed(lambda rows, generator: rows.roll(len(rows) // 2, 0))),
    Misconception(STEP, changed(lambda rows, generator: rows.roll(100, 0))),
    Misconception(REPEATED, changed(with_repetition)),
    Misconception(NOTHING, changed(lambda rows, generator: rows)),
    Misconception(NOTHING, changed(lambda rows, generator: rows * 0)),
    Misconception(TWICE, one_after_the_other),
    Misconception(
        "Is only the one in question left as it was? It is the one to shuffle.", all_but_one
    ),
    Misconception("Are labels shuffled? They stay: the rows of one modality move.", of_labels),
    Misconception(
        "Is the sign turned? Lost is accuracy before minus accuracy after.",
        changed(round_about, lambda before, now: now - before),
    ),
    Misconception(
        "Is that the accuracy that is left? Lost is before minus after.",
        changed(round_about, lambda before, now: now),
    ),
    Misconception(
        "Is that 1 minus the accuracy that is left? It was not 1 before.",
        changed(round_about, lambda before, now: 1 - now),
    ),
    Misconception(
        "Is what is found compared with what was found before? With the labels, both times.",
        of_changes,
    ),
    Misconception(
        "Did you cut off what is negative? Where a modality misleads, accuracy rises without it.",
        changed(round_about, lambda before, now: max(0.0, before - now)),
    ),
    Misconception(
        "Did you divide by the accuracy before? The plain difference is asked for.",
        changed(round_about, lambda before, now: (before - now) / before),
    ),
)

EXERCISE = Exercise(
    reference=audit,
    oracle=oracle,
    cases=cases,
    result=Lost(if_shape="A dict with the keys of `inputs`, and one number for each."),
    misconceptions=MISCONCEPTIONS,
    advice="For each modality: move its rows, keep the others, and take accuracy before − after.",
    praise="equal to an explicit loop on 8 answerers",
    on_device=False,  # rows are handed round by an order that is drawn on the CPU
)
