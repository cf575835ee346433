"""Questions in bulk: asked about crowds by the law of ``law``, side by side for a training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from xmodal_lab.batch import Batch, Padded, pad
from xmodal_lab.datasets.crowds.factors import Crowd
from xmodal_lab.datasets.crowds.language import ANSWER_IDS, ANSWERS, KINDS, encode
from xmodal_lab.datasets.crowds.law import Choice, law
from xmodal_lab.datasets.scenes.factors import stream

# Kinds that fewer crowds allow weigh more where they can be asked, so that all are about as common.
KIND_WEIGHTS = {"colour": 2.0, "shape": 2.0, "existence": 1.0, "count": 50.0, "two hops": 50.0}
# The stream of a crowd's generator that asks; 7 samples the crowd, 1 draws it.
ASKING = 8


@dataclass(frozen=True)
class Question:
    """One question about one crowd.

    Attributes:
        kind: one of ``KINDS``.
        text: as a learner reads it.
        words: what a question encoder reads, from 1.
        answer: one of ``ANSWERS``.
        crowd_row: which crowd of the list.
        thing: number of the thing that the answer is about; None for existence and counts.
        via: of two hops, number of the thing that the first one leads to.
    """

    kind: str
    text: str
    words: tuple[int, ...]
    answer: str
    crowd_row: int
    thing: int | None = None
    via: int | None = None


@dataclass(frozen=True)
class Questions:
    """Questions side by side: row i of everything but ``crowds`` is one question.

    Attributes:
        crowds: what is asked about; ``rows`` points into it.
        texts: as a learner reads them.
        kinds: of ``KINDS``.
        rows: number of the crowd.
        words: word ids, padded with 0.
        answers: numbers in ``ANSWERS``.
        things: number of the thing in its crowd that the answer is about, -1 for none.
        vias: of two hops, number of the thing that the first one leads to, -1 for none.
    """

    crowds: Sequence[Crowd]
    texts: list[str]
    kinds: np.ndarray
    rows: Int64[Tensor, " count"]
    words: Padded
    answers: Int64[Tensor, " count"]
    things: Int64[Tensor, " count"]
    vias: Int64[Tensor, " count"]

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, number: int) -> Question:
        thing, via = int(self.things[number]), int(self.vias[number])
        return Question(
            str(self.kinds[number]),
            self.texts[number],
            tuple(encode(self.texts[number])),
            ANSWERS[self.answers[number]],
            int(self.rows[number]),
            None if thing < 0 else thing,
            None if via < 0 else via,
        )

    def select(self, indices: Sequence[int] | np.ndarray | Tensor) -> Questions:
        """The questions with these numbers, in this order; the crowds stay all.

        Raises:
            ValueError: for a mask of True and False, whose values would be read as rows 1 and 0.
        """
        numbers = np.asarray(indices)
        if len(numbers) and numbers.dtype == bool:
            raise ValueError("expected row numbers, got a mask: use select(np.flatnonzero(mask))")
        index = torch.as_tensor(numbers, dtype=torch.long)
        return replace(
            self,
            texts=[self.texts[i] for i in index.tolist()],
            kinds=self.kinds[index.numpy()],
            words=self.words.rows(index),
            **{name: getattr(self, name)[index] for name in ("rows", "answers", "things", "vias")},
        )

    def batch(self, pictures: Tensor, rows: Tensor | None = None) -> Batch:
        """Questions beside what they are about: 'text', 'image' and 'labels'.

        Args:
            pictures: images or states, a row for each crowd; copied for each of its questions.
            rows: numbers of questions; None for all.
        """
        rows = torch.arange(len(self)) if rows is None else rows
        return Batch(
            text=self.words.rows(rows), image=pictures[self.rows[rows]], labels=self.answers[rows]
        )


def questions(
    crowds: Sequence[Crowd], per_crowd: int = 3, seed: int = 0, kinds: Sequence[str] = KINDS
) -> Questions:
    """Ask about crowds.

    Args:
        crowds: as ``sample_crowds`` gives them.
        per_crowd: how many questions at most; none of a kind that the crowd does not allow, and no
            two of one kind.
        seed: any non-negative integer; what is asked about row i depends on (seed, i), its crowd
            and the kinds.
        kinds: which kinds to ask.

    Raises:
        ValueError: for an unknown kind, or where nothing can be asked.
    """
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise ValueError(f"unknown kinds {unknown}: choose from {', '.join(KINDS)}")
    asked = [
        (row, choice)
        for row, crowd in enumerate(crowds)
        for choice in _ask(crowd, per_crowd, stream(seed, row, ASKING), kinds)
    ]
    if not asked:
        raise ValueError(f"nothing of {', '.join(kinds)} can be asked about {len(crowds)} crowds")
    rows, choices = zip(*asked, strict=True)
    return Questions(
        crowds,
        [choice.asked.text for choice in choices],
        np.array([choice.asked.kind for choice in choices]),
        torch.tensor(rows),
        pad([encode(choice.asked.text) for choice in choices]),
        torch.tensor([ANSWER_IDS[choice.answer] for choice in choices]),
        torch.tensor([-1 if choice.thing is None else choice.thing for choice in choices]),
        torch.tensor([-1 if choice.via is None else choice.via for choice in choices]),
    )


def _ask(
    crowd: Crowd, per_crowd: int, generator: np.random.Generator, kinds: Sequence[str]
) -> Iterator[Choice]:
    # The largest of u^(1/w) wins: drawing by weights without putting back, Efraimidis and
    # Spirakis 2006.
    throws = dict(zip(KINDS, generator.random(len(KINDS)), strict=True))
    laws = {kind: law(crowd, kind) for kind in KINDS if kind in kinds}
    allowed = [kind for kind, choices in laws.items() if choices]
    allowed.sort(key=lambda kind: -(throws[kind] ** (1 / KIND_WEIGHTS[kind])))
    for kind in allowed[:per_crowd]:
        yield _drawn(laws[kind], generator.random())


def _drawn(choices: list[tuple[float, Choice]], throw: float) -> Choice:
    for probability, choice in choices:
        throw -= probability
        if throw < 0:
            return choice
    return choices[-1][1]  # where the probabilities sum to a little less than 1
