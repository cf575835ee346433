"""The pointing game, counted by hand."""

import pytest
import torch

from xmodal_lab.evaluation.saliency import chance, pointing_game


def test_the_highest_pixel_lies_in_the_mask_or_not():
    maps = torch.zeros(3, 2, 3)
    maps[0, 0, 2], maps[1, 1, 1], maps[2, 1, 0] = 5, 0.1, 7
    masks = torch.zeros(3, 2, 3, dtype=torch.bool)
    masks[:, 0, 2] = masks[:, 1, 1] = True
    assert pointing_game(maps, masks).tolist() == [1, 1, 0]


def test_of_equal_pixels_the_share_in_the_mask_counts():
    masks = torch.zeros(2, 2, 2, dtype=torch.bool)
    masks[:, 0, 0] = True
    maps = torch.tensor([[[1.0, 1], [0, 0]], [[0.0, 0], [0, 0]]])
    assert pointing_game(maps, masks).tolist() == [0.5, 0.25]


def test_blind_guessing_scores_the_chance():
    torch.manual_seed(0)
    masks = torch.rand(4000, 6, 6) < 0.2
    found = pointing_game(torch.rand(4000, 6, 6), masks).mean().item()
    assert found == pytest.approx(chance(masks), abs=0.02)
    assert pointing_game(torch.ones(4000, 6, 6), masks).mean().item() == pytest.approx(
        chance(masks), abs=1e-6
    )
