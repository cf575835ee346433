"""Exercise `lstm_step`: one step of a long short-term memory."""

from __future__ import annotations

import numpy as np
import torch
from torch import sigmoid, tanh

from xmodal_lab.workbook.exercises.ch03 import cells
from xmodal_lab.workbook.exercises.ch03.pair import Pair
from xmodal_lab.workbook.exercises.form import AtSize, Case, Exercise, Misconception


def lstm_step(x, h, c, w_ih, w_hh, b_ih, b_hh):
    """x (batch, dim), h and c (batch, hidden), weights as torch.nn.LSTM's → the next (h, c)."""
    i, f, g, o = (x @ w_ih.T + b_ih + h @ w_hh.T + b_hh).chunk(4, dim=1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def oracle(x, h, c, w_ih, w_hh, b_ih, b_hh):
    """Row by row, unit by unit: four numbers, of which three are gates."""
    hidden = h.shape[1]
    states, memory = np.zeros(h.shape), np.zeros(c.shape)
    for row, unit in np.ndindex(*h.shape):
        four = []
        for place in range(unit, 4 * hidden, hidden):
            total = b_ih[place] + b_hh[place]
            total += sum(x[row] * w_ih[place]) + sum(h[row] * w_hh[place])
            four.append(total)
        write, keep, show = (cells.logistic(four[gate]) for gate in (0, 1, 3))
        memory[row, unit] = keep * c[row, unit] + write * np.tanh(four[2])
        states[row, unit] = show * np.tanh(memory[row, unit])
    return states, memory


def cases():
    random = torch.Generator().manual_seed(34)
    for sizes in cells.SIZES:
        inputs = cells.drawn(*sizes, 4, 2, random)
        yield Case(inputs, f"a step of {cells.in_words(*sizes)}")
    x, h, c, *weights = inputs
    yield Case((x, 0 * h, 0 * c, *weights), "a first step, h and c all 0")
    yield Case((100 * x, h, c, *weights), "a step with inputs around 100", cells.LOUD)
    yield Case((x, h, 20 * c, *weights), "a step of cells around 20", GROWS)


GROWS = "Is c kept within bounds? It may grow; only what is shown is squeezed, by tanh."


def answer(
    memory=lambda i, f, g, c: f * c + i * g,
    shown=lambda o, new, old: o * tanh(new),
    proposal=tanh,
    gate=sigmoid,
    order=(0, 1, 2, 3),
    chunk=lambda x: x.chunk(4, dim=1),
    handed=lambda h, c: (h, c),
):
    """An answer: what the cell keeps, what it shows, how rows are read, what is returned."""

    def step(x, h, c, w_ih, w_hh, b_ih, b_hh):
        rows = chunk(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
        i, f, g, o = (rows[place] for place in order)
        new = memory(gate(i), gate(f), proposal(g), c)
        return handed(shown(gate(o), new, c), new)

    return step


def without(*names):
    """An answer that leaves biases, or a whole input, out."""

    def step(x, h, c, w_ih, w_hh, b_ih, b_hh):
        given = {"w_ih": w_ih, "w_hh": w_hh, "b_ih": b_ih, "b_hh": b_hh}
        given |= {name: 0 * given[name] for name in names}
        return lstm_step(x, h, c, **given)

    return step


def more_memory(x, h, c, w_ih, w_hh, b_ih, b_hh):
    hidden = h.shape[1]
    extra = torch.zeros_like(b_ih)
    extra[hidden : 2 * hidden] = 1
    return lstm_step(x, h, c, w_ih, w_hh, b_ih + extra, b_hh)


ORDER = "Are the rows of the gates mixed up? They stand in the order i, f, g, o."
TANH = "Is the tanh on the cell missing? h = o · tanh(c)."
SQUEEZED = "What squeezes what? Gates i, f and o: sigmoid. The proposal g: tanh."
KEPT = "What does the cell keep? c = f · c + i · g: the old times f, the new times i."
SHOWN = "What is shown? h = o · tanh(c), with the new c."
BIASES = "Did you use both biases, b_ih and b_hh?"

MISCONCEPTIONS = (
    Misconception(TANH, answer(shown=lambda o, new, old: o * new)),
    Misconception(
        "Is that the old c in h? The new one is shown: h = o · tanh(c), behind c's own line.",
        answer(shown=lambda o, new, old: o * tanh(old)),
    ),
    Misconception(
        "Are h and c returned the wrong way round? First h, then c.",
        answer(handed=lambda h, c: (c, h)),
    ),
    Misconception("Did you return h twice? (h, c).", answer(handed=lambda h, c: (h, h))),
    Misconception("Did you return c twice? (h, c).", answer(handed=lambda h, c: (c, c))),
    Misconception(
        "Did you mix up the inputs h and c? The matrix meets h, the forget gate meets c.",
        lambda x, h, c, *weights: lstm_step(x, c, h, *weights),
    ),
    Misconception(
        "Is the state h in the cell's line? c = f · c + i · g remembers the old c.",
        lambda x, h, c, *weights: lstm_step(x, h, h, *weights),
    ),
    Misconception(ORDER, answer(order=(0, 1, 3, 2))),
    Misconception(ORDER, answer(order=(0, 2, 1, 3))),
    Misconception(ORDER, answer(order=(1, 0, 2, 3))),
    Misconception(ORDER, answer(order=(1, 0, 3, 2))),
    Misconception(ORDER, answer(order=(0, 3, 1, 2))),
    Misconception(ORDER, answer(order=(0, 2, 3, 1))),
    Misconception(ORDER, answer(order=(3, 1, 2, 0))),
    Misconception(ORDER, answer(order=(1, 2, 3, 0))),
    Misconception(ORDER, answer(order=(1, 3, 0, 2))),
    Misconception(ORDER, answer(order=(1, 2, 0, 3))),
    Misconception(ORDER, answer(order=(0, 3, 2, 1))),
    Misconception(
        "Did you deal the rows out in turn? The first `hidden` rows are i's, the next f's, and so "
        "on.",
        answer(chunk=lambda x: cells.rows_in_turn(x, 4)),
    ),
    Misconception(SQUEEZED, answer(proposal=sigmoid)),
    Misconception(SQUEEZED, answer(proposal=lambda x: x)),
    Misconception(SQUEEZED, answer(proposal=torch.relu)),
    Misconception(SQUEEZED, answer(gate=tanh)),
    Misconception(SQUEEZED, answer(gate=lambda x: x)),
    Misconception(KEPT, answer(lambda i, f, g, c: c + i * g)),
    Misconception(KEPT, answer(lambda i, f, g, c: f * c + g)),
    Misconception(KEPT, answer(lambda i, f, g, c: i * g)),
    Misconception(KEPT, answer(lambda i, f, g, c: f * c)),
    Misconception(KEPT, answer(lambda i, f, g, c: (1 - f) * c + i * g)),
    Misconception(KEPT, answer(lambda i, f, g, c: (1 - f) * c + f * g)),
    Misconception(KEPT, answer(lambda i, f, g, c: f * c + (1 - f) * g)),
    Misconception(KEPT, answer(lambda i, f, g, c: (1 - i) * c + i * g)),
    Misconception(KEPT, answer(lambda i, f, g, c: f * (c + i * g))),
    Misconception(KEPT, answer(lambda i, f, g, c: i * c + i * g)),
    Misconception(KEPT, answer(lambda i, f, g, c: f * c + f * g)),
    Misconception(KEPT, answer(lambda i, f, g, c: f * c - i * g)),
    Misconception(
        "Is there a tanh around the cell? c itself may grow; only what is shown is squeezed.",
        answer(lambda i, f, g, c: tanh(f * c + i * g)),
    ),
    Misconception(
        "Is there a tanh around the cell? c itself may grow; only what is shown is squeezed.",
        answer(handed=lambda h, c: (h, tanh(c))),
    ),
    Misconception(SHOWN, answer(shown=lambda o, new, old: tanh(new))),
    Misconception(SHOWN, answer(shown=lambda o, new, old: tanh(o * new))),
    Misconception(SHOWN, answer(shown=lambda o, new, old: o * sigmoid(new))),
    Misconception(SHOWN, answer(shown=lambda o, new, old: o)),
    Misconception(
        "Did you hand on the old c? The new one is asked for.",
        lambda x, h, c, *weights: (lstm_step(x, h, c, *weights)[0], c),
    ),
    Misconception(BIASES, without("b_ih")),
    Misconception(BIASES, without("b_hh")),
    Misconception(BIASES, without("b_ih", "b_hh")),
    Misconception("Do the gates hear x?", without("w_ih")),
    Misconception("Do the gates hear h?", without("w_hh")),
    Misconception(
        "Is 1 added to the forget gate? Some do when weights are first made.", more_memory
    ),
)

EXERCISE = Exercise(
    reference=lstm_step,
    oracle=oracle,
    cases=cases,
    result=Pair(
        names=("h", "c"),
        if_shape="Both have the shape of the old ones, (batch, hidden).",
        if_other="The result is (h, c), no more.",
    ),
    misconceptions=MISCONCEPTIONS,
    advice="x @ w_ih.T + b_ih + h @ w_hh.T + b_hh, cut into i, f, g, o; then c, then h.",
    praise="equal to an explicit loop in 9 steps, gradients included",
    gradient=("x", "h", "c", "w_ih", "w_hh", "b_ih", "b_hh"),
    at_size=AtSize(
        lambda: cells.drawn(1, 40, 64, 4, 2, torch.Generator().manual_seed(0)),
        "64 units and one frame",
        calls=100,
    ),
)
