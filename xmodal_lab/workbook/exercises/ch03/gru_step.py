"""Exercise `gru_step`: one step of a gated recurrent unit."""

from __future__ import annotations

import numpy as np
import torch
from torch import sigmoid, tanh

from xmodal_lab.workbook.exercises.ch03 import cells
from xmodal_lab.workbook.exercises.form import AtSize, Case, Entries, Exercise, Misconception


def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    """x (batch, dim), h (batch, hidden), weights as torch.nn.GRU's → next h (batch, hidden)."""
    x_r, x_z, x_n = (x @ w_ih.T + b_ih).chunk(3, dim=1)
    h_r, h_z, h_n = (h @ w_hh.T + b_hh).chunk(3, dim=1)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    return (1 - z) * tanh(x_n + r * h_n) + z * h


def oracle(x, h, w_ih, w_hh, b_ih, b_hh):
    """Row by row, unit by unit: three numbers from the input, three from the state."""
    hidden = h.shape[1]
    new = np.zeros(h.shape)
    for row, unit in np.ndindex(*h.shape):
        places = [unit + gate * hidden for gate in range(3)]
        seen = [sum(x[row] * w_ih[place]) + b_ih[place] for place in places]
        kept = [sum(h[row] * w_hh[place]) + b_hh[place] for place in places]
        reset, update = (cells.logistic(seen[gate] + kept[gate]) for gate in (0, 1))
        proposal = np.tanh(seen[2] + reset * kept[2])
        new[row, unit] = proposal + update * (h[row, unit] - proposal)
    return new


def cases():
    random = torch.Generator().manual_seed(33)
    for sizes in cells.SIZES:
        inputs = cells.drawn(*sizes, 3, 1, random)
        yield Case(inputs, f"a step of {cells.in_words(*sizes)}")
    x, h, *weights = inputs
    yield Case((x, 0 * h, *weights), "a first step, h all 0")
    yield Case((100 * x, h, *weights), "a step with inputs around 100", cells.LOUD)


def answer(
    new=lambda n, z, h: (1 - z) * n + z * h,
    proposed=lambda x_n, h_n, r, bias: tanh(x_n + r * h_n),
    gate=sigmoid,
    order=(0, 1, 2),
    chunk=lambda x: x.chunk(3, dim=1),
):
    """An answer: what becomes the state, what is proposed, and how rows are read."""

    def step(x, h, w_ih, w_hh, b_ih, b_hh):
        seen, kept = chunk(x @ w_ih.T + b_ih), chunk(h @ w_hh.T + b_hh)
        r, z = (gate(seen[order[i]] + kept[order[i]]) for i in (0, 1))
        bias = chunk(b_hh[None])[order[2]]
        return new(proposed(seen[order[2]], kept[order[2]], r, bias), z, h)

    return step


def without(*names):
    """An answer that leaves biases, or a whole input, out."""

    def step(x, h, w_ih, w_hh, b_ih, b_hh):
        given = {"w_ih": w_ih, "w_hh": w_hh, "b_ih": b_ih, "b_hh": b_hh}
        given |= {name: 0 * given[name] for name in names}
        return gru_step(x, h, **given)

    return step


def reset_first(x, h, w_ih, w_hh, b_ih, b_hh):
    hidden = h.shape[1]
    r, z = sigmoid(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)[:, : 2 * hidden].chunk(2, dim=1)
    seen = x @ w_ih[2 * hidden :].T + b_ih[2 * hidden :]
    n = tanh(seen + (r * h) @ w_hh[2 * hidden :].T + b_hh[2 * hidden :])
    return (1 - z) * n + z * h


def first_weights_for_both(x, h, w_ih, w_hh, b_ih, b_hh):
    return gru_step(x, h, w_ih, w_hh, b_ih, b_ih)


ORDER = "Are the rows of the gates mixed up? They stand in the order r, z, n."
UPDATE = "Is the update gate the wrong way round? Where z is 1, the old h stays: (1 − z) n + z h."
RESET = "Does r meet h before the matrix? In torch's form it comes behind: r · (W_hn h + b_hn)."
WHICH = "What does r multiply? Only the part that comes from h: r · (W_hn h + b_hn)."
BIASES = "Did you use both biases, b_ih and b_hh?"
SIGMOID = "What squeezes what? Gates r and z: sigmoid. The proposal n: tanh."
BETWEEN = "Is the new h a mixture of n and the old h? (1 − z) n + z h."

MISCONCEPTIONS = (
    Misconception(UPDATE, answer(lambda n, z, h: z * n + (1 - z) * h)),
    Misconception(RESET, reset_first),
    Misconception(
        "Is b_hn added outside the brackets? r multiplies it too: r · (W_hn h + b_hn).",
        answer(proposed=lambda x_n, h_n, r, bias: tanh(x_n + r * (h_n - bias) + bias)),
    ),
    Misconception(WHICH, answer(proposed=lambda x_n, h_n, r, bias: tanh(r * (x_n + h_n)))),
    Misconception(WHICH, answer(proposed=lambda x_n, h_n, r, bias: tanh(r * x_n + h_n))),
    Misconception(WHICH, answer(proposed=lambda x_n, h_n, r, bias: r * tanh(x_n + h_n))),
    Misconception(
        "Is r the wrong way round? Where r is 1, all of the old state is heard.",
        answer(proposed=lambda x_n, h_n, r, bias: tanh(x_n + (1 - r) * h_n)),
    ),
    Misconception(
        "Did you use the reset gate r?", answer(proposed=lambda x_n, h_n, r, b: tanh(x_n + h_n))
    ),
    Misconception(
        "Does the proposal n hear the old state? x's part + r · h's part.",
        answer(proposed=lambda x_n, h_n, r, bias: tanh(x_n)),
    ),
    Misconception(
        "Does the proposal n hear the input? x's part + r · h's part.",
        answer(proposed=lambda x_n, h_n, r, bias: tanh(r * h_n)),
    ),
    Misconception(ORDER, answer(order=(1, 0, 2))),
    Misconception(ORDER, answer(order=(0, 2, 1))),
    Misconception(ORDER, answer(order=(2, 1, 0))),
    Misconception(ORDER, answer(order=(1, 2, 0))),
    Misconception(ORDER, answer(order=(2, 0, 1))),
    Misconception(
        "Did you deal the rows out in turn? First all `hidden` rows of r, then z's, then n's.",
        answer(chunk=lambda x: cells.rows_in_turn(x, 3)),
    ),
    Misconception(SIGMOID, answer(proposed=lambda x_n, h_n, r, bias: sigmoid(x_n + r * h_n))),
    Misconception(SIGMOID, answer(proposed=lambda x_n, h_n, r, bias: x_n + r * h_n)),
    Misconception(SIGMOID, answer(proposed=lambda x_n, h_n, r, bias: (x_n + r * h_n).relu())),
    Misconception(SIGMOID, answer(gate=tanh)),
    Misconception(SIGMOID, answer(gate=lambda x: x)),
    Misconception(BETWEEN, answer(lambda n, z, h: n)),
    Misconception(BETWEEN, answer(lambda n, z, h: (1 - z) * n)),
    Misconception(BETWEEN, answer(lambda n, z, h: n + z * h)),
    Misconception(BETWEEN, answer(lambda n, z, h: (1 - z) * n + h)),
    Misconception(BETWEEN, answer(lambda n, z, h: z * n)),
    Misconception(BETWEEN, answer(lambda n, z, h: z * h)),
    Misconception(
        "Is there one tanh too many? The mixture is the new h.",
        answer(lambda n, z, h: tanh((1 - z) * n + z * h)),
    ),
    Misconception(BIASES, without("b_ih")),
    Misconception(BIASES, without("b_hh")),
    Misconception(BIASES, without("b_ih", "b_hh")),
    Misconception("Did you add b_ih twice? b_hh belongs to h.", first_weights_for_both),
    Misconception("Do the gates hear x?", without("w_ih")),
    Misconception("Do the gates hear h?", without("w_hh")),
)

EXERCISE = Exercise(
    reference=gru_step,
    oracle=oracle,
    cases=cases,
    result=Entries(if_shape="The new h has the shape of the old one, (batch, hidden)."),
    misconceptions=MISCONCEPTIONS,
    advice="x @ w_ih.T + b_ih and h @ w_hh.T + b_hh, each cut into r, z, n; two gates, a proposal, "
    "a mixture.",
    praise="equal to an explicit loop in 8 steps, gradients included",
    gradient=("x", "h", "w_ih", "w_hh", "b_ih", "b_hh"),
    at_size=AtSize(
        lambda: cells.drawn(1, 40, 64, 3, 1, torch.Generator().manual_seed(0)),
        "64 units and one frame",
        calls=100,
    ),
)
