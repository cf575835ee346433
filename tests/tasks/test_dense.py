"""Every cell says what stands there: shares that can be counted, a loss, figures."""

import math

import pytest
import torch

from xmodal_lab.batch import Batch
from xmodal_lab.datasets import crowds
from xmodal_lab.datasets.crowds import Crowd, Placed
from xmodal_lab.datasets.scenes import Thing
from xmodal_lab.encoders.image import GridCNN
from xmodal_lab.tasks.dense import (
    GROUPS,
    MAPS,
    SPANS,
    DenseReader,
    dense_loss,
    dense_scores,
    things_in_cells,
)
from xmodal_lab.training.backward import backward

STAR, RING, MOON = Thing("star", "red", "small"), Thing("ring", "red", "large"), Thing(
    "moon", "cyan", "small"
)  # fmt: skip


def crowd(x: float = 12.0, y: float = 28.0) -> Crowd:
    """A star whose middle is given; two others far away."""
    return Crowd((Placed(STAR, x, y, 6.0), Placed(RING, 40.0, 44.0, 9.0), Placed(MOON, 52, 12, 6)))


def shares(x: float, y: float) -> torch.Tensor:
    """Of the star, in lines and columns."""
    return things_in_cells([crowd(x, y)])[0, :, MAPS.index("star")].view(8, 8)


def test_a_thing_in_the_middle_of_a_cell_is_in_this_cell_alone():
    found = shares(12.0, 28.0)  # column 1 reaches from 8 to 16, line 3 from 24 to 32
    assert found[3, 1] == 1 and found.sum() == 1


def test_a_thing_on_a_border_belongs_to_both_sides_by_nearness():
    found = shares(16.0, 26.0)  # between columns 1 and 2; two pixels above the middle of line 3
    wanted = torch.zeros(8, 8)
    wanted[2, 1:3], wanted[3, 1:3] = 0.125, 0.375
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("place", [(9.0, 9.0), (20.3, 31.7), (7.5, 55.0), (12.0, 8.0)])
def test_shares_sum_to_one_and_their_middle_is_the_thing_s(place):
    found = shares(*place)
    assert found.sum().item() == pytest.approx(1, abs=1e-6)
    middles = torch.arange(8) * 8 + 4.0
    x, y = (found.sum(0) @ middles).item(), (found.sum(1) @ middles).item()
    assert (x, y) == pytest.approx(place, abs=1e-4)


def test_at_the_border_of_the_picture_the_last_cell_takes_all():
    edge = Crowd((Placed(STAR, 32, 32, 6), Placed(RING, 62, 12, 2), Placed(MOON, 12, 12, 6)))
    ring = things_in_cells([edge])[0, :, MAPS.index("ring")].view(8, 8)
    assert ring[1, 7] == 1 and ring.sum() == 1


def test_sums_of_maps_are_counts_of_crowds():
    sampled = crowds.sample_crowds("val", 60)
    maps = things_in_cells(sampled)
    assert maps.shape == (60, 64, 19) and maps.min() >= 0 and maps.max() <= 1
    for row, one in enumerate(sampled):
        for name in MAPS:
            wanted = sum(name in ("thing", t.colour, t.shape, t.size) for t in one.things)
            assert maps[row, :, MAPS.index(name)].sum().item() == pytest.approx(wanted, abs=0.1)


def test_the_columns_of_the_groups():
    assert len(MAPS) == len(set(MAPS)) == 19
    for group, names in GROUPS.items():
        assert [MAPS[i] for i in SPANS[group]] == list(names)


def reader() -> DenseReader:
    torch.manual_seed(0)
    return DenseReader(GridCNN((4, 6, 8)))


def data(rows: int = 6) -> Batch:
    shown = crowds.load("val", rows)
    return Batch(image=torch.from_numpy(shown.images), things=things_in_cells(shown.crowds))


def test_the_loss_equals_loops_and_parts_of_a_batch_add_up():
    model, batch = reader().eval(), data(3)
    logits = model(batch)
    p, wanted = logits.double().sigmoid(), 0.0
    for share, truth in zip(p.flatten().tolist(), batch["things"].flatten().tolist(), strict=True):
        wanted -= (truth * math.log(share) + (1 - truth) * math.log1p(-share)) / 3
    assert dense_loss(logits, batch).item() == pytest.approx(wanted, rel=1e-5)
    split = backward(model, dense_loss, batch, 2)
    torch.testing.assert_close(split[""], dense_loss(logits, batch).detach())


class Telling(torch.nn.Module):
    """A reader that gives logits it was handed, row by row."""

    def __init__(self, maps: torch.Tensor):
        super().__init__()
        self.maps, self.own = maps, torch.nn.Linear(1, 1)

    def forward(self, batch):
        return torch.logit(self.maps[batch["row"]])


def test_scores_of_maps_made_by_hand():
    truth = things_in_cells(crowds.sample_crowds("val", 40))
    rows = Batch(row=torch.arange(40), things=truth)
    assert set(dense_scores(Telling(truth), rows, chunk=7).values()) == {1.0}
    # All red maps empty: colours lose exactly them, the other groups nothing.
    blind, red = truth.clone(), MAPS.index("red")
    blind[:, :, red] = 0
    found = dense_scores(Telling(blind), rows, chunk=7)
    colour = truth[:, :, SPANS["colour"]]
    seen = colour.sum() - truth[:, :, red].sum()
    assert found["colour F1"] == pytest.approx((2 * seen / (colour.sum() + seen)).item())
    there = (colour.sum(1).round() > 0).sum(0)
    reds = there[list(GROUPS["colour"]).index("red")]
    assert found["colour count"] == pytest.approx((1 - reds / there.sum()).item())
    assert [found[f"{g} F1"] for g in ("thing", "shape", "size")] == [1, 1, 1]
