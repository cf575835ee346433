"""Exercise `relative_bias`: where to look next, told by where the first look went."""

from __future__ import annotations

import numpy as np
import torch

from xmodal_lab.workbook.exercises.ch05.precision import FAR, FLOAT64, in_float32
from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception


def relative_bias(first, offsets):
    """First map (batch, H, W), table (2H − 1, 2W − 1) of offsets → the bias (batch, H, W)."""
    return collected(first, offsets, lambda i, j: j - i)


def collected(first, offsets, way, total=torch.sum):
    """Sum over the first places i of first[i] · table[way(i, j)], centred, for each place j."""
    down, across = (torch.arange(size, device=first.device) for size in first.shape[1:])
    rows = way(down[None, :], down[:, None]) + len(down) - 1  # (second row, first row)
    columns = way(across[None, :], across[:, None]) + len(across) - 1
    table = offsets[rows[:, None, :, None], columns[None, :, None, :]]
    return total(table * first[:, None, None], (3, 4))


def oracle(first, offsets):
    """From each first place to each second one."""
    _, height, width = first.shape
    bias = np.zeros(first.shape)
    for row, column in np.ndindex(height, width):
        for i, j in np.ndindex(height, width):
            entry = offsets[i - row + height - 1, j - column + width - 1]
            bias[:, i, j] += first[:, row, column] * entry
    return bias


def cases():
    random = torch.Generator().manual_seed(55)
    spot = torch.zeros(1, 3, 3)
    spot[0, 1, 2] = 1
    table = torch.randn(5, 5, generator=random)
    yield Case((spot, table), "all attention on one place of 3 × 3")
    for batch, height, width in ((2, 3, 4), (3, 4, 2), (2, 5, 5), (1, 1, 5), (4, 5, 1), (2, 8, 8)):
        first = torch.rand(batch, height, width, generator=random)
        first = first / first.sum((1, 2), keepdim=True)
        table = torch.randn(2 * height - 1, 2 * width - 1, generator=random)
        what = f"{batch} maps of {height} × {width}".replace("1 maps", "1 map")
        yield Case((first, table), what)
    # Half the offsets add 10⁹, half take it away: over an even map it cancels out.
    near = torch.randn(3, 7, generator=random, dtype=torch.float64)
    even = near.new_full((1, 2, 4), 1 / 8)
    yield Case((even, near), "an even map of 2 × 4, in float64", FLOAT64)
    signs = 1 - 2 * ((torch.arange(3)[:, None] + torch.arange(7)) % 2)
    yield Case((even, near + FAR * signs), "offsets of ±10⁹ that cancel out", FLOAT64)


def by_index(first, offsets, index):
    """One entry for each pair of places, at index(from, to, size) along each axis."""
    bias = torch.zeros_like(first)
    _, height, width = first.shape
    for row, column in np.ndindex(height, width):
        for i, j in np.ndindex(height, width):
            entry = offsets[index(row, i, height), index(column, j, width)]
            bias[:, i, j] = bias[:, i, j] + first[:, row, column] * entry
    return bias


def of_highest(first, offsets):
    """Offsets are counted from the one place that has most."""
    flat = first.flatten(1)
    spot = torch.zeros_like(flat).scatter(1, flat.argmax(1, keepdim=True), 1)
    return relative_bias(spot.view(first.shape), offsets)


SIGN = (
    "Is the offset turned round? From the first place i to the second place j it is j − i: "
    "`right of` is a positive step in columns."
)
CENTRE = "Where does offset (0, 0) stand? In the middle of the table, at [H − 1, W − 1]."

MISCONCEPTIONS = (
    Misconception(SIGN, lambda first, table: collected(first, table, lambda i, j: i - j)),
    Misconception(CENTRE, lambda first, table: by_index(first, table, lambda i, j, n: j - i)),
    Misconception(
        CENTRE, lambda first, table: by_index(first, table, lambda i, j, n: j - i + n // 2)
    ),
    Misconception(
        "Is the offset a distance? Left and right, above and below have entries of their own.",
        lambda first, table: by_index(first, table, lambda i, j, n: abs(j - i) + n - 1),
    ),
    Misconception(
        "Are rows and columns swapped? The table's first axis is the step down.",
        lambda first, table: relative_bias(first.mT, table).mT,
    ),
    Misconception(
        "Are rows and columns swapped? The table's first axis is the step down.",
        lambda first, table: relative_bias(first, table.T),
    ),
    Misconception(
        "Is that the mean over the first places? They are added up, weighted by `first`.",
        lambda first, table: collected(first, table, lambda i, j: j - i, torch.mean),
    ),
    Misconception(
        "Did you take only the place that has most? All places count, weighted by `first`.",
        of_highest,
    ),
    Misconception(
        "Did you use `first`? It says how much each first place counts.",
        lambda first, table: relative_bias(torch.ones_like(first), table),
    ),
    Misconception(
        "Does the place i of `first` belong to the second place? Sum over the first places.",
        lambda first, table: relative_bias(torch.ones_like(first), table) * first,
    ),
    Misconception(
        "Is there a softmax? The plain sum is asked for.",
        lambda first, table: relative_bias(first, table).flatten(1).softmax(1).view(first.shape),
    ),
    Misconception(
        "Is `first` added in? Only the weighted sum of offsets is asked for.",
        lambda first, table: relative_bias(first, table) + first,
    ),
    Misconception(
        "Is that the first map's bias in every row? Each map has its own.",
        lambda first, table: relative_bias(first[:1].expand_as(first), table),
    ),
    Misconception(
        "Did you add up the maps of the batch? Each map has its own bias.",
        lambda first, table: relative_bias(first.sum(0, keepdim=True).expand_as(first), table),
    ),
    in_float32(relative_bias),
)

EXERCISE = Exercise(
    reference=relative_bias,
    oracle=oracle,
    cases=cases,
    result=Entries(if_shape="One bias for each place of each map: the shape of `first`."),
    misconceptions=MISCONCEPTIONS,
    advice="b[j] is the sum over first places i of first[i] · table[j − i + (H − 1, W − 1)].",
    praise="equal to an explicit loop on 9 batches of maps, gradients included",
    gradient=("first", "offsets"),
    at_size=AtSize(
        lambda: (torch.rand(96, 8, 8), torch.randn(15, 15)), "96 maps of 8 × 8", calls=100
    ),
)
