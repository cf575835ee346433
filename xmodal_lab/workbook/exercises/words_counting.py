"""Checkers of the word chapter's counting: neighbours, PPMI, noise, subsampling."""

from __future__ import annotations

import numpy as np
import torch

from xmodal_lab.workbook.exercises import words_counting_oracles as counting
from xmodal_lab.workbook.exercises import words_frequency_oracles as frequency
from xmodal_lab.workbook.exercises.words_shared import require_no_nan
from xmodal_lab.workbook.kit.compare import array, require_entries

COUNT_SHAPE = "One row and one column for every word of the vocabulary, seen or not."
COUNT_HINT = "For every place i and every j ≠ i at most `window` away: counts[word i, word j] += 1."


def check_count_neighbours(attempt) -> None:
    random = torch.Generator().manual_seed(0)
    # The first document is long and repeats its words: there all mistakes differ.
    for length, vocabulary, window in ((40, 6, 4), (18, 5, 2), (9, 12, 1), (3, 4, 5), (1, 3, 2)):
        document = torch.randint(min(vocabulary, 8), (length,), generator=random)
        got = array(
            attempt(document, vocabulary, window), (vocabulary,) * 2, shape_hint=COUNT_SHAPE
        )
        wanted = counting.count_neighbours(document, vocabulary, window)
        if np.isfinite(got).all() and (got == got.round()).all():  # "10", not "10.00"
            got, wanted = got.astype(int), wanted.astype(int)
        suspects = counting.count_suspects(document, vocabulary, window)
        inputs = f"document {_short(document)}, window {window}"
        require_entries(got, wanted, suspects, COUNT_HINT, context=lambda _, inputs=inputs: inputs)


def _short(document) -> str:
    ids = [str(word) for word in document.tolist()]
    if len(ids) > 6:
        ids[3:-2] = ["…"]
    return f"[{', '.join(ids)}]"


PPMI_SHAPE = "One entry for each entry of the counts."
PPMI_HINT = "ln of count · total / (sum of its row · sum of its column), and 0 where that is less."
PPMI_NAN = "A word that never occurs gives 0/0. Did you set entries without counts to 0 at the end?"


def check_ppmi(attempt) -> None:
    random = torch.Generator().manual_seed(1)
    for rows, columns, empty in ((5, 5, False), (3, 6, False), (6, 6, True), (4, 3, True)):
        counts = torch.randint(9, (rows, columns), generator=random).float()
        counts *= torch.rand(rows, columns, generator=random) > 0.3
        counts[:, 0] += 1
        counts[0] += 3
        if empty:
            counts[1], counts[:, 2] = 0, 0
        got = array(attempt(counts), (rows, columns), shape_hint=PPMI_SHAPE)
        wanted = counting.ppmi(counts)
        require_no_nan(got, wanted, PPMI_NAN)
        suspects = counting.ppmi_suspects(counts)
        require_entries(
            got, wanted, suspects, PPMI_HINT, context=lambda at, counts=counts: _count(counts, at)
        )


def _count(counts, place) -> str:
    return f"the count there is {float(counts[place]):g}"


NOISE_HINT = "Raise every count to the power, then divide by the sum of the results."
NOISE_SHAPE = "One probability for each word."


def check_noise_distribution(attempt) -> None:
    for numbers, power in (
        ([10.0, 40.0, 200.0, 5.0], 0.75),
        ([3.0, 50.0, 2.0], 0.5),
        ([6, 1, 90, 13, 2], 0.75),
        ([5, 0, 12, 800], 0.75),
        ([9.0, 4.0, 1.0], 1.0),
        ([9.0, 4.0, 1.0], 0.0),
    ):
        counts = torch.tensor(numbers)
        got = array(attempt(counts, power), counts.shape, shape_hint=NOISE_SHAPE)
        wanted = frequency.noise_distribution(counts, power)
        require_no_nan(got, wanted, "A count of 0 has the probability 0: did you take a logarithm?")
        suspects = frequency.noise_suspects(counts, power)
        inputs = f"counts {numbers}, power {power}"
        require_entries(got, wanted, suspects, NOISE_HINT, context=lambda _, inputs=inputs: inputs)


KEEP_HINT = "With f the word's share of all words: the square root of threshold / f, at most 1."


def check_keep_probability(attempt) -> None:
    for numbers, threshold in (
        ([500.0, 300.0, 150.0, 45.0, 4.0, 1.0], 0.01),
        ([60.0, 30.0, 9.0, 1.0], 0.05),
        ([7000, 2000, 999, 1], 1e-3),
        ([40, 0, 20], 0.1),
        ([1.0, 1.0], 1.0),
    ):
        counts = torch.tensor(numbers)
        got = array(attempt(counts, threshold), counts.shape, shape_hint=NOISE_SHAPE)
        wanted = frequency.keep_probability(counts, threshold)
        require_no_nan(got, wanted, "A word that never occurs has f = 0. min(1, ∞) would be 1.")
        suspects = frequency.keep_suspects(counts, threshold)
        inputs = f"counts {numbers}, threshold {threshold:g}"
        require_entries(got, wanted, suspects, KEEP_HINT, context=lambda _, inputs=inputs: inputs)
