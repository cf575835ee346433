"""Maps against boxes: counted by hand, and against a picture painted pixel by pixel."""

import pytest
import torch

from xmodal_lab.evaluation.grounding import cells_in, iou, iou_chance, pointing, pointing_chance


@pytest.fixture
def boxes():
    """300 boxes that end between pixels."""
    generator = torch.Generator().manual_seed(0)
    start = torch.randint(0, 46, (300, 2), generator=generator)
    return torch.cat(
        [start, start + torch.randint(1, 19, (300, 2), generator=generator)], 1
    ).float()


def painted(boxes):
    """Each box as 64 × 64 pixels."""
    found = torch.zeros(len(boxes), 64, 64, dtype=torch.bool)
    for row, (x0, y0, x1, y1) in enumerate(boxes.long().tolist()):
        found[row, y0:y1, x0:x1] = True
    return found


def test_cells_whose_middle_lies_in_the_box():
    box = torch.tensor([[2.0, 10.0, 14.0, 30.0]])  # middles at 4, 12, 20, 28, …
    found = cells_in(box)[0]
    assert found.nonzero().tolist() == [[1, 0], [1, 1], [2, 0], [2, 1], [3, 0], [3, 1]]
    assert cells_in(box, (2, 4))[0].nonzero().tolist() == [[0, 0]]


def test_a_box_between_the_middles_still_has_the_cell_of_its_own_middle():
    assert cells_in(torch.tensor([[5.0, 5.0, 11.5, 11.0]]))[0].nonzero().tolist() == [[1, 1]]
    assert cells_in(torch.tensor([[61.0, 61.0, 64.0, 64.0]]))[0].nonzero().tolist() == [[7, 7]]


def test_the_middle_of_every_box_has_a_cell_and_pixels_agree(boxes):
    found, pixels = cells_in(boxes), painted(boxes)
    assert found.any(2).any(1).all()
    # The pixel right and below of a cell's middle is in the box where the middle is.
    assert (found | ~pixels[:, 4::8, 4::8]).all()
    assert (found & ~pixels[:, 4::8, 4::8]).sum((1, 2)).max() <= 3


def test_pointing_at_the_right_cell_at_the_wrong_one_and_at_all(boxes):
    maps = cells_in(boxes).float()
    assert (pointing(maps, boxes) == 1).all()
    assert (pointing(1 - maps, boxes) == 0).all()
    everywhere = pointing(torch.ones(300, 8, 8), boxes)
    assert everywhere.mean().item() == pytest.approx(pointing_chance(boxes), rel=1e-5)
    turned = boxes[:, [1, 0, 3, 2]]  # rows and columns are not mixed up
    assert (pointing(maps.mT.contiguous(), turned) == 1).all()


@pytest.mark.parametrize("threshold", [0.2, 0.5, 1.0])
def test_iou_is_that_of_painted_pixels(boxes, threshold):
    maps = torch.rand(300, 8, 8, generator=torch.Generator().manual_seed(1)) ** 6
    high = maps >= threshold * maps.amax((1, 2), keepdim=True)
    high = high.repeat_interleave(8, 1).repeat_interleave(8, 2)
    box = painted(boxes)
    wanted = (high & box).sum((1, 2)) / (high | box).sum((1, 2))
    torch.testing.assert_close(iou(maps, boxes, threshold), wanted.double(), rtol=0, atol=1e-6)
    by_pairs = [
        ((high[i] & box[j]).sum() / (high[i] | box[j]).sum()).item()
        for i in range(20)
        for j in range(20)
        if i != j
    ]
    found = iou_chance(maps[:20], boxes[:20], threshold)
    assert found == pytest.approx(sum(by_pairs) / len(by_pairs), abs=1e-6)


def test_iou_is_one_where_cells_and_box_are_the_same_and_scale_does_not_matter():
    maps = torch.zeros(2, 8, 8)
    maps[0, 2:4, 1:4] = 0.01
    maps[1, 7, 7] = 30.0
    boxes = torch.tensor([[8.0, 16.0, 32.0, 32.0], [56.0, 56.0, 64.0, 64.0]])
    assert iou(maps, boxes).tolist() == [1, 1]
    assert iou(maps, boxes / 2, picture=32).tolist() == [1, 1]
    assert iou(maps, boxes.flip(0)).tolist() == [0, 0] and iou_chance(maps, boxes) == 0


@pytest.mark.parametrize(
    ("maps", "boxes", "threshold", "message"),
    [
        (torch.ones(2, 8, 8), [[0, 0, 4, 4], [float("nan")] * 4], 0.5, r"box 1 is \[nan"),
        (torch.ones(1, 8, 8), [[4, 0, 4, 4]], 0.5, "box 0 .*expected x0 < x1"),
        (torch.zeros(1, 8, 8), [[0, 0, 4, 4]], 0.5, "map 0 is nowhere positive"),
        (torch.ones(1, 8, 8), [[0, 0, 4, 4]], 0.0, "threshold .* got 0"),
        (torch.ones(1, 8, 8), [[0, 0, 4, 4]], 1.5, "threshold .* got 1.5"),
    ],
)
def test_what_cannot_be_scored_is_refused(maps, boxes, threshold, message):
    with pytest.raises(ValueError, match=message):
        iou(maps, torch.tensor(boxes, dtype=torch.float), threshold)


def test_chance_needs_other_rows():
    with pytest.raises(ValueError, match="at least two rows, got 1"):
        iou_chance(torch.ones(1, 8, 8), torch.tensor([[0.0, 0, 4, 4]]))
