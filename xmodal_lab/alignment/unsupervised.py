"""Two spaces and not one pair: match them by the shape of their clouds alone.

If two encoders see the same world, things that are near in one space are near in the other. So the
matrix of distances *inside* each space says who is who, up to what symmetry leaves open. Gromov and
Wasserstein compare these matrices; Procrustes and neighbours that choose each other then refine.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.alignment.assignment import sinkhorn
from xmodal_lab.alignment.checks import check_cloud, check_finite
from xmodal_lab.alignment.closed_form.rotation import OrthogonalMap, procrustes
from xmodal_lab.alignment.diagnostics.hubs import csls

# A plan of more rows than this takes longer than a chapter has: each turn costs rows³.
MOST_ROWS = 1000
# From a blurred view to a sharp one, in squares of the mean distance. A sharp view from the
# beginning stays in the first hollow it meets.
EPSILONS = (0.05, 0.02, 0.01, 0.005, 0.002, 0.001)


@dataclass(frozen=True)
class UnpairedAlignment:
    """What was found without a pair.

    Attributes:
        rotation: (x_dim, y_dim) the map of ``closed_form.procrustes``, from x centred and
            normalised to y centred and normalised.
        x_mean, y_mean: (x_dim,) and (y_dim,) the centres.
        pairs: (pairs, 2) numbers of the rows of x and y that chose each other in the end.
        score: mean CSLS of every row's best answer; decides which attempt is kept, for it needs
            no pair. The larger the better, but near symmetries score nearly the same.
        attempts: (restarts,) score of every attempt.
    """

    rotation: Float[Tensor, "x_dim y_dim"]
    x_mean: Float[Tensor, " x_dim"]
    y_mean: Float[Tensor, " y_dim"]
    pairs: Int64[Tensor, "pairs 2"]
    score: float
    attempts: Float[Tensor, " restarts"]

    def project_x(self, x: Float[Tensor, "rows x_dim"]) -> Float[Tensor, "rows y_dim"]:
        """Rows of x in the shared space, for cosine similarity."""
        return F.normalize(x - self.x_mean, dim=1) @ self.rotation

    def project_y(self, y: Float[Tensor, "rows y_dim"]) -> Float[Tensor, "rows y_dim"]:
        """Rows of y in the shared space, for cosine similarity."""
        return F.normalize(y - self.y_mean, dim=1)


def align_unpaired(
    x: Float[Tensor, "x_rows x_dim"],
    y: Float[Tensor, "y_rows y_dim"],
    restarts: int = 10,
    seed: int = 0,
) -> UnpairedAlignment:
    """Find the rotation of one space onto another without knowing which rows belong together.

    Gromov–Wasserstein from blurred to sharp gives a plan; its mutual best are the first pairs;
    Procrustes and CSLS neighbours refine. From several starts: one that knows nothing, one from
    ``profile_plan``, the others random. The attempt with the best mean CSLS is kept.

    Args:
        x, y: two clouds in any order and of any numbers of rows, up to 1,000. Their rows should
            mean the same things, or mostly.
        restarts: attempts; each takes about rows³.
        seed: of the random starts.

    Raises:
        ValueError: for fewer than 4 or more than 1,000 rows, NaN, no restart, or rows that all
            coincide.

    Source: Alvarez-Melis and Jaakkola 2018; refinement, Conneau et al. 2018.
    """
    check_cloud(x, least=4)
    check_cloud(y, least=4)
    if max(len(x), len(y)) > MOST_ROWS:
        raise ValueError(
            f"{max(len(x), len(y))} rows take too long: align {MOST_ROWS} or fewer (averages of "
            "classes, the most frequent words), and map the others with what that gives"
        )
    if restarts < 1:
        raise ValueError(f"restarts must be at least 1, got {restarts}")
    x_mean, y_mean = x.double().mean(0), y.double().mean(0)
    x_units, y_units = (
        F.normalize(x.double() - x_mean, dim=1),
        F.normalize(y.double() - y_mean, dim=1),
    )
    distances = [_relative_distances(units) for units in (x_units, y_units)]
    generator = torch.Generator().manual_seed(seed)
    found = []
    for number in range(restarts):
        plan = _start(number, *distances, generator)
        for epsilon in EPSILONS:
            plan = gromov_wasserstein(*distances, epsilon, plan, rounds=10, turns=20)
        found.append(refine(x_units, y_units, mutual_neighbours(plan)))
    turned, pairs, score = max(found, key=lambda attempt: attempt[2])
    parts = (turned.rotation, x_mean, y_mean)
    attempts = torch.tensor([attempt[2] for attempt in found], dtype=x.dtype)
    return UnpairedAlignment(*(part.to(x.dtype) for part in parts), pairs, score, attempts)


def gromov_wasserstein(
    x_distances: Float[Tensor, "x_rows x_rows"],
    y_distances: Float[Tensor, "y_rows y_rows"],
    epsilon: float = 0.01,
    start: Float[Tensor, "x_rows y_rows"] | None = None,
    rounds: int = 50,
    tolerance: float = 1e-7,
    turns: int = 100,
) -> Float[Tensor, "x_rows y_rows"]:
    """The plan under which distances in one space are most like those in the other.

        P = argmin Σ_ijkl (D_ik - D'_jl)² P_ij P_kl + ε Σ_ij P_ij ln P_ij
        by turns:   C_ij = Σ_kl (D_ik - D'_jl)² P_kl,   P = sinkhorn(2 C, ε)

    The problem has many hollows; which one is found depends on the start.

    Args:
        x_distances, y_distances: symmetric, in units in which the two spaces are alike.
        epsilon: ε > 0, in squared units of the distances.
        start: a first plan; None for the one that knows nothing, a bᵀ.
        rounds: at most so many turns of C and P.
        tolerance: stop where the plan moves by less (Frobenius).
        turns: of Sinkhorn within each round.

    Raises:
        ValueError: for matrices that are not square, empty, or hold NaN, or a start that does
            not fit them.

    Source: Mémoli 2011; entropic, Peyré, Cuturi and Solomon 2016; for words, Alvarez-Melis and
    Jaakkola 2018.
    """
    for name, table in (("x_distances", x_distances), ("y_distances", y_distances)):
        if table.ndim != 2 or len(table) != table.shape[-1] or not len(table):
            raise ValueError(f"expected {name} (rows, rows), got {tuple(table.shape)}")
        check_finite(table)
    if start is not None and start.shape != (len(x_distances), len(y_distances)):
        wanted = (len(x_distances), len(y_distances))
        raise ValueError(f"expected a first plan {wanted}, got {tuple(start.shape)}")
    a = x_distances.new_full((len(x_distances),), 1 / len(x_distances))
    b = y_distances.new_full((len(y_distances),), 1 / len(y_distances))
    plan = a[:, None] * b if start is None else start
    # (D - D')² = D² + D'² - 2 D D': four loops become two matrix products.
    squares = (x_distances.square() @ a)[:, None] + y_distances.square() @ b
    for _ in range(rounds):
        cost = squares - 2 * x_distances @ plan @ y_distances.T
        before, plan = plan, sinkhorn(2 * cost, epsilon, rounds=turns)
        if (plan - before).norm() < tolerance:
            break
    return plan


def profile_plan(
    x_distances: Float[Tensor, "x_rows x_rows"],
    y_distances: Float[Tensor, "y_rows y_rows"],
    epsilon: float = 0.01,
) -> Float[Tensor, "x_rows y_rows"]:
    """A first guess: points that see the others at the same distances, whoever they are.

        C_ij = mean_q ( quantile_q(D_i·) - quantile_q(D'_j·) )²,   P = sinkhorn(C, ε)

    Source: the third lower bound of Mémoli 2011; for words, Artetxe et al. 2018.
    """
    steps = torch.linspace(0, 1, 50, dtype=x_distances.dtype, device=x_distances.device)
    x_profile = x_distances.quantile(steps, dim=1).T
    y_profile = y_distances.quantile(steps, dim=1).T
    cost = torch.cdist(x_profile, y_profile).square() / len(steps)
    return sinkhorn(cost, epsilon * max(float(cost.mean()), 1e-12), rounds=200)


def mutual_neighbours(
    similarity: Float[Tensor, "x_rows y_rows"],
) -> Int64[Tensor, "pairs 2"]:
    """Pairs in which each is the other's most similar one."""
    forth, back = similarity.argmax(1), similarity.argmax(0)
    rows = torch.arange(len(similarity), device=similarity.device)
    agree = back[forth] == rows
    return torch.stack([rows[agree], forth[agree]], 1)


def refine(
    x: Float[Tensor, "x_rows x_dim"],
    y: Float[Tensor, "y_rows y_dim"],
    pairs: Int64[Tensor, "pairs 2"],
    rounds: int = 20,
    k: int = 10,
) -> tuple[OrthogonalMap, Int64[Tensor, "chosen 2"], float]:
    """Turn by the pairs at hand, let neighbours choose each other anew, and again.

    Args:
        x, y: centred unit rows.
        pairs: to begin with; some may be wrong.
        rounds: at most so many; it stops where the pairs no longer change.
        k: neighbours of CSLS.

    Raises:
        ValueError: for no pairs, or fewer than one round.

    Returns:
        The last map, the pairs it led to, and the mean CSLS of every row's best answer.

    Source: Conneau et al. 2018.
    """
    if not len(pairs) or rounds < 1:
        raise ValueError(f"no pairs to turn by or no rounds: {len(pairs)} pairs, {rounds} rounds")
    k = min(k, len(x), len(y))
    for _ in range(rounds):
        turned = procrustes(x[pairs[:, 0]], y[pairs[:, 1]], centre=False)
        similarity = csls(F.normalize(turned.project_x(x), dim=1) @ y.T, k)
        before, pairs = pairs, mutual_neighbours(similarity)
        if pairs.shape == before.shape and bool((pairs == before).all()):
            break
    return turned, pairs, float(similarity.amax(1).mean())


def _relative_distances(units: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows rows"]:
    """Distances within a cloud in units of their mean, in which two clouds are alike."""
    distances = torch.cdist(units, units)
    if not distances.mean() > 1e-6:
        raise ValueError("all rows of a cloud point the same way: there is no shape to match")
    return distances / distances.mean()


def _start(number: int, x_distances: Tensor, y_distances: Tensor, generator: torch.Generator):
    if number == 0:
        return None
    if number == 1:
        return profile_plan(x_distances, y_distances)
    noise = torch.randn(
        len(x_distances), len(y_distances), generator=generator, dtype=torch.float64
    )
    return sinkhorn(noise.to(x_distances.device), epsilon=0.5, rounds=50)
