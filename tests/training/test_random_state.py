"""All random numbers that training draws can be put back to where they were."""

import io
import random

import numpy as np
import pytest
import torch

from xmodal_lab.training.random_state import random_state, restore_random_state


def draw() -> list[float]:
    """From every generator, and one of each that keeps a second Gaussian in hand."""
    return [
        *torch.rand(3).tolist(),
        *torch.randn(17).tolist(),
        *np.random.rand(3).tolist(),
        np.random.standard_normal(),
        random.random(),
        random.gauss(0, 1),
    ]


@pytest.mark.parametrize("draws", [0, 1, 2, 300])
def test_the_same_numbers_come_again(draws):
    for _ in range(draws):  # 300: beyond one filling of the Mersenne twister's table
        draw()
    state = random_state()
    first, second = draw(), draw()
    assert first != second
    restore_random_state(state)
    assert [draw(), draw()] == [first, second]


def test_a_state_is_a_copy_and_can_be_used_again():
    state = random_state()
    wanted = draw()
    for _ in range(3):
        draw()
        restore_random_state(state)
        assert draw() == wanted


def test_looking_draws_nothing():
    torch.manual_seed(1), np.random.seed(1), random.seed(1)
    wanted = draw()
    torch.manual_seed(1), np.random.seed(1), random.seed(1)
    random_state()
    assert draw() == wanted


def test_a_state_survives_a_file_that_may_hold_no_code():
    state = random_state()
    wanted = draw()
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    restore_random_state(torch.load(file, weights_only=True))
    assert draw() == wanted


def test_a_state_from_a_gpu_is_read_without_one():
    state = random_state()
    wanted = draw()
    if "cuda" not in state:
        state["cuda"] = torch.zeros(16, dtype=torch.uint8)
    restore_random_state(state)
    assert draw() == wanted
