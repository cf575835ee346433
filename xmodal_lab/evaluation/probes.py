"""What a linear layer reads from frozen features: how easily an attribute can be told from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.image.picture import PictureEncoder, evaluating

QUARTERS = ("top left", "top right", "bottom left", "bottom right")
STRENGTHS = (0.01, 0.1, 1.0)
Features = Float[Tensor, "_rows dim"]
Labels = Int64[Tensor, " _rows"]


class Questions:
    """One-thing pictures, and what to read from each: colour, shape, size and position.

    Attributes:
        images: (rows, 3, 32, 32) levels 0–255.
        labels: attribute → (rows,) class numbers; 'position' is the quarter of the picture that
            holds the thing's centre, in the order of ``QUARTERS``.
    """

    def __init__(self, repeats: int = 20, seed: int = 0, held_out: bool = False) -> None:
        """Every thing so many times; ``held_out`` for the colour-shape pairs never trained on."""
        shown = [scenes.Scene((thing,)) for thing in scenes.all_things(held_out) * repeats]
        self.images = torch.from_numpy(scenes.from_scenes(shown, seed, ["image"]).images)
        self.labels = {
            name: torch.tensor([kinds.index(getattr(s.things[0], name)) for s in shown])
            for name, kinds in scenes.CLASSES.items()
        }
        right, low = (scenes.centres(scenes.masks(shown, seed)) >= 0.5).T
        self.labels["position"] = torch.from_numpy(right + 2 * low)


@torch.no_grad()
def layer_features(
    encoder: PictureEncoder, images: Tensor, grid: int = 4, chunk: int = 500
) -> dict[str, Float[Tensor, "rows _dim"]]:
    """Every layer's feature maps as vectors, in two ways, and the encoder's own vector.

    'conv1, mean' is the mean over the map (global average pooling); 'conv1, grid' keeps the means
    of grid × grid regions, line by line; 'vector' is what the encoder gives. In evaluation mode;
    on the CPU.
    """
    found: dict[str, list[Tensor]] = {}
    with evaluating(encoder):
        for part in images.split(chunk):
            maps = encoder.maps(part.to(encoder.device))
            last = list(maps)[-1]
            rows = {f"{name}, mean": value.mean((2, 3)) for name, value in maps.items()}
            rows |= {
                f"{n}, grid": F.adaptive_avg_pool2d(v, grid).flatten(1) for n, v in maps.items()
            }
            rows["vector"] = encoder.after(last, maps[last])
            for name, values in rows.items():
                found.setdefault(name, []).append(values.cpu())
    return {name: torch.cat(parts) for name, parts in found.items()}


def linear_probe(
    train: tuple[Features, Labels],
    val: tuple[Features, Labels],
    tests: Mapping[str, tuple[Features, Labels]],
    strengths: Sequence[float] = STRENGTHS,
) -> dict[str, float]:
    """Share of right answers of a logistic regression on frozen features, by test.

    Features are standardised by mean and spread of the training rows. How strongly weights are
    allowed to grow (C of scikit-learn) is chosen on ``val``, never on a test.
    """
    from sklearn.linear_model import LogisticRegression

    x, y = (part.numpy() for part in train)
    mean, spread = x.mean(0), np.maximum(x.std(0), 1e-6)

    def right(model: LogisticRegression, rows: tuple[Features, Labels]) -> float:
        return float(model.score((rows[0].numpy() - mean) / spread, rows[1].numpy()))

    models = [
        LogisticRegression(C=c, max_iter=300, tol=1e-3).fit((x - mean) / spread, y)
        for c in strengths
    ]
    best = max(models, key=lambda model: right(model, val))
    return {name: right(best, rows) for name, rows in tests.items()}
