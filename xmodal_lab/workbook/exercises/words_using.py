"""Checkers of what is done with words: analogies, masking, pooling."""

from __future__ import annotations

import torch

from xmodal_lab.workbook.exercises import words_using_oracles as oracles
from xmodal_lab.workbook.exercises.words_shared import about, require_whole_numbers
from xmodal_lab.workbook.kit.attempt import Mistake
from xmodal_lab.workbook.kit.compare import array, number, require_entries

ANALOGY_HINT = (
    "Normalise the rows, take row b − row a + row c, and among all words but these three return "
    "the id with the largest cosine."
)


def check_solve_analogy(attempt) -> None:
    for vectors, questions in _analogies(torch.Generator().manual_seed(5)):
        got = [_word(attempt(vectors, *question), len(vectors)) for question in questions]
        wanted = [oracles.solve_analogy(vectors, *question) for question in questions]
        if got == wanted:
            continue
        # A misconception is asked about where it explains every answer of this set.
        answers = [oracles.analogy_suspects(vectors, *question) for question in questions]
        suspects = [(column[0][0], [a for _, a in column]) for column in zip(*answers, strict=True)]
        found = next((asked for asked, values in suspects if values == got), ANALOGY_HINT)
        first = next(
            i for i, pair in enumerate(zip(got, wanted, strict=True)) if len(set(pair)) > 1
        )
        a, b, c = questions[first]
        raise Mistake(
            f"word {a} : word {b} = word {c} : ? should be word {wanted[first]}, yours is word "
            f"{got[first]}. {found}"
        )


def _analogies(random: torch.Generator):
    """Vectors of very different lengths, and questions about them."""
    for words, dim, count in ((25, 4, 20), (40, 6, 20), (12, 3, 12)):
        lengths = torch.rand(words, 1, generator=random) * 3 + 0.2
        vectors = torch.randn(words, dim, generator=random) * lengths
        yield vectors, [tuple(_draw(words, random)) for _ in range(count)]
    # Only words that point away are left over: their cosines are negative.
    angles = torch.deg2rad(torch.tensor([0.0, 10.0, 20.0, 170.0, 215.0, 250.0]))
    yield torch.stack([angles.cos(), angles.sin()], dim=1), [(0, 1, 2), (1, 0, 2), (2, 1, 0)]


def _draw(words: int, random: torch.Generator) -> list[int]:
    return torch.randperm(words, generator=random)[:3].tolist()


def _word(result, words: int) -> int:
    value = number(result, "the answer", missing="to take the argmax over the words")
    if value != int(value) or not 0 <= value < words:
        raise Mistake(
            f"the answer should be the id of a word, 0 … {words - 1}, yours is {value:g}. "
            "Did you return a cosine instead of its place (argmax)?"
        )
    return int(value)


MASK_HINT = (
    "Chosen and not special: the label is the id, and the input is mask_id where draws < 0.8, the "
    "random id where 0.8 ≤ draws < 0.9, else the id itself."
)


def check_mask_tokens(attempt) -> None:
    random = torch.Generator().manual_seed(6)
    for batch, length, share in ((6, 12, 0.5), (3, 40, 0.15), (1, 5, 1.0), (2, 4, 0.0)):
        inputs = _sentences(random, batch, length, share)
        result = attempt(*inputs)
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise Mistake(
                "the result should be a pair: inputs, labels. Did you return only one of them?"
            )
        wanted = oracles.mask_tokens(*inputs)
        asks = oracles.masked_input_suspects, oracles.masked_label_suspects
        for name, got, right, ask in zip(("inputs", "labels"), result, wanted, asks, strict=True):
            with about(f"your {name}"):
                got = array(got, (batch, length))
                require_whole_numbers(got, "ids")
                require_entries(got, right, ask(*inputs), MASK_HINT)


def _sentences(random: torch.Generator, batch: int, length: int, share: float) -> tuple:
    """Ids (0 [PAD], 1 [CLS], 2 [SEP], 3 [MASK]), and all that chance decides, handed in."""
    ids = torch.randint(4, 30, (batch, length), generator=random)
    ids[:, 0] = 1
    for row in range(batch):
        end = int(torch.randint(length // 2, length, (), generator=random))
        ids[row, end], ids[row, end + 1 :] = 2, 0
    chosen = torch.rand(batch, length, generator=random) < share
    draws = torch.rand(batch, length, generator=random)
    # The rare cases, random word and unchanged, occur often enough to be looked at.
    draws = torch.where(torch.rand(batch, length, generator=random) < 0.5, 0.75 + draws / 4, draws)
    random_ids = torch.randint(4, 30, (batch, length), generator=random)
    return ids, ids < 3, chosen, draws, random_ids, 3


POOL_HINT = "Add up the vectors where the mask is true, and divide by how many these are."


def check_mean_pool(attempt) -> None:
    random = torch.Generator().manual_seed(7)
    for batch, length, dim in ((3, 7, 4), (4, 5, 2), (1, 6, 3), (5, 4, 5)):
        hidden = torch.randn(batch, length, dim, generator=random) + 1
        lengths = torch.randint(2, length, (batch, 1), generator=random)
        lengths[0] = length - 2
        mask = torch.arange(length) < lengths
        if length < 6:  # holes, and padding on the left
            mask[:, 0] = False
            mask[-1] = mask[-1].flip(0)
        got = array(attempt(hidden, mask), (batch, dim), shape_hint="One vector for each sentence.")
        suspects = oracles.pool_suspects(hidden, mask)
        require_entries(got, oracles.mean_pool(hidden, mask), suspects, POOL_HINT)
