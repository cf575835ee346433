"""Maps of the joint space that can be laid side by side: UMAP, or PCA where time is short.

A map lies: distances between clouds are not to scale, and two fits of the same data differ. So
neighbours are always computed in the joint space itself, exactly; the map only shows them. The
maps of one atlas are turned (Procrustes) onto each other, so that before and after are comparable.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.linalg import orthogonal_procrustes
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.alignment.checks import check_cloud
from xmodal_lab.alignment.neighbours import nearest_others

Points = Float[np.ndarray, "points 2"]


class Atlas:
    """Maps of embeddings of several modalities, comparable with each other.

    Each map is centred, scaled to unit radius, and turned onto the one before it.

    Args:
        method: 'umap' keeps neighbourhoods together and takes seconds, the first time in a
            process ten more to compile; 'pca' shows the two widest directions at once.
        neighbours: how many neighbours UMAP tries to keep together.
        epochs: optimisation epochs of a fit.
        seed: decides the layout on one machine; coordinates differ between machines all the same.
            ``XMODAL_UMAP_SEED`` overrules it: `make machines` asks with it whether a chapter claims
            what only one layout shows.
        min_dist: how far UMAP keeps near points from each other, 0 … 1: small for thousands of
            points, large where few points would fall into one dot.

    Attributes:
        modalities: modality of every point of the last map.
        rows: row in its modality of every point of the last map.

    Source: UMAP, McInnes et al. 2018.
    """

    def __init__(
        self,
        method: str = "umap",
        neighbours: int = 15,
        epochs: int = 200,
        seed: int = 0,
        min_dist: float = 0.15,
    ) -> None:
        if method not in ("umap", "pca"):
            raise ValueError(f"unknown method {method!r}: choose 'umap' or 'pca'")
        if not 0 <= min_dist <= 1:
            raise ValueError(f"min_dist must lie in 0 … 1, got {min_dist}")
        self.method = method
        self.neighbours, self.epochs, self.seed = neighbours, epochs, seed
        self.min_dist = min_dist
        self.modalities: np.ndarray = np.empty(0, str)
        self.rows: np.ndarray = np.empty(0, int)
        self._before: Points | None = None
        self._counts: dict[str, int] = {}

    def map(self, embeddings: Mapping[str, Float[Tensor, "rows dim"]]) -> dict[str, Points]:
        """Places of all points in one picture, by modality.

        Args:
            embeddings: modality → embeddings; later calls must bring the same numbers of rows.

        Raises:
            ValueError: for fewer points than neighbours, NaN, or other modalities or numbers of
                rows than the map before had.
        """
        sizes = {name: len(rows) for name, rows in embeddings.items()}
        if self._before is not None and sizes != self._counts:
            raise ValueError(
                f"the map before had rows {self._counts}, this one has {sizes}: "
                "maps of one atlas show the same things"
            )
        # The order of the map before, whatever the order of this dict: its points must meet.
        sizes = self._counts or sizes
        names, counts = list(sizes), list(sizes.values())
        points = torch.cat([embeddings[name].detach().float().cpu() for name in names])
        if self.method == "pca":
            layout = _pca(points)
        else:
            indices, distances = nearest(points, self.neighbours)
            layout = self._umap(points.numpy(), indices, distances)
        layout -= layout.mean(axis=0)
        # All points in one place stay there.
        layout /= max(np.sqrt((layout**2).sum(axis=1).mean()), 1e-12)
        if self._before is not None:
            turn, _ = orthogonal_procrustes(layout, self._before)
            layout = layout @ turn
        self._before, self._counts = layout, sizes
        self.modalities = np.repeat(names, counts)
        self.rows = np.concatenate([np.arange(count) for count in counts])
        return dict(zip(names, np.split(layout, np.cumsum(counts)[:-1]), strict=True))

    def _umap(self, points: np.ndarray, indices, distances) -> Points:
        threads = torch.get_num_threads()
        # Imported here: umap compiles for seconds, and most rooms do without it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from umap import UMAP

            model = UMAP(
                n_neighbors=indices.shape[1],
                n_epochs=self.epochs,
                min_dist=self.min_dist,
                random_state=int(os.environ.get("XMODAL_UMAP_SEED", self.seed)),
                n_jobs=1,
                precomputed_knn=(indices.astype(np.int32), distances.astype(np.float32), None),
            )
            layout = model.fit_transform(points).astype(np.float64)
        # numba's threads and torch's are counted in one place: umap leaves other settings behind.
        torch.set_num_threads(threads)
        return layout


def nearest(
    points: Float[Tensor, "points dim"], count: int
) -> tuple[Int64[np.ndarray, "points count"], Float[np.ndarray, "points count"]]:
    """Exact nearest neighbours by angle, each point first among its own: numbers and distances.

        d(x, y) = 1 - cos(x, y)

    Raises:
        ValueError: for fewer points than neighbours, or NaN.
    """
    if not 2 <= count <= len(points):
        raise ValueError(f"need 2 … {len(points)} neighbours for {len(points)} points, got {count}")
    values, rows = nearest_others(points, count - 1)
    own = torch.arange(len(points))[:, None]
    distances = torch.cat([torch.zeros(len(points), 1), (1 - values).clamp(min=0.0)], dim=1)
    return torch.cat([own, rows], dim=1).numpy(), distances.numpy()


def mixing(embeddings: Mapping[str, Float[Tensor, "rows dim"]], count: int = 15) -> float:
    """How well modalities mingle: 0 where each keeps to itself, about 1 where origin says nothing.

        share of a point's nearest neighbours that come from another modality,
        divided by the share of points that do

    Measured in the joint space, not on a map.

    Raises:
        ValueError: for fewer than two modalities, no more points than neighbours, or NaN.
    """
    names = list(embeddings)
    if len(names) < 2:
        raise ValueError(f"need two modalities or more to mingle, got {names}")
    labels = np.repeat(np.arange(len(names)), [len(embeddings[name]) for name in names])
    points = torch.cat([embeddings[name].detach().float().cpu() for name in names])
    indices, _ = nearest(points, count + 1)
    foreign = (labels[indices[:, 1:]] != labels[:, None]).mean()
    expected = 1 - ((np.bincount(labels) / len(labels)) ** 2).sum()
    return float(foreign / expected)


def _pca(points: Float[Tensor, "points dim"]) -> Points:
    check_cloud(points)
    centred = F.normalize(points.double(), dim=1)
    centred = centred - centred.mean(dim=0)
    _, directions = torch.linalg.eigh(centred.T @ centred)
    return (centred @ directions[:, -2:].flip(1)).numpy()
