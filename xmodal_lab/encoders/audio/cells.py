"""Recurrent cells, written out: a plain one, LSTM and GRU, with their gates in reach.

Each computes what its namesake in ``torch.nn`` computes with one layer and one direction, from
weights of the same names and shapes: ``own.load_state_dict(torchs.state_dict())``. Torch's do all
steps in one call of compiled code and are much faster; these can be read.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Padded

Gates = dict[str, Tensor]


class Weights(NamedTuple):
    """What one step multiplies by; ``gates`` blocks of ``hidden`` rows stand below each other.

    Attributes:
        input: (gates · hidden, inputs), for what is read.
        hidden: (gates · hidden, hidden), for the state.
        input_bias: (gates · hidden,).
        hidden_bias: (gates · hidden,).
    """

    input: Tensor
    hidden: Tensor
    input_bias: Tensor
    hidden_bias: Tensor


class Trace(NamedTuple):
    """What a cell did at every step.

    Attributes:
        states: h at every step (batch, time, hidden) with the real lengths; 0 where padded.
        last: h after the last real step (batch, hidden).
        gates: by name, (batch, time, hidden); what stands where padded means nothing.
    """

    states: Padded
    last: Tensor
    gates: Gates


def rnn_step(
    x: Float[Tensor, "batch inputs"], h: Float[Tensor, "batch hidden"], weights: Weights
) -> tuple[Float[Tensor, "batch hidden"], Gates]:
    """A plain recurrent step: h' = tanh(W x + U h + b). It has no gates.

    Source: Elman 1990.
    """
    pushed = F.linear(x, weights.input, weights.input_bias)
    return torch.tanh(pushed + F.linear(h, weights.hidden, weights.hidden_bias)), {}


def gru_step(
    x: Float[Tensor, "batch inputs"], h: Float[Tensor, "batch hidden"], weights: Weights
) -> tuple[Float[Tensor, "batch hidden"], Gates]:
    """One step of a gated recurrent unit.

        r = σ(W_r x + U_r h)                reset: how much of the past the candidate sees
        z = σ(W_z x + U_z h)                update: how much of the past stays
        n = tanh(W_n x + r ⊙ (U_n h))       candidate (biases are left out here)
        h' = (1 - z) ⊙ n + z ⊙ h

    The blocks of the weights stand in the order r, z, n.

    Returns:
        The new state, and the gates 'reset', 'update', 'candidate', each (batch, hidden).

    Source: Cho et al. 2014; r outside of the product with U_n, as in cuDNN and torch.
    """
    read = F.linear(x, weights.input, weights.input_bias).chunk(3, dim=1)
    kept = F.linear(h, weights.hidden, weights.hidden_bias).chunk(3, dim=1)
    reset, update = torch.sigmoid(read[0] + kept[0]), torch.sigmoid(read[1] + kept[1])
    candidate = torch.tanh(read[2] + reset * kept[2])
    hidden = (1 - update) * candidate + update * h
    return hidden, {"reset": reset, "update": update, "candidate": candidate}


def lstm_step(
    x: Float[Tensor, "batch inputs"],
    state: tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch hidden"]],
    weights: Weights,
) -> tuple[tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch hidden"]], Gates]:
    """One step of a long short-term memory, from (h, c) to (h', c').

        i = σ(W_i x + U_i h)     input: how much is written
        f = σ(W_f x + U_f h)     forget: how much of the cell stays
        g = tanh(W_g x + U_g h)  candidate (biases are left out here)
        o = σ(W_o x + U_o h)     output: how much is shown
        c' = f ⊙ c + i ⊙ g,      h' = o ⊙ tanh(c')

    The blocks of the weights stand in the order i, f, g, o.

    Returns:
        The new (h', c'), and the gates 'input', 'forget', 'candidate', 'output' and the 'cell' c',
        each (batch, hidden).

    Source: Hochreiter and Schmidhuber 1997; the forget gate, Gers et al. 2000.
    """
    h, c = state
    read = F.linear(x, weights.input, weights.input_bias)
    blocks = (read + F.linear(h, weights.hidden, weights.hidden_bias)).chunk(4, dim=1)
    write, forget, output = (torch.sigmoid(blocks[number]) for number in (0, 1, 3))
    candidate = torch.tanh(blocks[2])
    cell = forget * c + write * candidate
    gates = {"input": write, "forget": forget, "candidate": candidate, "output": output}
    return (output * torch.tanh(cell), cell), gates | {"cell": cell}


class RNN(nn.Module):
    """A plain recurrent network of one layer and one direction; equals ``nn.RNN``.

    A row that has ended keeps its state, so padding changes nothing.

    Shapes: ``Padded`` (batch, time, inputs) → ``Trace``.

    Args:
        inputs: size of what is read at each step.
        hidden: size of the state.
    """

    blocks = 1

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        rows, bound = self.blocks * hidden, hidden**-0.5  # as torch begins
        shapes = {"weight_ih": (rows, inputs), "weight_hh": (rows, hidden)}
        for name, shape in (shapes | {"bias_ih": (rows,), "bias_hh": (rows,)}).items():
            start = torch.empty(shape).uniform_(-bound, bound)
            self.register_parameter(f"{name}_l0", nn.Parameter(start))

    @property
    def weights(self) -> Weights:
        return Weights(self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0)

    def begin(self, x: Tensor):
        """The state before the first step: all 0."""
        return x.new_zeros(len(x), self.hidden)

    def step(self, x: Tensor, state):
        """One step for all rows; returns the new state and the gates."""
        return rnn_step(x, state, self.weights)

    def keep(self, real: Tensor, new, old):
        """The new state of rows that are at a real step, the old one of the others."""
        return torch.where(real, new, old)

    def shown(self, state) -> Float[Tensor, "batch hidden"]:
        """What of the state the next layer sees: h."""
        return state

    def forward(self, batch: Padded) -> Trace:
        state, states, gates = self.begin(batch.values[:, 0]), [], []
        for x, real in zip(batch.values.unbind(1), batch.mask.unbind(1), strict=True):
            new, opened = self.step(x, state)
            state = self.keep(real[:, None], new, state)
            states.append(self.shown(state))
            gates.append(opened)
        values = torch.stack(states, dim=1) * batch.mask[:, :, None]
        over_time = {name: torch.stack([g[name] for g in gates], dim=1) for name in gates[0]}
        return Trace(Padded(values, batch.lengths), self.shown(state), over_time)


class GRU(RNN):
    """Gated recurrent unit of one layer and one direction; equals ``nn.GRU``. See ``gru_step``."""

    blocks = 3

    def step(self, x: Tensor, state):
        return gru_step(x, state, self.weights)


class LSTM(RNN):
    """Long short-term memory of one layer and one direction; equals ``nn.LSTM``.

    The state is (h, c). See ``lstm_step``.
    """

    blocks = 4

    def begin(self, x: Tensor):
        return x.new_zeros(len(x), self.hidden), x.new_zeros(len(x), self.hidden)

    def step(self, x: Tensor, state):
        return lstm_step(x, state, self.weights)

    def keep(self, real: Tensor, new, old):
        return tuple(torch.where(real, a, b) for a, b in zip(new, old, strict=True))

    def shown(self, state) -> Float[Tensor, "batch hidden"]:
        return state[0]
