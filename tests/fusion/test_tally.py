"""Gates that are added up: they count, and a mean cannot."""

import pytest
import torch

from xmodal_lab.batch import Padded
from xmodal_lab.fusion import Hops, Tally


def made(gates: int = 3) -> Tally:
    torch.manual_seed(0)
    return Tally(5, 4, gates)


def places(batch: int = 6, steps: int = 9) -> Padded:
    torch.manual_seed(1)
    return Padded(torch.randn(batch, steps, 4), torch.tensor([9, 3, 7, 1, 9, 5][:batch]))


def queries(batch: int = 6) -> torch.Tensor:
    return torch.randn(batch, 5, generator=torch.Generator().manual_seed(2))


def test_a_gate_is_a_sigmoid_of_the_place_and_the_sum_goes_over_real_places():
    model, states, query = made(), places(), queries()
    found = model(query, states)
    for row in range(6):
        for gate in range(3):
            number = gate * 5
            asked = query[row] @ model.ask.weight[number : number + 5].T
            bias, *weights = (asked + model.ask.bias[number : number + 5]).tolist()
            wanted = 0.0
            for place in range(int(states.lengths[row])):
                score = sum(
                    w * s for w, s in zip(weights, states.values[row, place].tolist(), strict=True)
                )
                wanted += 1 / (1 + 2.718281828459045 ** -(score / 2 + bias - 3))
            assert found[row, gate].item() == pytest.approx(wanted, abs=1e-5)


def test_twice_the_places_are_twice_the_count_and_the_same_look():
    """Why it is there: a softmax gives four stars the vector of one."""
    query, one = queries(1), torch.randn(1, 8, 4, generator=torch.Generator().manual_seed(3))
    two = torch.cat([one, one], 1)
    once, twice = (Padded(x, torch.tensor([x.shape[1]])) for x in (one, two))
    model = made()
    torch.testing.assert_close(model(query, twice), 2 * model(query, once))
    torch.manual_seed(0)
    look, wide = Hops(5, 4, 1, (1, 8)), Hops(5, 4, 1, (1, 16))
    wide.load_state_dict(look.state_dict())
    torch.testing.assert_close(wide(query, twice), look(query, once))


def test_what_stands_in_padding_changes_neither_value_nor_gradient():
    model, states, query = made(), places(), queries()
    dirty = Padded(states.values.masked_fill(~states.mask[..., None], torch.nan), states.lengths)
    clean = Padded(states.values.masked_fill(~states.mask[..., None], 0.0), states.lengths)
    dirty.values.requires_grad_(), clean.values.requires_grad_()
    for one in (dirty, clean):
        model(query, one).square().sum().backward()
    torch.testing.assert_close(model(query, dirty), model(query, clean))
    assert not dirty.values.grad[~states.mask].any()
    torch.testing.assert_close(dirty.values.grad, clean.values.grad)


def test_the_order_of_the_places_does_not_matter():
    model, query = made(), queries()
    states = Padded(places().values, torch.full((6,), 9))
    shuffled = Padded(states.values[:, torch.randperm(9)], states.lengths)
    torch.testing.assert_close(model(query, shuffled), model(query, states))
