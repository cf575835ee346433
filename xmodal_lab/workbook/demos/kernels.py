"""The kernel explorer: choose a kernel or type nine numbers, and see what it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.workbook.charts.seeing import answers
from xmodal_lab.workbook.kit.figures import described

KERNELS = MappingProxyType(
    {
        "nothing": (0, 0, 0, 0, 1, 0, 0, 0, 0),
        "blur": (1 / 9,) * 9,
        "sharpen": (0, -1, 0, -1, 5, -1, 0, -1, 0),
        "vertical edges": (-1, 0, 1, -2, 0, 2, -1, 0, 1),
        "horizontal edges": (-1, -2, -1, 0, 0, 0, 1, 2, 1),
        "dots": (-1, -1, -1, -1, 8, -1, -1, -1, -1),
    }
)


class KernelExplorer:
    """Slides a kernel of 3 × 3 numbers over the brightness of a picture.

    Args:
        pictures: name → (3, height, width) levels.
    """

    def __init__(self, pictures: Mapping[str, np.ndarray]) -> None:
        self.pictures = dict(pictures)

    def slide(
        self,
        picture: str = "",
        kernel: str = "vertical edges",
        numbers: str = "",
        padding: int = 1,
        stride: int = 1,
        dilation: int = 1,
    ) -> Figure:
        """The picture, the kernel, and its answer.

        Args:
            picture: one of those given; the first by default.
            kernel: one of ``KERNELS``; not used where numbers are typed.
            numbers: nine numbers, line by line, such as '0 1 0  0 1 0  0 1 0'.
            padding: zeros around the picture.
            stride: pixels from window to window.
            dilation: pixels from one number of the kernel to the next.

        Raises:
            ValueError: for a text that does not hold nine numbers.
        """
        picture = picture or next(iter(self.pictures))
        chosen = read_nine(numbers) if numbers.strip() else torch.tensor(KERNELS[kernel]).float()
        grey = torch.tensor(np.asarray(self.pictures[picture])).float().mean(0)
        weights = chosen.reshape(1, 1, 3, 3)
        found = F.conv2d(grey[None, None], weights, None, stride, padding, dilation)[0, 0]
        if weights.sum() > 0.5:  # it makes brightness again, and not differences
            found = found.clamp(0, 255)
        size = "{} × {}".format(*found.shape)
        fig = answers(
            grey.numpy(),
            {"the kernel": weights[0, 0].numpy(), f"its answer: {size}": found.numpy()},
        )
        _write_numbers(fig, weights[0, 0])
        name = f"the numbers {numbers.strip()}" if numbers.strip() else f"the kernel “{kernel}”"
        slid = f"padding {padding}, stride {stride}, dilation {dilation}"
        return described(fig, f"“{picture}” under {name}, {slid}. {fig.alt}")


def read_nine(text: str) -> Float[Tensor, "9"]:
    """Nine numbers typed in any form, with spaces, commas or brackets between them.

    Raises:
        ValueError: for another number of numbers, or for what is no number.
    """
    words = re.split(r"[\s,;\[\]()]+", text.replace("−", "-").strip(" ,;[]()\n\t"))
    try:
        found = [float(word) for word in words]
    except ValueError as error:
        raise ValueError(f"{text!r}: write nine numbers, such as 0 1 0  0 1 0  0 1 0") from error
    if len(found) != 9 or not np.isfinite(found).all():
        raise ValueError(f"nine numbers are needed, line by line; these are {len(found)}")
    return torch.tensor(found)


def _write_numbers(fig: Figure, kernel: Float[Tensor, "3 3"]) -> None:
    paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1}
    for (row, column), value in np.ndenumerate(kernel.numpy()):
        shown = f"{value:.2g}".replace("-", "−")
        fig.axes[1].text(column, row, shown, ha="center", va="center", fontsize=11, bbox=paper)
