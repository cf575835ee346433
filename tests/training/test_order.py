"""Which rows a step takes: whole epochs, the same each time, however they are asked for."""

import numpy as np
import pytest
import torch

from xmodal_lab.training.order import easy_first, shuffled


def epoch(order, number: int, batches: int) -> list[int]:
    return torch.cat([order(number * batches + i) for i in range(batches)]).tolist()


@pytest.mark.parametrize("rows, size", [(12, 4), (13, 4), (4, 4), (7, 1)])
def test_every_epoch_takes_each_row_at_most_once(rows, size):
    order, batches = shuffled(rows, size), rows // size
    seen = set()
    for number in range(20):
        taken = epoch(order, number, batches)
        assert len(taken) == len(set(taken)) == batches * size
        assert set(taken) <= set(range(rows))
        seen |= set(taken)
    assert seen == set(range(rows))  # what one epoch leaves out, another takes


def test_epochs_are_shuffled_anew_and_seeds_differ():
    order = shuffled(40, 40)
    assert not order(0).equal(order(1))
    assert not order(0).equal(shuffled(40, 40, seed=1)(0))


def test_a_step_does_not_depend_on_the_steps_before_it():
    straight = shuffled(21, 4, seed=3)
    wanted = [straight(step) for step in range(30)]
    again, backwards = shuffled(21, 4, seed=3), shuffled(21, 4, seed=3)
    for step in np.random.default_rng(0).permutation(30).tolist():
        assert again(step).equal(wanted[step])
    for step in reversed(range(30)):
        assert backwards(step).equal(wanted[step])
    assert shuffled(21, 4, seed=3)(17).equal(wanted[17])  # as after a resumption


def test_the_generator_of_torch_is_left_alone():
    before = torch.random.get_rng_state()
    shuffled(100, 10)(57)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("form", [list, np.array, torch.tensor])
def test_only_the_given_rows_are_taken(form):
    numbers = [3, 5, 8, 13, 21, 34]
    order = shuffled(form(numbers), 3)
    assert sorted(epoch(order, 0, 2)) == numbers


@pytest.mark.parametrize("rows", [0, 3])
def test_fewer_rows_than_a_batch_are_refused(rows):
    with pytest.raises(ValueError, match=f"a batch of 4 needs as many rows, got {rows}"):
        shuffled(rows, 4)


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_of_nothing_is_refused(size):
    with pytest.raises(ValueError, match=f"batch_size must be at least 1, got {size}"):
        shuffled(10, size)


EASY = np.arange(30) % 3 == 0


def test_easy_rows_come_first_and_then_all():
    order = easy_first(EASY, steps=9, batch_size=5)
    first = torch.cat([order(step) for step in range(9)])
    assert EASY[first.numpy()].all() and len(first.unique()) == 10
    later = torch.cat([order(step) for step in range(9, 15)])
    assert sorted(later.tolist()) == list(range(30))  # one whole epoch from there on
    assert order(2).equal(easy_first(EASY, steps=9, batch_size=5)(2))


def test_no_easy_steps_is_plain_shuffling():
    order, plain = easy_first(EASY, steps=0, batch_size=5, seed=2), shuffled(30, 5, 2)
    assert all(order(step).equal(plain(step)) for step in range(12))
    easy_first(np.zeros(30, bool), steps=0, batch_size=5)  # no easy row is needed then


def test_too_few_easy_rows_are_refused():
    with pytest.raises(ValueError, match="a batch of 11 needs as many rows, got 10"):
        easy_first(EASY, steps=1, batch_size=11)
