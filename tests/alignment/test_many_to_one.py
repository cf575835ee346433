"""False negatives: taken out of the quiz, or made right answers."""

import math

import pytest
import torch

from xmodal_lab.alignment.losses import info_nce
from xmodal_lab.alignment.many_to_one import info_nce_many

MEANINGS = torch.tensor([0, 1, 0, 2, 1, 0])
SAME = MEANINGS[:, None] == MEANINGS


def pairs(dim: int = 5, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    make = lambda: torch.randn(6, dim, generator=generator, dtype=torch.float64)  # noqa: E731
    return make(), make()


def slow(a: list, b: list, t: float, same: list, treatment: str) -> float:
    """The docstring's formulas, number by number."""
    unit = lambda row: [x / math.sqrt(sum(y * y for y in row)) for x in row]  # noqa: E731
    a, b = [unit(row) for row in a], [unit(row) for row in b]
    s = [[sum(x * y for x, y in zip(p, q, strict=True)) / t for q in b] for p in a]
    n, total = range(len(a)), 0.0
    for table in (s, [list(column) for column in zip(*s, strict=True)]):
        for i in n:
            if treatment == "mask":
                asked = [j for j in n if j == i or not same[i][j]]
                total -= table[i][i] - math.log(sum(math.exp(table[i][j]) for j in asked))
            else:
                right = [j for j in n if same[i][j]]
                whole = math.log(sum(math.exp(x) for x in table[i]))
                total -= sum(table[i][j] - whole for j in right) / len(right)
    return total / (2 * len(a))


both = pytest.mark.parametrize("treatment", ["mask", "share"])


@both
@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_value_and_gradients_equal_the_formula(treatment, temperature):
    a, b = pairs()
    leaves = [x.clone().requires_grad_() for x in (a, b)]
    loss = info_nce_many(*leaves, temperature, SAME, treatment)
    loss.backward()
    numbers = (temperature, SAME.tolist(), treatment)
    assert loss.item() == pytest.approx(slow(a.tolist(), b.tolist(), *numbers), rel=1e-10)
    step = 1e-6
    for side in (0, 1):
        for entry in (0, 7, 13, 29):
            moved = []
            for sign in (1, -1):
                values = [a.clone(), b.clone()]
                values[side].view(-1)[entry] += sign * step
                moved.append(slow(values[0].tolist(), values[1].tolist(), *numbers))
            slope = (moved[0] - moved[1]) / (2 * step)
            assert leaves[side].grad.view(-1)[entry].item() == pytest.approx(slope, abs=1e-7)


@both
def test_where_no_two_rows_mean_the_same_it_is_info_nce(treatment):
    a, b = pairs()
    alone = torch.eye(6, dtype=torch.bool)
    found = info_nce_many(a, b, 0.1, alone, treatment).item()
    assert found == pytest.approx(info_nce(a, b, 0.1).item())


@both
def test_sides_and_order_do_not_matter(treatment):
    a, b = pairs()
    wanted = info_nce_many(a, b, 0.1, SAME, treatment).item()
    assert info_nce_many(b, a, 0.1, SAME, treatment).item() == pytest.approx(wanted)
    order = torch.tensor([3, 5, 0, 1, 4, 2])
    turned = SAME[order][:, order]
    found = info_nce_many(a[order], b[order], 0.1, turned, treatment).item()
    assert found == pytest.approx(wanted)


def test_masked_rows_of_one_meaning_do_not_push_each_other():
    a, b = (x.requires_grad_() for x in pairs())
    everything = torch.ones(6, 6, dtype=torch.bool)
    loss = info_nce_many(a, b, 0.1, everything, "mask")
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert torch.autograd.grad(loss, a)[0].abs().max() < 1e-12


def test_shared_cannot_fall_below_the_number_of_right_answers():
    """Rows of one meaning in one point, meanings orthogonal: each right answer has 1/|P|."""
    points = torch.eye(3, dtype=torch.float64)[MEANINGS]
    floor = SAME.sum(1).double().log().mean().item()
    found = info_nce_many(points, points, 0.02, SAME, "share").item()
    assert found == pytest.approx(floor)
    a, b = pairs()
    assert info_nce_many(a, b, 0.1, SAME, "share").item() > floor


@both
def test_no_nan_at_low_temperature_or_for_duplicates_and_zeros(treatment):
    a, b = (x.float() for x in pairs())
    a[1], b[3], b[4] = 0, a[2], a[2]
    a, b = a.requires_grad_(), b.requires_grad_()
    loss = info_nce_many(a, b, 1e-3, SAME, treatment)
    loss.backward()
    assert loss.isfinite() and a.grad.isfinite().all() and b.grad.isfinite().all()


@pytest.mark.parametrize(
    ("same", "words"),
    [
        (SAME[:5], r"expected same as bool of shape \(6, 6\)"),
        (SAME.float(), r"expected same as bool of shape \(6, 6\)"),
        (torch.zeros(6, 6, dtype=torch.bool), "True on the diagonal"),
        (torch.ones(6, 6, dtype=torch.bool).triu(), "symmetric"),
    ],
)
def test_meanings_that_cannot_be_are_refused(unchecked, same, words):
    with pytest.raises(ValueError, match=words):
        info_nce_many(*pairs(), 0.1, same)


def test_other_bad_input_is_refused():
    a, b = pairs()
    with pytest.raises(ValueError, match="unknown treatment 'drop'"):
        info_nce_many(a, b, 0.1, SAME, "drop")
    with pytest.raises(ValueError, match="temperature must be a number above 0"):
        info_nce_many(a, b, 0.0, SAME)
    with pytest.raises(ValueError, match=r"a holds NaN or infinity in rows \[0, 1, 2"):
        info_nce_many(a * torch.nan, b, 0.1, SAME)
