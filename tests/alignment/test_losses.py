"""InfoNCE against loops over float64 numbers, and the symmetries it must have."""

import math
from itertools import combinations

import pytest
import torch
from torch.nn import functional as F

from xmodal_lab.alignment.losses import info_nce, over_pairs


def pairs(batch: int = 6, dim: int = 5, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    make = lambda: torch.randn(batch, dim, generator=generator, dtype=torch.float64)  # noqa: E731
    return make(), make()


def slow_info_nce(a: list[list[float]], b: list[list[float]], temperature: float) -> float:
    """The docstring's formula, number by number."""
    unit = lambda row: [x / math.sqrt(sum(y * y for y in row)) for x in row]  # noqa: E731
    a, b = [unit(row) for row in a], [unit(row) for row in b]
    count, total = len(a), 0.0
    s = [[sum(x * y for x, y in zip(p, q, strict=True)) / temperature for q in b] for p in a]
    for i in range(count):
        total += s[i][i] - math.log(sum(math.exp(s[i][j]) for j in range(count)))
        total += s[i][i] - math.log(sum(math.exp(s[j][i]) for j in range(count)))
    return -total / (2 * count)


@pytest.mark.parametrize("temperature", [0.05, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("batch", [2, 3, 9])
def test_value_equals_the_formula(batch, temperature):
    a, b = pairs(batch)
    wanted = slow_info_nce(a.tolist(), b.tolist(), temperature)
    assert info_nce(a, b, temperature).item() == pytest.approx(wanted, abs=1e-12)
    assert info_nce(a.float(), b.float(), temperature).item() == pytest.approx(wanted, abs=1e-4)


def test_gradients_equal_differences_of_the_formula():
    a, b = pairs(4, 3)
    temperature = torch.tensor(0.2, dtype=torch.float64)
    leaves = [x.clone().requires_grad_() for x in (a, b, temperature)]
    info_nce(*leaves).backward()
    step = 1e-6
    for position, leaf in enumerate(leaves):
        for entry in range(leaf.numel()):
            moved = []
            for sign in (1, -1):
                values = [x.clone() for x in (a, b, temperature)]
                values[position].view(-1)[entry] += sign * step
                moved.append(
                    slow_info_nce(values[0].tolist(), values[1].tolist(), values[2].item())
                )
            slope = (moved[0] - moved[1]) / (2 * step)
            assert leaf.grad.view(-1)[entry].item() == pytest.approx(slope, abs=1e-7)


def test_gradients_pass_torchs_own_check():
    a, b = (x.requires_grad_() for x in pairs(4, 3))
    temperature = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(info_nce, (a, b, temperature))
    assert torch.autograd.gradgradcheck(info_nce, (a, b, temperature))


def test_the_gradient_is_tangent_to_the_sphere():
    """Length is normalised away, so no step can gain by growing a vector."""
    a, b = (x.requires_grad_() for x in pairs())
    info_nce(a, b, 0.1).backward()
    for leaf in (a, b):
        assert (leaf.grad * leaf.detach()).sum(1).abs().max() < 1e-12


def test_both_sides_are_treated_alike():
    a, b = (x.requires_grad_() for x in pairs())
    one = torch.autograd.grad(info_nce(a, b, 0.1), (a, b))
    other = torch.autograd.grad(info_nce(b, a, 0.1), (a, b))
    assert info_nce(a, b, 0.1).item() == pytest.approx(info_nce(b, a, 0.1).item(), abs=1e-12)
    for x, y in zip(one, other, strict=True):
        torch.testing.assert_close(x, y)


def test_the_order_of_the_pairs_does_not_matter_but_their_pairing_does():
    a, b = pairs()
    order = torch.tensor([3, 5, 0, 1, 4, 2])
    assert info_nce(a[order], b[order], 0.1).item() == pytest.approx(info_nce(a, b, 0.1).item())
    assert info_nce(a, b[order], 0.1).item() != pytest.approx(info_nce(a, b, 0.1).item(), abs=0.1)


def test_lengths_and_a_common_turn_do_not_matter():
    a, b = pairs()
    wanted = info_nce(a, b, 0.1).item()
    lengths = torch.rand(len(a), 1, dtype=torch.float64) * 100 + 1e-3
    assert info_nce(a * lengths, b / lengths, 0.1).item() == pytest.approx(wanted)
    turn, _ = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))
    assert info_nce(a @ turn, b @ turn, 0.1).item() == pytest.approx(wanted)


@pytest.mark.parametrize("temperature", [0.01, 0.07, 1.0, 100.0])
@pytest.mark.parametrize("batch", [2, 7, 128])
def test_ln_batch_where_nothing_is_known(batch, temperature):
    row = torch.randn(1, 8)
    same = row.expand(batch, 8)
    assert info_nce(same, same, temperature).item() == pytest.approx(math.log(batch), abs=1e-4)
    assert info_nce(same, torch.randn(1, 8).expand(batch, 8), temperature).item() == pytest.approx(
        math.log(batch), abs=1e-4
    )


def test_perfect_pairs_cost_what_the_formula_says_and_swapped_ones_much():
    """Orthogonal pairs: L = ln(1 + (B - 1) e^(-1/τ))."""
    eye = torch.eye(5, dtype=torch.float64)
    for temperature in (0.1, 0.5, 1.0):
        wanted = math.log(1 + 4 * math.exp(-1 / temperature))
        assert info_nce(eye, eye, temperature).item() == pytest.approx(wanted, abs=1e-12)
    assert info_nce(eye, eye.roll(1, 0), 0.1).item() == pytest.approx(10.0, abs=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_very_low_temperature_is_the_margin_and_no_nan(dtype):
    """With τ → 0 the loss is the mean shortfall to the nearest row, over τ."""
    a, b = (x.to(dtype).requires_grad_() for x in pairs())
    temperature = torch.tensor(1e-3, dtype=dtype, requires_grad=True)
    loss = info_nce(a, b, temperature)
    loss.backward()
    cosines = F.normalize(a.detach(), dim=1) @ F.normalize(b.detach(), dim=1).T
    own = cosines.diagonal()
    short = (cosines.amax(1) - own).mean() + (cosines.amax(0) - own).mean()
    assert loss.item() == pytest.approx(short.item() / 2 / 1e-3, rel=1e-3)
    assert all(x.grad.isfinite().all() for x in (a, b, temperature))


def test_a_vector_of_zeros_gives_no_nan():
    a, b = (x.requires_grad_() for x in pairs())
    loss = info_nce(a * torch.tensor([0.0, 1, 1, 1, 1, 1])[:, None], b, 0.1)
    loss.backward()
    assert loss.isfinite() and a.grad.isfinite().all()


def test_one_step_against_the_gradient_lowers_the_loss():
    a, b = (x.requires_grad_() for x in pairs())
    loss = info_nce(a, b, 0.1)
    loss.backward()
    assert info_nce(a - 1e-2 * a.grad, b - 1e-2 * b.grad, 0.1) < loss


@pytest.mark.parametrize("shapes", [((4, 3), (5, 3)), ((4, 3), (4, 2)), ((4,), (4,))])
def test_shapes_that_do_not_fit_are_named(unchecked, shapes):
    a, b = (torch.randn(shape) for shape in shapes)
    with pytest.raises(ValueError, match="expected two batches of one shape") as caught:
        info_nce(a, b, 0.1)
    assert all(str(shape) in str(caught.value) for shape in shapes)


@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_than_two_rows_are_refused(rows):
    with pytest.raises(ValueError, match=f"two rows or more, got {rows}"):
        info_nce(torch.randn(rows, 3), torch.randn(rows, 3), 0.1)


def test_over_pairs_is_the_mean_of_all_pairs():
    (text, image), (audio, taste) = pairs(seed=1), pairs(seed=2)
    three = {"text": text, "image": image, "audio": audio}
    wanted = sum(info_nce(x, y, 0.1) for x, y in combinations(three.values(), 2)) / 3
    assert over_pairs(three, temperature=0.1).item() == pytest.approx(wanted.item())
    turned = dict(reversed(three.items()))
    assert over_pairs(turned, temperature=0.1).item() == pytest.approx(wanted.item())
    two = {"text": text, "image": image}
    assert over_pairs(two, temperature=0.1).item() == pytest.approx(
        info_nce(text, image, 0.1).item()
    )
    four = {**three, "taste": taste}
    wanted = sum(info_nce(x, y, 0.1) for x, y in combinations(four.values(), 2)) / 6
    assert over_pairs(four, temperature=0.1).item() == pytest.approx(wanted.item())


def test_over_pairs_hands_the_temperature_to_any_loss():
    seen = []

    def loss(a, b, temperature):
        seen.append(temperature)
        return (a - b).square().sum()

    a, b = pairs()
    assert over_pairs({"x": a, "y": b}, loss=loss, temperature=0.3).item() == pytest.approx(
        (a - b).square().sum().item()
    )
    assert seen == [0.3]


@pytest.mark.parametrize("names", [[], ["text"]])
def test_over_pairs_needs_two_modalities(names):
    with pytest.raises(ValueError, match="two modalities or more"):
        over_pairs({name: torch.randn(3, 2) for name in names}, temperature=0.1)
