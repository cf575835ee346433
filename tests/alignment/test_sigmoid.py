"""The sigmoid loss against loops over float64 numbers, and what its bias stands for."""

import math

import pytest
import torch

from xmodal_lab.alignment.losses import over_pairs, sigmoid_loss


def pairs(batch: int = 6, dim: int = 5, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    make = lambda: torch.randn(batch, dim, generator=generator, dtype=torch.float64)  # noqa: E731
    return make(), make()


def slow_sigmoid_loss(a, b, temperature, bias) -> float:
    """The docstring's formula, number by number."""
    unit = lambda row: [x / math.sqrt(sum(y * y for y in row)) for x in row]  # noqa: E731
    a, b = [unit(row) for row in a], [unit(row) for row in b]
    total = 0.0
    for i, p in enumerate(a):
        for j, q in enumerate(b):
            logit = sum(x * y for x, y in zip(p, q, strict=True)) / temperature + bias
            z = 1 if i == j else -1
            total += math.log(1 / (1 + math.exp(-z * logit)))
    return -total / len(a)


@pytest.mark.parametrize("temperature", [0.05, 0.3, 4.0])
@pytest.mark.parametrize("bias", [-10.0, 0.0, 2.5])
@pytest.mark.parametrize("batch", [2, 3, 9])
def test_value_equals_the_formula(batch, bias, temperature):
    a, b = pairs(batch)
    wanted = slow_sigmoid_loss(a.tolist(), b.tolist(), temperature, bias)
    assert sigmoid_loss(a, b, temperature, bias).item() == pytest.approx(wanted, rel=1e-8)
    found = sigmoid_loss(a.float(), b.float(), temperature, bias).item()
    assert found == pytest.approx(wanted, rel=1e-4)


def test_gradients_equal_differences_of_the_formula():
    numbers = (*pairs(4, 3), torch.tensor(0.2).double(), torch.tensor(-1.3).double())
    leaves = [x.clone().requires_grad_() for x in numbers]
    sigmoid_loss(*leaves).backward()
    step = 1e-6
    for position, leaf in enumerate(leaves):
        for entry in range(leaf.numel()):
            moved = []
            for sign in (1, -1):
                values = [x.clone() for x in numbers]
                values[position].view(-1)[entry] += sign * step
                moved.append(slow_sigmoid_loss(*(x.tolist() for x in values)))
            slope = (moved[0] - moved[1]) / (2 * step)
            assert leaf.grad.view(-1)[entry].item() == pytest.approx(slope, abs=1e-6)


def test_gradients_pass_torchs_own_check():
    a, b = (x.requires_grad_() for x in pairs(4, 3))
    scalars = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.5, -1.0)]
    assert torch.autograd.gradcheck(sigmoid_loss, (a, b, *scalars))
    assert torch.autograd.gradgradcheck(sigmoid_loss, (a, b, *scalars))


@pytest.mark.parametrize("batch", [2, 7, 64])
def test_without_a_bias_the_loss_expects_one_partner_a_row(batch):
    """With all cosines 0 every cell says 1/B: B cells expect one partner, and B rows have one."""
    a = torch.eye(2, dtype=torch.float64)[:1].expand(batch, 2)
    b = torch.eye(2, dtype=torch.float64)[1:].expand(batch, 2)
    wanted = -math.log(1 / batch) - (batch - 1) * math.log(1 - 1 / batch)
    assert sigmoid_loss(a, b, 0.1).item() == pytest.approx(wanted)
    bias = torch.tensor(-math.log(batch - 1), dtype=torch.float64, requires_grad=True)
    # Where the expected number is right, no other bias would be better.
    assert torch.autograd.grad(sigmoid_loss(a, b, 0.1, bias), bias)[0].abs() < 1e-12


def test_the_docstrings_batch_has_the_papers_bias():
    assert -math.log(22_027 - 1) == pytest.approx(-10, abs=1e-4)


def test_both_sides_are_treated_alike_and_the_order_of_pairs_does_not_matter():
    a, b = pairs()
    wanted = sigmoid_loss(a, b, 0.1).item()
    order = torch.tensor([3, 5, 0, 1, 4, 2])
    assert sigmoid_loss(b, a, 0.1).item() == pytest.approx(wanted)
    assert sigmoid_loss(a[order], b[order], 0.1).item() == pytest.approx(wanted)
    assert sigmoid_loss(a, b[order], 0.1).item() != pytest.approx(wanted, abs=0.1)


def test_lengths_do_not_matter():
    a, b = pairs()
    lengths = torch.rand(len(a), 1, dtype=torch.float64) * 100 + 1e-3
    assert sigmoid_loss(a * lengths, b / lengths, 0.1).item() == pytest.approx(
        sigmoid_loss(a, b, 0.1).item()
    )


def test_true_pairs_cost_less_than_others():
    eye = torch.eye(6)
    assert sigmoid_loss(eye, eye, 0.1) < 1 < 10 < sigmoid_loss(eye, eye.roll(1, 0), 0.1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("temperature", [1e-3, 1e3])
def test_extremes_give_no_nan(dtype, temperature):
    a, b = (x.to(dtype) for x in pairs())
    a[0], b[1], b[2] = 0, 0, -a[2]
    leaves = a.requires_grad_(), b.requires_grad_(), torch.tensor(temperature, requires_grad=True)
    loss = sigmoid_loss(*leaves)
    loss.backward()
    assert loss.isfinite() and all(x.grad.isfinite().all() for x in leaves)


def test_autocast_adds_up_in_float32():
    a, b = (x.float() for x in pairs(300, 16))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = sigmoid_loss(a, b, 0.1)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(sigmoid_loss(a, b, 0.1).item(), rel=5e-3)


def test_over_pairs_takes_it_as_any_loss():
    a, b = pairs()
    found = over_pairs({"text": a, "image": b}, loss=sigmoid_loss, temperature=0.1)
    assert found.item() == pytest.approx(sigmoid_loss(a, b, 0.1).item())


@pytest.mark.parametrize("shapes", [((4, 3), (5, 3)), ((4, 3), (4, 2)), ((4,), (4,))])
def test_shapes_that_do_not_fit_are_named(unchecked, shapes):
    a, b = (torch.randn(shape) for shape in shapes)
    with pytest.raises(ValueError, match="expected two batches of one shape") as caught:
        sigmoid_loss(a, b, 0.1)
    assert all(str(shape) in str(caught.value) for shape in shapes)


@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_than_two_rows_are_refused(rows):
    with pytest.raises(ValueError, match=f"two rows or more, got {rows}"):
        sigmoid_loss(torch.randn(rows, 3), torch.randn(rows, 3), 0.1)
