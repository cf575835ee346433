"""The receptive-field picker: the cell that was asked for, in the frame of what it can see."""

import pytest
import torch

from xmodal_lab.encoders.image import DeepCNN
from xmodal_lab.workbook.demos.receptive_fields import FieldPicker
from xmodal_lab.workbook.kit.figures import alt_of

IMAGES = torch.randint(0, 256, (6, 3, 32, 32), generator=torch.Generator().manual_seed(0)).byte()


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return DeepCNN(8, width=8, cells=8)


def test_a_cell_moves_only_inside_its_frame(encoder):
    picker = FieldPicker(encoder, IMAGES)
    fig = picker.compare(["stem", "stage1_1"], line=0.5, column=0.25)
    for axis, layer, cell in zip(fig.axes[1:], ("stem", "stage1_1"), ((8, 4), (8, 4)), strict=True):
        (frame,) = axis.patches
        left, top = frame.get_xy()
        rows = slice(round(top + 0.5), round(top + 0.5 + frame.get_height()))
        columns = slice(round(left + 0.5), round(left + 0.5 + frame.get_width()))
        strength = axis.images[0].get_array().copy()
        assert (strength[rows, columns] > 0).any()
        strength[rows, columns] = 0
        assert (strength == 0).all()
        assert f"{layer}: cell {cell} of 16 × 16" in alt_of(fig)


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_the_first_and_the_last_cell_can_be_picked(encoder, end):
    assert "stage3_1: cell" in alt_of(FieldPicker(encoder, IMAGES).pick("stage3_1", end, end))


def test_a_layer_that_is_not_there_is_told_with_those_that_are(encoder):
    with pytest.raises(ValueError, match="no layer 'conv9': choose one of stem"):
        FieldPicker(encoder, IMAGES).pick("conv9")
