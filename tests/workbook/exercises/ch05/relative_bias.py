"""Answers to `relative_bias` as people write them, and what they are told."""

import torch
from torch.nn import functional


def by_loops(first, offsets):
    _, height, width = first.shape
    bias = torch.zeros_like(first)
    for row in range(height):
        for column in range(width):
            # The part of the table that stands around this place.
            part = offsets[height - 1 - row :, width - 1 - column :][:height, :width]
            bias = bias + first[:, row, column, None, None] * part
    return bias


def by_transposed_convolution(first, offsets):
    _, height, width = first.shape
    full = functional.conv_transpose2d(first[:, None], offsets[None, None])[:, 0]
    return full[:, height - 1 : 2 * height - 1, width - 1 : 2 * width - 1]


def by_convolution(first, offsets):
    height, width = first.shape[1:]
    kernel = offsets.flip(0, 1)[None, None]
    return functional.conv2d(first[:, None], kernel, padding=(height - 1, width - 1))[:, 0]


def by_places(first, offsets):
    _, height, width = first.shape
    rows, columns = torch.meshgrid(
        torch.arange(height, device=first.device),
        torch.arange(width, device=first.device),
        indexing="ij",
    )
    rows, columns = rows.flatten(), columns.flatten()
    table = offsets[
        rows[:, None] - rows[None] + height - 1, columns[:, None] - columns[None] + width - 1
    ]
    return (first.flatten(1) @ table.T).view(first.shape)


def of_pairs(first, offsets, offset):
    """Each pair of places, with the entry of the table at offset(from, to, size)."""
    _, height, width = first.shape
    rows = []
    for i in range(height):
        for j in range(width):
            total = 0
            for row in range(height):
                for column in range(width):
                    entry = offsets[offset(row, i, height), offset(column, j, width)]
                    total = total + first[:, row, column] * entry
            rows.append(total)
    return torch.stack(rows, 1).view(first.shape)


def sign(first, offsets):
    return of_pairs(first, offsets, lambda i, j, n: i - j + n - 1)


def correlation(first, offsets):
    height, width = first.shape[1:]
    padding = (height - 1, width - 1)
    return functional.conv2d(first[:, None], offsets[None, None], padding=padding)[:, 0]


def from_the_corner(first, offsets):
    return of_pairs(first, offsets, lambda i, j, n: j - i)


def off_by_one(first, offsets):
    return of_pairs(first, offsets, lambda i, j, n: (j - i + n) % (2 * n - 1))


def distances(first, offsets):
    return of_pairs(first, offsets, lambda i, j, n: n - 1 + abs(i - j))


def table_transposed(first, offsets):
    return by_loops(first, offsets.T if offsets.shape[0] == offsets.shape[1] else offsets)


def as_if_square(first, offsets):
    _, height, width = first.shape
    rows = torch.arange(height * width)
    down, across = rows // height, rows % height
    table = offsets[
        (down[:, None] - down[None] + height - 1).clamp(0, 2 * height - 2),
        (across[:, None] - across[None] + width - 1).clamp(0, 2 * width - 2),
    ]
    return (first.flatten(1) @ table.T).view(first.shape)


def centre_of_mass(first, offsets):
    return by_places(first, offsets) / first[0].numel()


def where_it_is_highest(first, offsets):
    _, height, width = first.shape
    parts = []
    for place in first.flatten(1).argmax(1).tolist():
        row, column = divmod(place, width)
        parts.append(offsets[height - 1 - row :, width - 1 - column :][:height, :width])
    return torch.stack(parts)


def shares(first, offsets):
    return by_loops(first / first.sum(dim=(1, 2))[:, None, None], offsets)


def all_alike(first, offsets):
    return by_loops(torch.ones_like(first), offsets)


def own_place(first, offsets):
    return all_alike(first, offsets) * first


def normed(first, offsets):
    bias = by_loops(first, offsets)
    return torch.softmax(bias.flatten(1), -1).view_as(bias)


def one_map(first, offsets):
    return by_loops(first[:1], offsets).expand_as(first)


def flat(first, offsets):
    return by_places(first, offsets).flatten(1)


def of_3_by_4(first, offsets):
    return by_loops(first, offsets) if first.shape[1] < 5 else torch.zeros_like(first)


def first_detached(first, offsets):
    return by_loops(first.detach(), offsets)


def table_detached(first, offsets):
    return by_places(first, offsets.detach())


def float32(first, offsets):
    return by_places(first.float(), offsets.float())


def into_first(first, offsets):
    first /= first.sum((1, 2), keepdim=True) + 1
    return by_loops(first, offsets)


RIGHT = by_loops, by_transposed_convolution, by_convolution, by_places
WRONG = (
    (sign, "Is the offset turned round?"),
    (correlation, "Is the offset turned round?"),
    (from_the_corner, "Where does offset (0, 0) stand?"),
    (off_by_one, "b[j] is the sum over first places i of"),
    (distances, "Is the offset a distance?"),
    (table_transposed, "Are rows and columns swapped?"),
    (as_if_square, "2 maps of 3 × 4: entry"),
    (centre_of_mass, "Is that the mean over the first places?"),
    (where_it_is_highest, "Did you take only the place that has most?"),
    (shares, "Did you divide by the sum of `first`?"),
    (all_alike, "Did you use `first`?"),
    (own_place, "Does the place i of `first` belong to the second place?"),
    (normed, "Is there a softmax?"),
    (one_map, "Is that the first map's bias in every row?"),
    (flat, "the shape should be [1, 3, 3], yours is [1, 9]. One bias for each place"),
    (of_3_by_4, "2 maps of 5 × 5: entry"),
    (first_detached, "the gradient of `first` is not"),
    (table_detached, "the gradient of `offsets` is not"),
    (float32, "These numbers are float64, and float32 is too coarse"),
    (into_first, "changes its input `first`"),
)
