"""Tokens know what they are and where they stand."""

import pytest
import torch

from xmodal_lab.batch import Padded
from xmodal_lab.fusion.tokens import TokenEmbedding, merge_neighbours


def test_a_token_is_content_plus_modality_plus_position():
    made = TokenEmbedding({"text": 5, "image": 4}, 8, {"image": (2, 3)})
    image = Padded(torch.randn(1, 6, 4), torch.tensor([6]))
    found = made({"image": image})["image"].values
    grid = made.positions["of image"]
    for cell in range(6):
        line, column = divmod(cell, 3)
        wanted = made.project[1](image.values[0, cell]) + made.modality[1]
        wanted = wanted + grid.lines.places[line] + grid.columns.places[column]
        torch.testing.assert_close(found[0, cell], wanted)


def test_places_of_an_unknown_modality_are_refused():
    with pytest.raises(ValueError, match="places of 'audio', but the modalities are"):
        TokenEmbedding({"text": 5}, 8, {"audio": 3})


def test_four_neighbours_become_one_cell():
    """Cells are numbered; each merged one holds a square of the grid, its lines in order."""
    numbers = torch.arange(4 * 6.0).reshape(1, 24, 1)
    merged = merge_neighbours(Padded(numbers, torch.tensor([24])), (4, 6))
    assert merged.lengths.tolist() == [6]
    assert merged.values[0].tolist() == [
        [0, 1, 6, 7],
        [2, 3, 8, 9],
        [4, 5, 10, 11],
        [12, 13, 18, 19],
        [14, 15, 20, 21],
        [16, 17, 22, 23],
    ]


@pytest.mark.parametrize("grid", [(3, 8), (4, 4)])
def test_a_grid_that_cannot_be_merged_is_refused(grid):
    with pytest.raises(ValueError, match="expected the cells of a grid of even sides, got 24"):
        merge_neighbours(Padded(torch.zeros(1, 24, 1), torch.tensor([24])), grid)
