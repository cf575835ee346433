"""Checkers of the two losses of the word chapter."""

from __future__ import annotations

import torch

from xmodal_lab.workbook.exercises import words_losses_oracles as losses
from xmodal_lab.workbook.exercises.words_shared import require_extreme
from xmodal_lab.workbook.kit.compare import Case, require_numbers
from xmodal_lab.workbook.kit.gradients import require_gradients

SKIP_GRAM_HINT = (
    "−logsigmoid of the right dot product, plus −logsigmoid of minus each noise word's; the mean "
    "over the batch."
)


def check_skip_gram_loss(attempt) -> None:
    random = torch.Generator().manual_seed(3)
    cases = []
    for batch, dim, negatives in ((4, 3, 5), (5, 2, 3), (3, 6, 2), (1, 4, 3), (6, 3, 1)):
        centre, context = (torch.randn(batch, dim, generator=random) for _ in "cx")
        noise = torch.randn(batch, negatives, dim, generator=random)
        inputs = centre, context, noise
        wanted, suspects = losses.skip_gram_loss(*inputs), losses.skip_gram_suspects(*inputs)
        where = f"the loss of {batch} words with {negatives} noise words each"
        cases.append(Case(inputs, wanted, suspects, where))
    require_numbers(attempt, cases, "the loss", SKIP_GRAM_HINT)
    extreme = [torch.full(shape, 12.0) for shape in ((2, 3), (2, 3), (2, 4, 3))]
    extreme[1][0] = -12.0
    where = "the loss where dot products are ±432"
    require_extreme(attempt, losses.skip_gram_loss, extreme, where)
    names = "centre", "context", "noise"
    require_gradients(attempt, losses.skip_gram_loss, cases[0].inputs, names)


GLOVE_HINT = (
    "The error is dot product + both biases − ln(count); square it, weight it with "
    "min(1, (count / x_max)^alpha), take the mean over the cells."
)


def check_glove_loss(attempt) -> None:
    random = torch.Generator().manual_seed(4)
    cases = []
    for cells, dim, x_max, alpha in ((5, 3, 10.0, 0.75), (7, 2, 40.0, 0.5), (4, 5, 100.0, 0.75)):
        words, contexts = (torch.randn(cells, dim, generator=random) for _ in "wc")
        biases = [torch.randn(cells, generator=random) for _ in "wc"]
        # From single pairs to pairs beyond x_max.
        counts = (torch.rand(cells, generator=random) * 2.5 * x_max).ceil()
        counts[0], counts[1] = 1, 2 * x_max
        inputs = words, contexts, *biases, counts, x_max, alpha
        wanted, suspects = losses.glove_loss(*inputs), losses.glove_suspects(*inputs)
        where = f"the loss of {cells} cells with x_max {x_max:g} and alpha {alpha:g}"
        cases.append(Case(inputs, wanted, suspects, where))
    require_numbers(attempt, cases, "the loss", GLOVE_HINT)
    names = "words", "contexts", "word_bias", "context_bias"
    require_gradients(attempt, losses.glove_loss, cases[0].inputs, names)
