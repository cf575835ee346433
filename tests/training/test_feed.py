"""Every step gets its own rows, from the device or from pinned memory."""

import numpy as np
import pytest
import torch

from xmodal_lab.batch import Batch, pad
from xmodal_lab.training.feed import Feed
from xmodal_lab.training.order import easy_first, shuffled

CPU = torch.device("cpu")
ROWS = 30


def data() -> dict:
    return {
        "x": torch.arange(ROWS * 2).reshape(ROWS, 2),
        "words": pad([[row + 1] * (1 + row % 5) for row in range(ROWS)]),
    }


def holds(rows: torch.Tensor, batch: dict) -> bool:
    """Whether a batch is made of these rows, in this order, cut to the longest of them."""
    lengths = 1 + rows % 5
    words = batch["words"].values.cpu()
    return (
        batch["x"].cpu().equal(torch.stack([2 * rows, 2 * rows + 1], dim=1))
        and batch["words"].lengths.cpu().equal(lengths)
        and words.shape == (len(rows), int(lengths.max()))
        and all(
            line[:length].eq(row + 1).all() and line[length:].eq(0).all()
            for line, length, row in zip(words, lengths.tolist(), rows, strict=True)
        )
    )


@pytest.mark.parametrize("order", [shuffled(ROWS, 7), easy_first(np.ones(ROWS, bool), 5, 7)])
def test_a_step_gets_the_rows_of_its_number_whenever_it_is_asked(order):
    feed = Feed(data(), order, CPU)
    for step in [*range(20), 3, 17, 0, 0]:
        rows, batch = feed(step)
        assert rows.equal(order(step))
        assert holds(rows, batch)


def test_data_that_is_there_already_is_not_copied():
    whole = data()
    feed = Feed(whole, shuffled(ROWS, 7), CPU)
    assert feed.data["x"].data_ptr() == whole["x"].data_ptr()


def test_what_a_step_does_to_its_batch_does_not_reach_the_data():
    feed = Feed(data(), shuffled(ROWS, 7), CPU)
    _, batch = feed(0)
    batch["x"].zero_()
    batch["words"].values.zero_()
    assert holds(*feed(0))


def test_modalities_of_different_length_are_refused_under_a_given_order():
    uneven = data()
    uneven["x"] = uneven["x"][:-1]
    with pytest.raises(ValueError, match="'x': 29, 'words': 30"):
        Feed(uneven, lambda step: torch.arange(4), CPU)


@pytest.mark.gpu
@pytest.mark.parametrize("resident", [True, False])
def test_a_gpu_gets_the_same_rows_either_way(resident, monkeypatch, gpu):
    if gpu.type == "cpu" and not resident:
        pytest.skip("a rehearsal on the CPU: all data is there already")
    if not resident:
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (0, 0))
    order = shuffled(ROWS, 7)
    feed = Feed(data(), order, gpu)
    assert (feed.data["x"].device.type == gpu.type) == resident
    for step in [*range(20), 3, 17, 0, 0]:
        _, batch = feed(step)
        assert batch["x"].device.type == gpu.type
        assert holds(order(step), batch)


def test_data_that_does_not_fit_stays_where_it_was_and_its_rows_travel(monkeypatch):
    """The choice and the way of the rows, without a GPU: 'meta' stands for a device of its own."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (0, 0))
    monkeypatch.setattr(Batch, "pinned", lambda self: self)
    moved = []

    def to(self, device, non_blocking=False):
        moved.append((self.size, device.type, non_blocking))
        return self

    monkeypatch.setattr(Batch, "to", to)
    feed = Feed(data(), shuffled(ROWS, 7), torch.device("cuda"))
    assert moved == []
    rows, batch = feed(4)
    assert moved == [(7, "cuda", True)]
    assert holds(rows, batch)


def test_data_that_fits_is_moved_once_and_for_all(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (10**9, 10**9))
    moved = []
    monkeypatch.setattr(Batch, "to", lambda self, *_, **__: moved.append(self.size) or self)
    feed = Feed(data(), shuffled(ROWS, 7), torch.device("cuda"))
    assert moved == [ROWS] and feed.data["x"].equal(data()["x"])


def test_data_may_be_made_for_every_step():
    feed = Feed(lambda step: {"x": torch.full((4, 2), step)}, None, CPU)
    for step in (0, 5, 2):
        rows, batch = feed(step)
        assert rows.tolist() == [0, 1, 2, 3] and batch["x"].eq(step).all()
