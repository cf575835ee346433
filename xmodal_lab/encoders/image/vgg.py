"""VGG16: thirteen convolutions of 3 × 3 pixels, and three dense layers."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.image.blocks import Convolution, named
from xmodal_lab.encoders.image.picture import Images, Maps, PictureEncoder, standardised

DEPTHS = (2, 2, 3, 3, 3)  # convolutions before each pooling


class VGG16(PictureEncoder):
    """A 224 × 224 picture → 4,096 numbers: five times convolve and halve, then two dense layers.

    138,357,544 parameters as published, nine tenths of them in the dense layers. The vector is
    ``fc7``, what the last dense layer but one gives; the class scores behind it say only how much
    a picture looks like each of the 1,000 classes.

    Shapes: (batch, 3, size, size) levels 0–255 → states (batch, (size / 32)², 512), the cells line
    by line → (batch, dense); ``scores``: (batch, classes).

    Args:
        widths: channels of the five groups of convolutions.
        dense: size of the two dense layers.
        classes: how many the scores are for.
        size: pixels a side of a picture, a multiple of 32.

    Raises:
        ValueError: for another size, or pictures of another shape.

    Source: Simonyan and Zisserman 2015, configuration D.
    """

    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 256, 512, 512),
        dense: int = 4096,
        classes: int = 1000,
        size: int = 224,
    ) -> None:
        super().__init__()
        if size < 32 or size % 32:
            raise ValueError(f"size must be a multiple of 32, got {size}")
        self.size, self.grid, self.output_dim = size, (size // 32, size // 32), dense
        self.config = {"widths": list(widths), "dense": dense, "classes": classes, "size": size}
        layers, channels = {}, 3
        for group, (depth, width) in enumerate(zip(DEPTHS, widths, strict=True), 1):
            for number in range(1, depth + 1):
                layers[f"conv{group}_{number}"] = Convolution(channels, width, norm=False)
                channels = width
            layers[f"pool{group}"] = nn.MaxPool2d(2)
        self.stack = named(layers)
        self.fc6 = nn.Linear(channels * 7 * 7, dense)
        self.fc7 = nn.Linear(dense, dense)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(dense, classes)

    def prepared(self, images: Images) -> Maps:
        return standardised(self.checked(images))

    def pool(self, states: Padded) -> Float[Tensor, "batch output_dim"]:
        maps = states.values.mT.unflatten(2, self.grid)
        # Seven cells a side, as the dense layers expect, whatever the size of the picture.
        flat = F.adaptive_avg_pool2d(maps, 7).flatten(1)
        return self.dropout(F.relu(self.fc7(self.dropout(F.relu(self.fc6(flat))))))

    def scores(self, images: Images) -> Float[Tensor, "batch classes"]:
        """Logits of the classes: W f(x) + b."""
        return self.head(self(images))
