"""The kernel explorer answers what a convolution written as a loop answers."""

import numpy as np
import pytest
import torch

from xmodal_lab.workbook.demos.kernels import KERNELS, KernelExplorer, read_nine
from xmodal_lab.workbook.kit.figures import alt_of

PICTURE = np.random.default_rng(0).integers(0, 256, (3, 11, 14)).astype(np.uint8)


def answer(fig):
    return fig.axes[2].images[0].get_array()


def by_hand(kernel, padding, stride, dilation):
    grey = np.pad(PICTURE.astype(float).mean(0), padding)
    reach = 2 * dilation
    return np.array(
        [
            [
                sum(
                    grey[row + i * dilation, column + j * dilation] * kernel[3 * i + j]
                    for i in range(3)
                    for j in range(3)
                )
                for column in range(0, grey.shape[1] - reach, stride)
            ]
            for row in range(0, grey.shape[0] - reach, stride)
        ]
    )


@pytest.mark.parametrize("slid", [(0, 1, 1), (1, 2, 1), (3, 1, 4), (2, 3, 2)])
def test_a_kernel_slides_as_asked(slid):
    padding, stride, dilation = slid
    fig = KernelExplorer({"it": PICTURE}).slide("it", "vertical edges", "", *slid)
    wanted = by_hand(KERNELS["vertical edges"], padding, stride, dilation)
    np.testing.assert_allclose(answer(fig), wanted, rtol=1e-4, atol=1e-2)
    assert fig.axes[2].get_title().endswith(f"{wanted.shape[0]} × {wanted.shape[1]}")
    assert f"stride {stride}, dilation {dilation}" in alt_of(fig)


def test_typed_numbers_take_the_place_of_the_kernel():
    fig = KernelExplorer({"it": PICTURE}).slide(kernel="blur", numbers="0 0 0, 0 -1 0, 0 0 0")
    np.testing.assert_allclose(answer(fig), -PICTURE.mean(0), rtol=1e-5)
    assert [text.get_text() for text in fig.axes[1].texts][4] == "−1"


def test_a_kernel_that_makes_brightness_stays_within_its_levels():
    shown = answer(KernelExplorer({"it": PICTURE}).slide(kernel="sharpen"))
    assert shown.min() >= 0 and shown.max() <= 255


@pytest.mark.parametrize(
    "text", ["1 2 3 4 5 6 7 8 9", "[[1,2,3],[4,5,6],[7,8,9]]", " 1;2;3\n4 5 6 7,8 9 "]
)
def test_nine_numbers_are_read_in_any_form(text):
    assert torch.equal(read_nine(text), torch.arange(1.0, 10))


@pytest.mark.parametrize(
    "text", ["1 2 3", "1 2 3 4 5 6 7 8 9 10", "one two", "1 2 3 4 5 6 7 8 inf"]
)
def test_anything_else_gets_told_what_is_wanted(text):
    with pytest.raises(ValueError, match="nine numbers"):
        read_nine(text)
