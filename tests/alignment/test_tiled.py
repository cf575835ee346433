"""The tiled losses against those they equal, and what they keep in memory meanwhile."""

import math

import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from xmodal_lab.alignment.losses import (
    info_nce,
    info_nce_tiled,
    over_pairs,
    sigmoid_loss,
    sigmoid_loss_tiled,
)

MIB = 2**20
BOTH = pytest.mark.parametrize(
    ("whole", "tiled"),
    [(info_nce, info_nce_tiled), (sigmoid_loss, sigmoid_loss_tiled)],
    ids=["info_nce", "sigmoid_loss"],
)


def pairs(batch: int = 13, dim: int = 5, seed: int = 0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    make = lambda: torch.randn(batch, dim, generator=generator, dtype=torch.float64)  # noqa: E731
    return make().to(dtype).requires_grad_(), make().to(dtype).requires_grad_()


def number(value: float, dtype=torch.float64) -> torch.Tensor:
    return torch.tensor(value, dtype=dtype, requires_grad=True)


def clip_loss(a, b, temperature):
    """As CLIP's authors sketch it: two products of matrices, two cross-entropies."""
    a, b, partner = F.normalize(a, dim=1), F.normalize(b, dim=1), torch.arange(len(a))
    rows, columns = a @ b.T / temperature, b @ a.T / temperature
    return (F.cross_entropy(rows, partner) + F.cross_entropy(columns, partner)) / 2


def slow_gradients(a, b, temperature):
    """∂L/∂â, ∂L/∂b̂ and ∂L/∂τ of InfoNCE, by loops over the module's formulas."""
    count, dim = len(a), len(a[0])
    s = [[sum(x * y for x, y in zip(p, q, strict=True)) / temperature for q in b] for p in a]
    by_row = [sum(math.exp(x) for x in row) for row in s]
    by_column = [sum(math.exp(s[i][j]) for i in range(count)) for j in range(count)]
    for_a, for_b = ([[0.0] * dim for _ in range(count)] for _ in range(2))
    for_temperature = 0.0
    for i in range(count):
        for j in range(count):
            g = math.exp(s[i][j]) * (1 / by_row[i] + 1 / by_column[j]) - 2 * (i == j)
            g /= 2 * count
            for d in range(dim):
                for_a[i][d] += g * b[j][d] / temperature
                for_b[j][d] += g * a[i][d] / temperature
            for_temperature -= g * s[i][j] / temperature
    return for_a, for_b, for_temperature


def assert_near(one, other, rtol=1e-6, atol=1e-12):
    """Equal relative to the largest entry: single entries may be differences near zero."""
    assert (one - other).abs().max() <= rtol * other.abs().max() + atol


class Watch(TorchDispatchMode):
    """Notes the largest tensor that any operation makes."""

    def __init__(self):
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for leaf in tree_iter(made):
            if isinstance(leaf, torch.Tensor):
                self.largest = max(self.largest, leaf.numel())
        return made


class Alive(TorchDispatchMode):
    """Counts the bytes of the storages that are alive at once, and their highest sum."""

    def __init__(self):
        super().__init__()
        self.known, self.peak = [], 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for leaf in tree_iter((args, made)):
            if isinstance(leaf, torch.Tensor):
                self.note(leaf.untyped_storage())
        return made

    def note(self, storage):
        reference = torch.multiprocessing.reductions.StorageWeakRef(storage)
        self.known = [(ref, size) for ref, size in self.known if not ref.expired()]
        if all(ref.cdata != reference.cdata for ref, _ in self.known):
            self.known.append((reference, storage.nbytes()))
        self.peak = max(self.peak, sum(size for _, size in self.known))


def saved_bytes(call) -> tuple[int, int]:
    """Bytes a forward pass saves for the backward pass: of distinct storages, and in plain sum."""
    storages, plain = {}, 0

    def pack(tensor):
        nonlocal plain
        plain += tensor.numel() * tensor.element_size()
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = call()
    del loss
    return sum(storages.values()), plain


@BOTH
@pytest.mark.parametrize("temperature", [1e-3, 0.05, 0.3, 4.0])
@pytest.mark.parametrize(("batch", "tile"), [(2, 1), (13, 4), (13, 13), (13, 512), (16, 8)])
def test_value_and_gradients_equal_those_of_the_whole_matrix(
    whole, tiled, batch, tile, temperature
):
    leaves = *pairs(batch), number(temperature)
    wanted, found = whole(*leaves), tiled(*leaves, tile=tile)
    assert found.dtype == torch.float64 and found.shape == ()
    assert_near(found, wanted)
    for one, other in zip(
        torch.autograd.grad(found, leaves), torch.autograd.grad(wanted, leaves), strict=True
    ):
        assert_near(one, other)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_the_gradient_equals_loops_over_the_formula(temperature):
    a, b = (F.normalize(x.detach(), dim=1).requires_grad_() for x in pairs(5, 3))
    tau = number(temperature)
    info_nce_tiled(a, b, tau, tile=2).backward()
    wanted = slow_gradients(a.tolist(), b.tolist(), temperature)
    for leaf, slopes in zip((a, b), wanted, strict=False):
        slopes, unit = torch.tensor(slopes, dtype=torch.float64), leaf.detach()
        # The rows have length one already, so all that is left of the normalisation is this.
        tangent = slopes - unit * (unit * slopes).sum(1, keepdim=True)
        torch.testing.assert_close(leaf.grad, tangent, rtol=1e-9, atol=1e-12)
    assert tau.grad.item() == pytest.approx(wanted[2], rel=1e-9)


@pytest.mark.parametrize("tile", [2, 3, 100])
def test_equals_the_textbooks_two_cross_entropies(tile):
    leaves = *pairs(), number(0.07)
    found, wanted = info_nce_tiled(*leaves, tile=tile), clip_loss(*leaves)
    assert_near(found, wanted)
    for one, other in zip(
        torch.autograd.grad(found, leaves), torch.autograd.grad(wanted, leaves), strict=True
    ):
        assert_near(one, other)


@pytest.mark.parametrize("tiled", [info_nce_tiled, sigmoid_loss_tiled])
@pytest.mark.parametrize("tile", [1, 3, 4, 9])
def test_gradients_pass_torchs_own_check(tiled, tile):
    leaves = *pairs(4, 3), number(0.5)
    assert torch.autograd.gradcheck(lambda *x: tiled(*x, tile=tile), leaves)


def test_the_biass_gradient_passes_torchs_own_check():
    leaves = *pairs(4, 3), number(0.5), number(-0.8)
    assert torch.autograd.gradcheck(lambda *x: sigmoid_loss_tiled(*x, tile=3), leaves)
    one = torch.autograd.grad(sigmoid_loss_tiled(*leaves, tile=3), leaves)
    other = torch.autograd.grad(sigmoid_loss(*leaves), leaves)
    for x, y in zip(one, other, strict=True):
        assert_near(x, y)


@BOTH
@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (0, 2), (1, 2), (0, 1)])
def test_each_gradient_may_be_wanted_alone(whole, tiled, wanted):
    leaves = [x.detach() for x in (*pairs(), number(0.2))]
    for place in wanted:
        leaves[place].requires_grad_()
    asked = [leaves[place] for place in wanted]
    for one, other in zip(
        torch.autograd.grad(tiled(*leaves, tile=4), asked),
        torch.autograd.grad(whole(*leaves), asked),
        strict=True,
    ):
        assert_near(one, other)


@BOTH
def test_the_temperature_may_be_a_number_or_a_tensor_of_any_precision(whole, tiled):
    a, b = pairs()
    wanted = whole(a, b, 0.07)
    assert_near(tiled(a, b, 0.07, tile=4), wanted)
    for shape in ((), (1,)):
        tau = torch.full(shape, 0.07, requires_grad=True)
        loss = tiled(a, b, tau, tile=4)
        assert_near(loss, wanted, rtol=1e-5)
        loss.backward()
        assert tau.grad.shape == shape and tau.grad.dtype == torch.float32
    assert not tiled(a.detach(), b.detach(), 0.07).requires_grad


@BOTH
def test_what_lies_in_pieces_in_memory_and_what_lies_twice(whole, tiled):
    a, b = pairs(12, 10)
    for left, right in (
        (a[:, ::2], b.T.contiguous().T[:, 5:]),
        (a[::2], b[1::2]),
        (a[:1].expand(12, 10), b),
        (a, a),
    ):
        assert_near(tiled(left, right, 0.1, tile=5), whole(left, right, 0.1))
        one = torch.autograd.grad(tiled(left, right, 0.1, tile=5), (a, b), allow_unused=True)
        other = torch.autograd.grad(whole(left, right, 0.1), (a, b), allow_unused=True)
        for x, y in zip(one, other, strict=True):
            assert (x is None) == (y is None)
            if x is not None:
                assert_near(x, y)


@BOTH
def test_a_gradient_from_further_up_is_passed_on(whole, tiled):
    a, b = pairs()
    one = torch.autograd.grad((3 * tiled(a, b, 0.1, tile=4)) ** 2, (a, b))
    other = torch.autograd.grad((3 * whole(a, b, 0.1)) ** 2, (a, b))
    for x, y in zip(one, other, strict=True):
        assert_near(x, y)


@BOTH
def test_both_sides_are_treated_alike_and_the_order_of_pairs_does_not_matter(whole, tiled):
    a, b = pairs()
    wanted = tiled(a, b, 0.1, tile=4)
    assert_near(tiled(b, a, 0.1, tile=4), wanted)
    order = torch.randperm(13)
    assert_near(tiled(a[order], b[order], 0.1, tile=4), wanted)
    for x, y in zip(
        torch.autograd.grad(tiled(b, a, 0.1, tile=4), (a, b)),
        torch.autograd.grad(wanted, (a, b)),
        strict=True,
    ):
        assert_near(x, y)


@BOTH
def test_the_gradient_is_tangent_to_the_sphere(whole, tiled):
    a, b = pairs()
    for leaf, grad in zip((a, b), torch.autograd.grad(tiled(a, b, 0.1), (a, b)), strict=True):
        assert (grad * leaf.detach()).sum(1).abs().max() < 1e-12


@pytest.mark.parametrize("temperature", [0.01, 0.07, 100.0])
@pytest.mark.parametrize("batch", [2, 7, 128])
def test_ln_batch_where_nothing_is_known(batch, temperature):
    same = torch.randn(1, 8).expand(batch, 8)
    loss = info_nce_tiled(same, same, temperature, tile=5)
    assert loss.item() == pytest.approx(math.log(batch), abs=1e-4)


@BOTH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("temperature", [1e-3, 1e-2, 1e3])
def test_extremes_give_no_nan(whole, tiled, dtype, temperature):
    """Duplicated rows, opposite rows, a row of zeros, very long and very short rows."""
    a, b = (x.detach().clone() for x in pairs(12, 6, dtype=dtype))
    a[3], b[5], a[7] = a[2], b[2], -b[7]
    a[0], b[1] = 0, 0
    a[8], b[9], a[10] = a[8] * 1e15, b[9] * 1e-8, b[10]
    leaves = a.requires_grad_(), b.requires_grad_(), number(temperature, dtype)
    found, wanted = tiled(*leaves, tile=5), whole(*leaves)
    assert found.isfinite()
    one, other = torch.autograd.grad(found, leaves), torch.autograd.grad(wanted, leaves)
    assert all(x.isfinite().all() for x in one)
    if dtype == torch.float32:
        # In the gradient of a short row rounding is magnified as well, in both of them.
        assert_near(found, wanted, rtol=1e-3, atol=1e-6)
        return
    assert_near(found, wanted)
    for x, y in zip(one, other, strict=True):
        for row, same in zip(torch.atleast_2d(x), torch.atleast_2d(y), strict=True):
            assert_near(row, same)


@BOTH
def test_float32_stays_near_float64(whole, tiled):
    exact, rough = pairs(200, 16), pairs(200, 16, dtype=torch.float32)
    wanted = torch.autograd.grad(whole(*exact, 0.05), exact)
    found = torch.autograd.grad(tiled(*rough, 0.05, tile=32), rough)
    for x, y in zip(found, wanted, strict=True):
        assert x.dtype == torch.float32
        assert_near(x.double(), y, rtol=1e-4)


@BOTH
@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_autocast_rounds_the_products_and_nothing_else(whole, tiled, half):
    leaves = *pairs(200, 16, dtype=torch.float32), number(0.1, torch.float32)
    wanted = whole(*leaves)
    with torch.autocast("cpu", dtype=half):
        found = tiled(*leaves, tile=32)
    assert found.dtype == torch.float32
    # A cosine in bfloat16 is off by up to 2⁻⁹; a sum of losses in it by several per cent.
    assert_near(found, wanted, rtol=1e-3)
    assert not found.equal(wanted)
    one, other = torch.autograd.grad(found, leaves), torch.autograd.grad(wanted, leaves)
    for x, y in zip(one, other, strict=True):
        assert x.dtype == torch.float32
        assert_near(x, y, rtol=2e-2)


@BOTH
def test_autocast_leaves_float64_alone_and_may_surround_the_backward_pass(whole, tiled):
    a, b = pairs()
    wanted = torch.autograd.grad(tiled(a, b, 0.1, tile=4), (a, b))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = torch.autograd.grad(tiled(a, b, 0.1, tile=4), (a, b))
    assert all(x.equal(y) for x, y in zip(found, wanted, strict=True))


@BOTH
def test_embeddings_of_half_precision_get_gradients_of_it_and_a_loss_in_full(whole, tiled):
    rough = pairs(50, 16, dtype=torch.bfloat16)
    loss = tiled(*rough, 0.1, tile=16)
    assert loss.dtype == torch.float32
    exact = [x.detach().double().requires_grad_() for x in rough]
    assert_near(loss.double(), whole(*exact, 0.1), rtol=1e-2)
    for x, y in zip(
        torch.autograd.grad(loss, rough),
        torch.autograd.grad(whole(*exact, 0.1), exact),
        strict=True,
    ):
        assert x.dtype == torch.bfloat16
        assert_near(x.double(), y, rtol=5e-2)


@pytest.mark.parametrize("tiled", [info_nce_tiled, sigmoid_loss_tiled])
def test_bytes_saved_at_a_batch_of_8192_are_those_of_the_embeddings(tiled):
    """The whole matrix takes 256 MiB, and the textbook's loss saves several."""
    a, b = pairs(8192, 512, dtype=torch.float32)
    tau = number(0.07, torch.float32)
    # What is saved does not depend on what is computed: fake tensors make this test instant.
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:
        a, b, tau = (fake.from_tensor(x) for x in (a, b, tau))
        plain = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: plain.append(x.numel() * x.element_size()) or x, lambda x: x
        ):
            tiled(a, b, tau)
    assert sum(plain) <= 40 * MIB
    assert sum(plain) == pytest.approx(2 * 8192 * 512 * 4, rel=0.01)


@BOTH
def test_bytes_saved_grow_with_the_batch_not_with_its_square(whole, tiled):
    small, large = ((*pairs(n, 8, dtype=torch.float32), 0.07) for n in (256, 1024))
    for count in (0, 1):  # distinct storages; plain sum
        found = [saved_bytes(lambda x=x: tiled(*x, tile=64))[count] for x in (small, large)]
        assert found[1] == pytest.approx(4 * found[0], rel=0.01)
        assert saved_bytes(lambda: whole(*large))[count] > 1024 * 1024 * 4 > 10 * found[1]


@BOTH
def test_the_largest_tensor_ever_made_is_one_strip(whole, tiled):
    a, b = pairs(300, 4, dtype=torch.float32)
    with Watch() as watch:
        tiled(a, b, number(0.1, torch.float32), tile=16).backward()
    assert watch.largest == 16 * 300
    with Watch() as watch:
        whole(a, b, 0.1)
    assert watch.largest == 300 * 300


def test_a_batch_of_65536_fits_in_two_gigabytes():
    """Fake tensors have sizes and lifetimes but no numbers: the memory of a GPU without one."""
    with FakeTensorMode():
        a, b = (torch.randn(65536, 512, requires_grad=True) for _ in range(2))
        with Alive() as alive:
            info_nce_tiled(a, b, number(0.07, torch.float32)).backward()
    assert 2 * 65536 * 512 * 4 * 3 < alive.peak <= 2e9


@pytest.mark.parametrize("tiled", [info_nce_tiled, sigmoid_loss_tiled])
def test_a_gradient_of_the_gradient_is_refused_rather_than_wrong(tiled):
    a, b = pairs()
    with pytest.raises(NotImplementedError, match="use info_nce or sigmoid_loss"):
        torch.autograd.grad(tiled(a, b, 0.1), a, create_graph=True)


def test_over_pairs_takes_it_as_any_loss():
    a, b = pairs()
    c, _ = pairs(seed=1)
    three = {"text": a, "image": b, "audio": c}
    assert_near(
        over_pairs(three, loss=info_nce_tiled, temperature=0.1), over_pairs(three, temperature=0.1)
    )


@pytest.mark.parametrize("tiled", [info_nce_tiled, sigmoid_loss_tiled])
def test_what_does_not_fit_is_refused_as_by_info_nce(unchecked, tiled):
    for shapes in (((4, 3), (5, 3)), ((4, 3), (4, 2)), ((4,), (4,))):
        with pytest.raises(ValueError, match="expected two batches of one shape") as caught:
            tiled(*map(torch.randn, shapes), 0.1)
        assert all(str(shape) in str(caught.value) for shape in shapes)
    for rows in (0, 1):
        with pytest.raises(ValueError, match=f"two rows or more, got {rows}"):
            tiled(torch.randn(rows, 3), torch.randn(rows, 3), 0.1)
    for tile in (0, -5):
        with pytest.raises(ValueError, match=f"1 row or more, got {tile}"):
            tiled(torch.randn(4, 3), torch.randn(4, 3), 0.1, tile=tile)
