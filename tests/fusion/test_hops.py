"""Looks at a grid: their weights, and a bias that moves with the first map."""

import pytest
import torch

from xmodal_lab.batch import Padded
from xmodal_lab.fusion.grids import offsets
from xmodal_lab.fusion.hops import Hops

GRID = (3, 5)  # not square: lines and columns cannot be mistaken for each other


def made(hops: int = 2, **options) -> Hops:
    torch.manual_seed(0)
    return Hops(6, 4, hops, GRID, patterns=3, **options)


def cells(batch: int = 7, seed: int = 1) -> Padded:
    torch.manual_seed(seed)
    return Padded(torch.randn(batch, 15, 4), torch.full((batch,), 15))


def queries(batch: int = 7) -> torch.Tensor:
    return torch.randn(batch, 6, generator=torch.Generator().manual_seed(2))


def by_loops(hops: Hops, query: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    """b_j = Σ_i a_i t(j - i), an offset at a time, in float64."""
    lines, columns = hops.grid
    found = torch.zeros(len(query), lines, columns, dtype=torch.float64)
    weights = hops.mix[0](query).double()
    for row in range(len(query)):
        kernel = torch.einsum("k,kp->p", weights[row], hops.patterns[0].double())
        kernel = kernel.view(2 * lines - 1, 2 * columns - 1)
        first = before[row].double().view(lines, columns)
        for y in range(lines):
            for x in range(columns):
                for v in range(lines):
                    for u in range(columns):
                        welcome = kernel[y - v + lines - 1, x - u + columns - 1]
                        found[row, y, x] += first[v, u] * welcome
    return found.flatten(1)


def test_the_bias_equals_loops_over_offsets():
    hops, query = made(), queries(4)
    before = torch.rand(4, 15).softmax(1)
    found = hops.bias(query, before).double()
    torch.testing.assert_close(found, by_loops(hops, query, before), atol=1e-6, rtol=0)


def test_the_bias_moves_with_the_first_map():
    hops, query = made(), queries(1)
    one, other = torch.zeros(2, 1, 3, 5)
    one[0, 0, 1], other[0, 1, 2] = 1, 1  # a line lower, a column to the right
    near, far = (hops.bias(query, place.flatten(1)).view(3, 5) for place in (one, other))
    torch.testing.assert_close(far[1:, 1:], near[:-1, :-1])


def test_offsets_are_read_line_by_line_from_the_middle():
    table = offsets(GRID)
    middle = 2 * 9 + 4  # a table of 5 × 9: line 2, column 4
    assert (table.diagonal() == middle).all()
    assert table[0, 1] == middle + 1 and table[0, 5] == middle + 9
    assert table.unique().numel() == 5 * 9


@pytest.mark.parametrize("hops", [1, 2, 3])
@pytest.mark.parametrize("relative", [True, False])
def test_the_weights_of_every_look_sum_to_one(hops, relative):
    model = made(hops, relative=relative)
    read, maps = model.looks(queries(), cells())
    assert read.shape == (7, model.output_dim) and maps.shape == (7, hops, 15)
    torch.testing.assert_close(maps.sum(2), torch.ones(7, hops))
    assert (maps >= 0).all() and model(queries(), cells()).equal(read)


def test_a_look_reads_the_mean_of_the_cells_by_its_weights():
    model, states, query = made(), cells(), queries()
    read, maps = model.looks(query, states)
    wanted = [sum(w * s for w, s in zip(maps[3, h], states.values[3], strict=True)) for h in (0, 1)]
    torch.testing.assert_close(read[3], torch.cat([query[3], *wanted]))


def test_without_places_the_order_of_the_cells_is_nothing_and_with_them_it_counts():
    order = torch.randperm(15, generator=torch.Generator().manual_seed(0))
    states, query = cells(), queries()
    shuffled = Padded(states.values[:, order], states.lengths)
    plain, relative = made(relative=False), made()
    torch.testing.assert_close(plain(query, shuffled), plain(query, states))
    torch.testing.assert_close(
        plain.looks(query, shuffled)[1], plain.looks(query, states)[1][..., order]
    )
    assert not torch.allclose(relative(query, shuffled), relative(query, states), atol=1e-3)


def test_rows_do_not_see_each_other():
    model, states, query = made(), cells(), queries()
    alone = model(query[2:3], states.rows(torch.tensor([2])))
    torch.testing.assert_close(alone, model(query, states)[2:3])


def test_gradients_reach_question_cells_and_patterns():
    model, states, query = made(), cells(), queries().requires_grad_()
    states.values.requires_grad_()
    model(query, states).square().sum().backward()
    for tensor in (query, states.values, *model.parameters()):
        assert tensor.grad.abs().sum() > 0


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_cells_kept_in_half_precision_are_read_in_the_model_s(precision):
    model, states, query = made(), cells(), queries()
    half = Padded(states.values.to(precision), states.lengths)
    found = model(query, half)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, model(query, states), atol=0.05, rtol=0)


def test_what_it_refuses():
    with pytest.raises(ValueError, match="looks at least once, got hops=0"):
        made(0)
    with pytest.raises(ValueError, match=r"the 15 cells of a grid of \(3, 5\), got 12 places"):
        made()(queries(), Padded(torch.zeros(7, 12, 4), torch.full((7,), 12)))
    lengths = torch.full((7,), 15)
    lengths[4] = 3
    with pytest.raises(ValueError, match="row 4 has padded cells"):
        made()(queries(), Padded(torch.zeros(7, 15, 4), lengths))
