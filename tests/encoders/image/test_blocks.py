"""The blocks do what their formulas say."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from xmodal_lab.encoders.image import Convolution, basic_block, bottleneck_block


def maps(channels=6, side=9):
    return torch.randn(2, channels, side, side)


def stirred(block: nn.Module) -> nn.Module:
    """BatchNorms that do something, in evaluation mode."""
    for part in block.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias)
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
    return block.eval()


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_convolution_is_the_sum_over_its_window(kernel, relu):
    block, x = Convolution(2, 3, kernel, norm=False, relu=relu).eval(), maps(2, 6)
    nn.init.normal_(block.convolution.bias)
    padded, weight = F.pad(x, [kernel // 2] * 4), block.convolution.weight
    wanted = torch.empty(2, 3, 6, 6)
    for line in range(6):
        for column in range(6):
            window = padded[:, None, :, line : line + kernel, column : column + kernel]
            wanted[:, :, line, column] = (window * weight).sum((2, 3, 4)) + block.convolution.bias
    wanted = wanted.clamp(min=0) if relu else wanted
    torch.testing.assert_close(block(x), wanted, atol=1e-5, rtol=0)


def test_batch_norm_comes_between_convolution_and_relu():
    block, x = stirred(Convolution(4, 5)), maps(4)
    norm, raw = block.norm, F.conv2d(x, block.convolution.weight, padding=1)
    mean, var, scale, shift = (
        v[:, None, None] for v in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    wanted = F.relu((raw - mean) / (var + norm.eps).sqrt() * scale + shift)
    torch.testing.assert_close(block(x), wanted, atol=1e-5, rtol=0)
    assert block.convolution.bias is None  # BatchNorm would take it away again


def test_a_shift_of_the_picture_is_a_shift_of_the_map():
    """Away from the border, where the zeros come in."""
    block, x = stirred(Convolution(4, 5)), maps(4, 16)
    moved = torch.roll(x, (2, 3), (2, 3))
    wanted = torch.roll(block(x), (2, 3), (2, 3))
    found = block(moved)
    torch.testing.assert_close(found[..., 5:-3, 5:-3], wanted[..., 5:-3, 5:-3], atol=1e-5, rtol=0)
    assert not torch.allclose(found, wanted, atol=1e-3)


def test_kernels_start_with_the_variance_of_he():
    weight = Convolution(32, 64, 3).convolution.weight
    assert weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.03)


@pytest.mark.parametrize("make", [basic_block, bottleneck_block])
def test_a_residual_block_that_has_learned_nothing_hands_on_its_input(make):
    x = maps(8).relu()
    block = make(8, 8).eval()
    nn.init.zeros_(block.main[-1].norm.weight)
    assert block(x).equal(x)
    plain = make(8, 8, skip=False).eval()
    nn.init.zeros_(plain.main[-1].norm.weight)
    assert plain(x).count_nonzero() == 0


@pytest.mark.parametrize("make", [basic_block, bottleneck_block])
@pytest.mark.parametrize(("width", "stride"), [(8, 1), (8, 2), (12, 1), (12, 2)])
def test_main_way_and_shortcut_are_added_before_the_last_relu(make, width, stride):
    block, x = stirred(make(8, width, stride)), maps(8)
    wanted = F.relu(block.main(x) + block.shortcut(x))
    assert block(x).equal(wanted)
    assert wanted.shape == (2, width, -(-9 // stride), -(-9 // stride))
    assert isinstance(block.shortcut, nn.Identity) == (width == 8 and stride == 1)
    assert (block.main(x) < 0).any()  # the last convolution has no ReLU of its own


def test_a_bottleneck_convolves_at_a_quarter_of_the_width_and_strides_there():
    block = bottleneck_block(16, 64, 2)
    found = [(c.convolution.out_channels, c.convolution.kernel_size, c.convolution.stride)
             for c in block.main]  # fmt: skip
    assert found == [(16, (1, 1), (1, 1)), (16, (3, 3), (2, 2)), (64, (1, 1), (1, 1))]
