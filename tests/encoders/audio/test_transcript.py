"""CTC written out against every path there is, and against torch's."""

from itertools import product

import pytest
import torch
from torch.nn import functional as F

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.audio.transcript import collapse, ctc_loss, greedy


def log_probabilities(frames: int, symbols: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(frames, symbols, generator=random, dtype=torch.float64).log_softmax(1)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ([0, 3, 3, 0, 3, 5], [3, 3, 5]),
        ([3, 3, 3], [3]),
        ([0, 0], []),
        ([], []),
        ([1, 2, 1], [1, 2, 1]),
    ],
)
def test_a_path_collapses(path, said):
    assert collapse(path) == said


def test_the_blank_may_have_another_number():
    assert collapse([2, 0, 0, 2, 0], blank=2) == [0, 0]


@pytest.mark.parametrize("transcript", [[], [1], [1, 1], [2, 1], [1, 2, 2]])
def test_the_loss_is_the_sum_over_all_paths(transcript):
    table = log_probabilities(5, 3)
    paths = [p for p in product(range(3), repeat=5) if collapse(p) == transcript]
    total = sum(table[range(5), path].sum().exp() for path in map(list, paths))
    torch.testing.assert_close(ctc_loss(table, transcript), -total.log())


@pytest.mark.parametrize("seed", range(4))
def test_value_and_gradient_equal_torchs(seed):
    table = log_probabilities(12, 6, seed).requires_grad_()
    said = torch.randint(1, 6, (4,), generator=torch.Generator().manual_seed(seed))
    own = ctc_loss(table, said.tolist())
    size = torch.tensor([12]), torch.tensor([4])
    torchs = F.ctc_loss(table[:, None], said[None], *size, reduction="sum")
    torch.testing.assert_close(own, torchs)
    # torch's gradient is that of the logits before the softmax.
    logits = log_probabilities(12, 6, seed).requires_grad_()
    (mine,) = torch.autograd.grad(ctc_loss(logits.log_softmax(1), said.tolist()), logits)
    again = F.ctc_loss(logits.log_softmax(1)[:, None], said[None], *size, reduction="sum")
    (theirs,) = torch.autograd.grad(again, logits)
    torch.testing.assert_close(mine, theirs)


def test_too_few_frames_are_infinitely_improbable():
    assert ctc_loss(log_probabilities(2, 3), [1, 1]).item() == float("inf")
    assert ctc_loss(log_probabilities(3, 3), [1, 1]).isfinite()


def test_a_symbol_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"symbols 0 … 2 without 0, got \[3, 0\]"):
        ctc_loss(log_probabilities(4, 3), [1, 3, 0])


def test_greedy_reads_real_frames_only():
    path = torch.tensor([[0, 2, 2, 0, 1, 1], [1, 0, 1, 2, 2, 2]])
    rows = Padded(F.one_hot(path, 3).float(), torch.tensor([6, 3]))
    assert greedy(rows) == [[2, 1], [1, 1]]
