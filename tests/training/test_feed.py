"""Every step gets its own rows, from the device or by the stream."""

import numpy as np
import pytest
import torch

from xmodal_lab.batch import pad
from xmodal_lab.training import feed as room
from xmodal_lab.training.feed import Feed
from xmodal_lab.training.order import easy_first, shuffled

CPU = torch.device("cpu")
ROWS = 30
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


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
    feed = Feed(data(), order, CPU, last=19)
    for step in [*range(20), 3, 17, 0, 0]:
        rows, batch = feed(step)
        assert rows.equal(order(step))
        assert holds(rows, batch)


def test_data_that_is_there_already_is_not_copied():
    whole = data()
    feed = Feed(whole, shuffled(ROWS, 7), CPU, last=0)
    assert feed.resident
    assert feed.data["x"].data_ptr() == whole["x"].data_ptr()


def test_what_a_step_does_to_its_batch_does_not_reach_the_data():
    feed = Feed(data(), shuffled(ROWS, 7), CPU, last=5)
    _, batch = feed(0)
    batch["x"].zero_()
    batch["words"].values.zero_()
    assert holds(*feed(0))


def test_modalities_of_different_length_are_refused_under_a_given_order():
    uneven = data()
    uneven["x"] = uneven["x"][:-1]
    with pytest.raises(ValueError, match="'x': 29, 'words': 30"):
        Feed(uneven, lambda step: torch.arange(4), CPU, last=0)


@GPU
@pytest.mark.parametrize("resident", [True, False])
def test_a_gpu_gets_the_same_rows_either_way(resident, monkeypatch):
    if not resident:
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (0, 0))
    order, device = shuffled(ROWS, 7), torch.device("cuda")
    feed = Feed(data(), order, device, last=19)
    assert feed.resident == resident
    for step in [*range(20), 3, 17, 0, 0]:
        _, batch = feed(step)
        assert batch["x"].device.type == "cuda"
        assert holds(order(step), batch)


class Stream:
    """Stands in for a CUDA stream; counts who waits for it."""

    waits = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def wait_stream(self, other):
        Stream.waits += 1


def test_the_stream_fetches_one_step_ahead_and_not_beyond_the_last(monkeypatch):
    """The order of its work, without a GPU: what is fetched, when, and how often."""
    asked, order = [], shuffled(ROWS, 7)

    def watched(step):
        asked.append(step)
        return order(step)

    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: stream)
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda self, stream: None)
    monkeypatch.setattr(room, "_pinned", lambda batch: batch)
    feed = Feed(data(), watched, CPU, last=3)
    feed.resident, feed.stream = False, Stream()
    for step in (0, 1, 2, 3):
        rows, batch = feed(step)
        assert rows.equal(order(step)) and holds(rows, batch)
        assert asked == list(range(min(step + 2, 4)))
    assert Stream.waits == 4
    feed(1)  # a jump back, as after a resumption, fetches anew
    assert asked == [0, 1, 2, 3, 1, 2]
