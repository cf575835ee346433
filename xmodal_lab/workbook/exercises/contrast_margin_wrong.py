"""Typical wrong answers to `pair_loss` and `triplet_loss`, and what each must be told."""

from __future__ import annotations

import torch
from torch.nn import functional

from xmodal_lab.workbook.exercises.record import Mutant


def _unit(x):
    return functional.normalize(x, dim=1)


def _eye(matrix):
    return torch.eye(len(matrix), dtype=torch.bool)


def _pair(a, b, margin, near=lambda d: d.square(), far=lambda m, d: (m - d).relu().square()):
    """A solution with another cost of a pair's distance or of a stranger's."""
    distances = torch.cdist(a, b)
    strangers = distances[~_eye(distances)]
    return (near(distances.diagonal()).mean() + far(margin, strangers).mean()) / 2


def _unit_pair(**changes):
    return lambda a, b, margin: _pair(_unit(a), _unit(b), margin, **changes)


def _pair_pushed(a, b, margin):
    distances = torch.cdist(_unit(a), _unit(b))
    short = (margin - distances).relu().square()
    return (distances.diagonal().square().mean() + short.mean()) / 2


def _pair_over_all_cells(a, b, margin):
    distances = torch.cdist(_unit(a), _unit(b))
    short = (margin - distances).relu().square().masked_fill(_eye(distances), 0)
    return (distances.diagonal().square().mean() + short.mean()) / 2


def _rooted_pair(a, b, margin):
    distances = (2 - 2 * _unit(a) @ _unit(b).T).sqrt()
    short = (margin - distances[~_eye(distances)]).relu().square()
    return (distances.diagonal().square().mean() + short.mean()) / 2


def _pair_in_place(a, b, margin):
    a /= a.norm(dim=1, keepdim=True)
    return _pair(a, _unit(b), margin)


PAIR_LOSS = (
    Mutant(_pair, "normalise the rows?"),
    Mutant(
        lambda a, b, margin: _pair(
            functional.normalize(a, dim=0), functional.normalize(b, dim=0), margin
        ),
        "normalise the columns?",
    ),
    Mutant(_unit_pair(far=lambda m, d: (m - d * d).relu()), "hinge on the squared distance"),
    Mutant(_unit_pair(far=lambda m, d: (m - d).relu()), "forget to square the hinge"),
    Mutant(_unit_pair(near=lambda d: d), "forget to square the distance of the pairs"),
    Mutant(_unit_pair(far=lambda m, d: (d - m).relu().square()), "the wrong way round"),
    Mutant(_unit_pair(far=lambda m, d: (m - d).square()), "Where is max(0, …)?"),
    Mutant(_unit_pair(far=lambda m, d: 0 * d), "Where is the second part?"),
    Mutant(_unit_pair(near=lambda d: 0 * d), "Where is the first part?"),
    Mutant(_pair_pushed, "Leave the diagonal out"),
    Mutant(_pair_over_all_cells, "Only B (B − 1) of them"),
    Mutant(lambda a, b, margin: 2 * _pair(_unit(a), _unit(b), margin), "forget the half"),
    Mutant(lambda a, b, margin: _pair(_unit(a), _unit(b), margin).item(), "no gradient flows"),
    Mutant(
        lambda a, b, margin: _pair(_unit(a), _unit(b.detach()), margin),
        "the gradient of `b` is not",
    ),
    Mutant(_rooted_pair, "square a square root"),
    Mutant(_pair_in_place, "changes its input `a`"),
    Mutant(
        lambda a, b, margin: (margin - torch.cdist(_unit(a), _unit(b))).relu().square(),
        "should be a single number, yours has shape [3, 3]",
    ),
    Mutant(lambda a, b: 0.0, "expected the signature pair_loss(a, b, margin)"),
)


def _rivals(similarity, value=-torch.inf):
    return similarity.masked_fill(_eye(similarity), value)


def _triplet(one_way):
    """A solution that judges each direction by ``one_way(similarity, margin)``."""

    def triplet_loss(a, b, margin):
        similarity = _unit(a) @ _unit(b).T
        return (one_way(similarity, margin) + one_way(similarity.T, margin)) / 2

    return triplet_loss


def _hardest(similarity, margin):
    return (margin - similarity.diagonal() + _rivals(similarity).amax(1)).relu().mean()


def _mean_of_all(similarity, margin):
    short = (margin - similarity.diagonal()[:, None] + similarity).relu()
    return short[~_eye(similarity)].mean()


def _easiest(similarity, margin):
    easiest = _rivals(similarity, torch.inf).amin(1)
    return (margin - similarity.diagonal() + easiest).relu().mean()


def _rows_only(a, b, margin):
    return _hardest(_unit(a) @ _unit(b).T, margin)


def _raw_triplet(a, b, margin):
    similarity = a @ b.T
    return (_hardest(similarity, margin) + _hardest(similarity.T, margin)) / 2


TRIPLET_LOSS = (
    Mutant(_raw_triplet, "normalise the rows?"),
    Mutant(_rows_only, "from b to a"),
    Mutant(lambda a, b, margin: _rows_only(b, a, margin), "from a to b"),
    Mutant(lambda a, b, margin: 2 * _triplet(_hardest)(a, b, margin), "add the two directions"),
    Mutant(
        _triplet(lambda s, m: (m - s.diagonal() + s.amax(1)).relu().mean()),
        "Take the diagonal out before the maximum",
    ),
    Mutant(
        _triplet(lambda s, m: (m - s.diagonal() + _rivals(s, 0).amax(1)).relu().mean()),
        "use −∞",
    ),
    Mutant(_triplet(_mean_of_all), "Only the hardest counts"),
    Mutant(_triplet(_easiest), "easiest wrong row"),
    Mutant(
        _triplet(lambda s, m: (m - s.diagonal() + _rivals(s).max()).relu().mean()),
        "Each row has its own",
    ),
    Mutant(
        _triplet(lambda s, m: (m + s.diagonal() - _rivals(s).amax(1)).relu().mean()),
        "signs swapped",
    ),
    Mutant(
        _triplet(lambda s, m: (m - s.diagonal() + _rivals(s).amax(1)).mean()),
        "Where is max(0, …)?",
    ),
    Mutant(_triplet(lambda s, m: _hardest(s, 0.0)), "leave out the margin"),
    Mutant(
        _triplet(lambda s, m: (m - s.diagonal() + _rivals(s).amax(1)).relu()),
        "should be a single number",
    ),
    Mutant(
        lambda a, b, margin: _triplet(_hardest)(a.detach(), b, margin), "the gradient of `a` is not"
    ),
    Mutant(lambda a, b, margin: float(_triplet(_hardest)(a, b, margin)), "no gradient flows"),
)
