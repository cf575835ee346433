"""What holds for every loss of pairs: its formula, its slopes, its symmetries, its refusals."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from xmodal_lab.alignment.checks import check_numbers
from xmodal_lab.alignment.losses import (
    info_nce,
    info_nce_tiled,
    info_nce_with_foils,
    over_pairs,
    pair_loss,
    sigmoid_loss,
    sigmoid_loss_tiled,
    triplet_loss,
)

BATCH, DIM, TEMPERATURE, MARGIN = 6, 5, 0.2, 0.9


# --- the formulas, number by number: s is the matrix of cosines, own[i] the foils' cosines ---


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)


def others(i: int, count: int) -> list[int]:
    return [j for j in range(count) if j != i]


def slow_info_nce(s, t, foils=()):
    def quiz(right, wrong):
        return math.log(sum(math.exp((x - right) / t) for x in [right, *wrong]))

    n = range(len(s))
    rows = [quiz(s[i][i], [s[i][j] for j in others(i, len(s))] + [f[i] for f in foils]) for i in n]
    columns = [quiz(s[i][i], [s[j][i] for j in others(i, len(s))]) for i in n]
    return mean(rows + columns)


def slow_sigmoid(s, t):
    bias = -math.log(len(s) - 1)
    cells = [
        math.log(1 + math.exp((-1 if i == j else 1) * (s[i][j] / t + bias)))
        for i in range(len(s))
        for j in range(len(s))
    ]
    return sum(cells) / len(s)


def slow_pair(s, margin):
    near = mean(2 - 2 * s[i][i] for i in range(len(s)))
    far = mean(
        max(0.0, margin - math.sqrt(max(2 - 2 * s[i][j], 1e-12))) ** 2
        for i in range(len(s))
        for j in others(i, len(s))
    )
    return (near + far) / 2


def slow_triplet(s, margin, mining):
    def one_way(s):
        terms = []
        for i in range(len(s)):
            wrong = [s[i][j] for j in others(i, len(s))]
            below = [x for x in wrong if x < s[i][i]]
            chosen = {
                "all": wrong,
                "hard": [max(wrong)],
                "semi-hard": [max(below)] if below else [min(wrong)],
            }[mining]
            terms.append(mean(max(0.0, margin + x - s[i][i]) for x in chosen))
        return mean(terms)

    return (one_way(s) + one_way([list(column) for column in zip(*s, strict=True)])) / 2


@dataclass(frozen=True)
class Case:
    """A loss as a function of (a, b, knob): the temperature or the margin."""

    call: Callable[[Tensor, Tensor, Tensor | float], Tensor]
    slow: Callable[[list[list[float]], float], float]
    knob: float = TEMPERATURE
    learned: bool = True  # whether the knob has a gradient
    # What it costs where all rows are one point.
    level: Callable[[int, float], float] = field(default=lambda batch, knob: math.log(batch))


def foils_like(b: Tensor) -> Tensor:
    """Two foils a row, made of b's own numbers: they move with b."""
    return torch.stack([b.roll(1, dims=1), -b.flip(1)], dim=1)


def with_foils(a, b, knob):
    return info_nce_with_foils(a, b, knob, foils_b=foils_like(b))


def sigmoid_level(batch, knob):
    logit = 1 / knob - math.log(batch - 1)
    return math.log1p(math.exp(-logit)) + (batch - 1) * math.log1p(math.exp(logit))


def triplet(mining: str) -> Case:
    return Case(
        lambda a, b, knob: triplet_loss(a, b, knob, mining),
        lambda s, knob: slow_triplet(s, knob, mining),
        MARGIN,
        False,
        lambda batch, knob: knob,
    )


CASES = {
    "info_nce": Case(info_nce, slow_info_nce),
    "info_nce_tiled": Case(lambda a, b, k: info_nce_tiled(a, b, k, tile=4), slow_info_nce),
    "sigmoid": Case(sigmoid_loss, slow_sigmoid, level=sigmoid_level),
    "sigmoid_tiled": Case(
        lambda a, b, k: sigmoid_loss_tiled(a, b, k, tile=4), slow_sigmoid, level=sigmoid_level
    ),
    "with_foils": Case(with_foils, None),
    "pair": Case(pair_loss, slow_pair, MARGIN, False, lambda batch, knob: knob**2 / 2),
    "triplet_hard": triplet("hard"),
    "triplet_semi-hard": triplet("semi-hard"),
    "triplet_all": triplet("all"),
}
every_loss = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
# Foils make one side special, and those here are made from coordinates, which a turn mixes.
SYMMETRIC = {name: case for name, case in CASES.items() if name != "with_foils"}
without_foils = pytest.mark.parametrize("case", SYMMETRIC.values(), ids=SYMMETRIC)


def pairs(batch: int = BATCH, dim: int = DIM, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    make = lambda: torch.randn(batch, dim, generator=generator, dtype=torch.float64)  # noqa: E731
    return make(), make()


def slow_value(case: Case, a: list, b: list, knob: float) -> float:
    """The loss of lists of numbers, without torch."""
    unit = lambda row: [x / math.sqrt(sum(y * y for y in row)) for x in row]  # noqa: E731
    dot = lambda p, q: sum(x * y for x, y in zip(p, q, strict=True))  # noqa: E731
    a, b = [unit(row) for row in a], [unit(row) for row in b]
    s = [[dot(p, q) for q in b] for p in a]
    if case.slow is None:
        turned, negated = [q[-1:] + q[:-1] for q in b], [[-x for x in q[::-1]] for q in b]
        foils = [[dot(p, q) for p, q in zip(a, f, strict=True)] for f in (turned, negated)]
        return slow_info_nce(s, knob, foils)
    return case.slow(s, knob)


@every_loss
@pytest.mark.parametrize("batch", [2, 3, 9])
@pytest.mark.parametrize("factor", [0.3, 1.0, 2.0])
def test_value_equals_the_formula(case, batch, factor):
    a, b = pairs(batch)
    wanted = slow_value(case, a.tolist(), b.tolist(), case.knob * factor)
    assert case.call(a, b, case.knob * factor).item() == pytest.approx(wanted, rel=1e-10)
    found = case.call(a.float(), b.float(), case.knob * factor).item()
    assert found == pytest.approx(wanted, rel=1e-4, abs=1e-5)


@every_loss
def test_gradients_equal_differences_of_the_formula(case):
    a, b = pairs(4, 3, seed=2)
    knob = torch.tensor(case.knob, dtype=torch.float64, requires_grad=case.learned)
    leaves = [a.clone().requires_grad_(), b.clone().requires_grad_()] + [knob] * case.learned
    case.call(*leaves[:2], knob).backward()
    numbers, step = [a, b, knob.detach()], 1e-6
    for position, leaf in enumerate(leaves):
        for entry in range(leaf.numel()):
            moved = []
            for sign in (1, -1):
                values = [x.clone() for x in numbers]
                values[position].view(-1)[entry] += sign * step
                moved.append(slow_value(case, *(x.tolist() for x in values)))
            slope = (moved[0] - moved[1]) / (2 * step)
            assert leaf.grad.view(-1)[entry].item() == pytest.approx(slope, abs=1e-7)


@every_loss
def test_the_order_of_the_pairs_does_not_matter_but_their_pairing_does(case):
    a, b = pairs()
    order = torch.tensor([3, 5, 0, 1, 4, 2])
    wanted = case.call(a, b, case.knob).item()
    assert case.call(a[order], b[order], case.knob).item() == pytest.approx(wanted, abs=1e-12)
    assert case.call(a, b[order], case.knob).item() != pytest.approx(wanted, rel=1e-3)


@without_foils
def test_both_sides_are_treated_alike(case):
    a, b = (x.requires_grad_() for x in pairs())
    one, other = case.call(a, b, case.knob), case.call(b, a, case.knob)
    assert one.item() == pytest.approx(other.item(), abs=1e-12)
    for x, y in zip(*(torch.autograd.grad(z, (a, b)) for z in (one, other)), strict=True):
        torch.testing.assert_close(x, y)


@without_foils
def test_lengths_and_a_common_turn_do_not_matter(case):
    a, b = pairs()
    wanted = case.call(a, b, case.knob).item()
    lengths = torch.rand(len(a), 1, dtype=torch.float64) * 100 + 1e-3
    assert case.call(a * lengths, b / lengths, case.knob).item() == pytest.approx(wanted)
    turn, _ = torch.linalg.qr(torch.randn(DIM, DIM, dtype=torch.float64))
    assert case.call(a @ turn, b @ turn, case.knob).item() == pytest.approx(wanted)


@without_foils
@pytest.mark.parametrize("batch", [2, 7, 64])
def test_the_level_where_all_similarities_are_equal(case, batch):
    """ln B for InfoNCE, m²/2 for pairs, m for triplets; for the sigmoid B cells of one logit."""
    same = torch.randn(1, DIM, dtype=torch.float64).expand(batch, DIM)
    wanted = case.level(batch, case.knob)
    assert case.call(same, same, case.knob).item() == pytest.approx(wanted, rel=1e-5)


DEGENERATE = {
    "random": lambda a: a,
    "duplicated rows": lambda a: a[[0, 0, 0, 3, 3, 5]],
    "one point": lambda a: a[[0] * BATCH],
    "zeros": lambda a: a * torch.tensor([0.0, 1, 1, 0, 1, 1])[:, None],
    "all zeros": lambda a: a * 0,
    "tiny": lambda a: a * 1e-30,
    "huge": lambda a: a * 1e15,
}


@every_loss
@pytest.mark.parametrize("change", DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.parametrize("knob", [1e-3, None])
@pytest.mark.parametrize("same", [False, True])
def test_no_nan_however_degenerate(case, change, knob, same):
    a, b = (change(x.float()).detach().requires_grad_() for x in pairs())
    loss = case.call(a, a if same else b, knob or case.knob)
    loss.backward()
    assert loss.isfinite()
    assert a.grad.isfinite().all() and (same or b.grad.isfinite().all())


@every_loss
def test_a_step_against_the_gradient_lowers_the_loss(case):
    a, b = (x.requires_grad_() for x in pairs())
    loss = case.call(a, b, case.knob)
    loss.backward()
    assert case.call(a - 1e-2 * a.grad, b - 1e-2 * b.grad, case.knob) < loss


@every_loss
@pytest.mark.parametrize("shapes", [((4, 3), (5, 3)), ((4, 3), (4, 2)), ((4, 3, 2), (4, 3, 2))])
def test_shapes_that_do_not_fit_are_named(unchecked, case, shapes):
    a, b = (torch.randn(shape) for shape in shapes)
    with pytest.raises(ValueError, match="expected two batches of one shape") as caught:
        case.call(a, b, case.knob)
    assert all(str(shape) in str(caught.value) for shape in shapes)


@every_loss
@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_than_two_rows_are_refused(case, rows):
    with pytest.raises(ValueError, match=f"two rows or more, got {rows}"):
        case.call(torch.randn(rows, 3), torch.randn(rows, 3), case.knob)


@every_loss
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("side", [0, 1])
def test_nan_and_infinity_are_refused_with_their_rows(case, bad, side):
    sides = pairs()
    sides[side][[2, 4], 1] = bad
    with pytest.raises(ValueError, match=rf"{'ab'[side]} holds NaN or infinity in rows \[2, 4\]"):
        case.call(*sides, case.knob)


@every_loss
@pytest.mark.parametrize("wrong", [0.0, -0.1, math.nan, math.inf])
def test_a_temperature_or_margin_must_be_a_number_above_0(case, wrong):
    a, b = pairs()
    name = "temperature" if case.learned else "margin"
    with pytest.raises(ValueError, match=f"the {name} must be a number above 0, got {wrong}"):
        case.call(a, b, wrong)
    with pytest.raises(ValueError, match=f"the {name} must be a number above 0, got {wrong}"):
        case.call(a, b, torch.tensor(wrong))


def test_large_finite_numbers_are_not_taken_for_infinity():
    """Their sum is infinite: the quick question alone would refuse them."""
    huge = torch.full((BATCH, DIM), 1e38)
    assert not huge.sum().isfinite()
    check_numbers(0.1, a=huge, b=-huge)


def test_over_pairs_hands_nan_on_to_the_training_loop():
    """The loop names the rows of the data, which the loss cannot know."""
    a, b = (x.requires_grad_() for x in pairs())
    loss = over_pairs({"text": a * torch.nan, "image": b}, temperature=0.1)
    loss.backward()
    assert loss.isnan() and a.grad.isnan().all()
