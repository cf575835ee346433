"""Cells written out against torch's: states, gradients, padding; and what gates mean."""

import pytest
import torch
from torch import nn

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.audio.cells import GRU, LSTM, RNN, gru_step, lstm_step

PAIRS = {"rnn": (RNN, nn.RNN), "gru": (GRU, nn.GRU), "lstm": (LSTM, nn.LSTM)}
LENGTHS = torch.tensor([9, 1, 4, 9])


def pair(name: str, inputs=5, hidden=7):
    torch.manual_seed(1)
    own = PAIRS[name][0](inputs, hidden)
    torchs = PAIRS[name][1](inputs, hidden, batch_first=True)
    own.load_state_dict(torchs.state_dict())
    return own, torchs


def sequences(inputs=5) -> Padded:
    values = torch.randn(4, 9, inputs, generator=torch.Generator().manual_seed(2))
    return Padded(values * 2, LENGTHS)


def packed(network, batch: Padded):
    rows = nn.utils.rnn.pack_padded_sequence(
        batch.values, batch.lengths, batch_first=True, enforce_sorted=False
    )
    outputs, last = network(rows)
    states = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)[0]
    return states, (last[0] if isinstance(last, tuple) else last)[0]


@pytest.mark.parametrize("name", PAIRS)
def test_states_equal_torchs(name):
    own, torchs = pair(name)
    trace, (states, last) = own(sequences()), packed(torchs, sequences())
    torch.testing.assert_close(trace.states.values, states, atol=1e-6, rtol=0)
    torch.testing.assert_close(trace.last, last, atol=1e-6, rtol=0)
    assert trace.states.lengths.equal(LENGTHS)


@pytest.mark.parametrize("name", PAIRS)
def test_gradients_equal_torchs(name):
    own, torchs = pair(name)
    own(sequences()).states.values.square().sum().backward()
    packed(torchs, sequences())[0].square().sum().backward()
    for (key, mine), (other, theirs) in zip(
        own.named_parameters(), torchs.named_parameters(), strict=True
    ):
        assert key == other
        torch.testing.assert_close(mine.grad, theirs.grad, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", PAIRS)
def test_padding_changes_neither_states_nor_gates_at_real_steps(name):
    own, _ = pair(name)
    clean = own(sequences())
    dirty = sequences()
    dirty.values[~dirty.mask] = 1e4
    found = own(dirty)
    assert found.states.values.equal(clean.states.values) and found.last.equal(clean.last)
    for key, gate in clean.gates.items():
        assert found.gates[key][dirty.mask].equal(gate[dirty.mask])


@pytest.mark.parametrize("name", PAIRS)
def test_first_weights_lie_where_torchs_do(name):
    own = PAIRS[name][0](30, 50)
    for weight in own.parameters():
        assert 0.9 * 50**-0.5 < weight.abs().max() <= 50**-0.5


@pytest.mark.parametrize(("name", "gate"), [("gru", "update"), ("lstm", "forget")])
def test_an_open_gate_keeps_the_past(name, gate):
    """With that gate's bias far up and nothing written, the state stays what it was."""
    own, _ = pair(name)
    with torch.no_grad():
        own.bias_ih_l0[7:14] = 50.0  # the second block of either: update, forget
        if name == "lstm":
            own.bias_ih_l0[:7] = -50.0  # the input gate shut
    x, h = torch.randn(3, 5), torch.rand(3, 7) - 0.5
    if name == "gru":
        after, gates = gru_step(x, h, own.weights)
        assert after.equal(h)
    else:
        (_, after), gates = lstm_step(x, (torch.zeros(3, 7), h), own.weights)
        assert after.equal(h)
    assert (gates[gate] > 0.99).all()


def test_gates_are_shares_and_candidates_lie_between_minus_one_and_one():
    for name in ("gru", "lstm"):
        own, _ = pair(name)
        for key, gate in own(sequences()).gates.items():
            assert gate.shape == (4, 9, 7)
            if key not in ("candidate", "cell"):
                assert (gate > 0).all() and (gate < 1).all()
            if key == "candidate":
                assert (gate.abs() < 1).all() and (gate < 0).any()


def test_the_state_follows_from_the_gates_that_are_handed_out():
    own, _ = pair("lstm")
    trace = own(sequences())
    gates = {name: gate[0] for name, gate in trace.gates.items()}
    cell = torch.zeros(7)
    for t in range(9):
        cell = gates["forget"][t] * cell + gates["input"][t] * gates["candidate"][t]
        torch.testing.assert_close(gates["cell"][t], cell)
        torch.testing.assert_close(trace.states.values[0, t], gates["output"][t] * cell.tanh())
