"""Cells of a grid and the offsets between them."""

import math

from xmodal_lab.fusion.grids import directions, offsets

GRID = (3, 5)  # not square: lines and columns cannot be mistaken for each other


def test_offsets_are_read_line_by_line_from_the_middle():
    table = offsets(GRID)
    middle = 2 * 9 + 4  # a table of 5 × 9: line 2, column 4
    assert (table.diagonal() == middle).all()
    assert table[0, 1] == middle + 1 and table[0, 5] == middle + 9
    assert table.unique().numel() == 5 * 9


def test_directions_are_cosines_of_the_angle_to_the_way():
    found = directions(GRID, 3).view(3, 5, 9)
    for pattern in range(3):
        for down in range(-2, 3):
            for right in range(-4, 5):
                angle = math.atan2(down, right) - 2 * math.pi * pattern / 3
                wanted = math.cos(angle) if (down, right) != (0, 0) else 0.0
                value = found[pattern, down + 2, right + 4].item()
                assert math.isclose(value, wanted, abs_tol=1e-6)
