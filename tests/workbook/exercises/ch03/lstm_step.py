"""Answers to `lstm_step` as people write them, and what they are told."""

import torch
from torch import nn


def by_the_library(x, h, c, w_ih, w_hh, b_ih, b_hh):
    return torch.lstm_cell(x, (h, c), w_ih, w_hh, b_ih, b_hh)


def by_the_module(x, h, c, w_ih, w_hh, b_ih, b_hh):
    cell = nn.LSTMCell(x.shape[1], h.shape[1])
    weights = {"weight_ih": w_ih, "weight_hh": w_hh, "bias_ih": b_ih, "bias_hh": b_hh}
    return torch.func.functional_call(cell, weights, (x, (h, c)))


def row_by_row(x, h, c, w_ih, w_hh, b_ih, b_hh):
    states, memories = [], []
    for one, state, memory in zip(x, h, c, strict=True):
        i, f, g, o = (w_ih @ one + b_ih + w_hh @ state + b_hh).view(4, -1)
        memory = memory * f.sigmoid() + i.sigmoid() * g.tanh()
        states.append(o.sigmoid() * memory.tanh())
        memories.append(memory)
    return torch.stack(states), torch.stack(memories)


def one_matrix(x, h, c, w_ih, w_hh, b_ih, b_hh):
    k = h.shape[1]
    total = torch.cat([x, h], 1) @ torch.cat([w_ih, w_hh], 1).T + (b_ih + b_hh)
    new = torch.sigmoid(total[:, k : 2 * k]) * c
    new = new + torch.sigmoid(total[:, :k]) * torch.tanh(total[:, 2 * k : 3 * k])
    return [torch.sigmoid(total[:, 3 * k :]) * torch.tanh(new), new]


def four(x, h, w_ih, w_hh, b_ih, b_hh):
    return nn.functional.linear(x, w_ih, b_ih) + nn.functional.linear(h, w_hh, b_hh)


def step(rows, c, tanh=torch.tanh, end=torch.tanh):
    i, f, g, o = rows
    c = f.sigmoid() * c + i.sigmoid() * tanh(g)
    return o.sigmoid() * end(c), c


def no_tanh(x, h, c, w_ih, w_hh, b_ih, b_hh):
    return step(four(x, h, w_ih, w_hh, b_ih, b_hh).chunk(4, 1), c, end=lambda c: c)


def g_and_o_swapped(x, h, c, w_ih, w_hh, b_ih, b_hh):
    i, f, o, g = four(x, h, w_ih, w_hh, b_ih, b_hh).chunk(4, 1)
    return step((i, f, g, o), c)


def f_first(x, h, c, w_ih, w_hh, b_ih, b_hh):
    f, i, g, o = four(x, h, w_ih, w_hh, b_ih, b_hh).chunk(4, 1)
    return step((i, f, g, o), c)


def f_first_o_third(x, h, c, w_ih, w_hh, b_ih, b_hh):
    f, i, o, g = four(x, h, w_ih, w_hh, b_ih, b_hh).chunk(4, 1)
    return step((i, f, g, o), c)


def c_first(x, h, c, w_ih, w_hh, b_ih, b_hh):
    h, c = step(four(x, h, w_ih, w_hh, b_ih, b_hh).chunk(4, 1), c)
    return c, h


def old_c(x, h, c, w_ih, w_hh, b_ih, b_hh):
    i, f, g, o = four(x, h, w_ih, w_hh, b_ih, b_hh).chunk(4, 1)
    return o.sigmoid() * c.tanh(), f.sigmoid() * c + i.sigmoid() * g.tanh()


def c_into_the_matrix(x, h, c, w_ih, w_hh, b_ih, b_hh):
    return step(four(x, c, w_ih, w_hh, b_ih, b_hh).chunk(4, 1), h)


def sigmoid_everywhere(x, h, c, w_ih, w_hh, b_ih, b_hh):
    return step(four(x, h, w_ih, w_hh, b_ih, b_hh).chunk(4, 1), c, tanh=torch.sigmoid)


def never_forgets(x, h, c, w_ih, w_hh, b_ih, b_hh):
    i, _, g, o = four(x, h, w_ih, w_hh, b_ih, b_hh).chunk(4, 1)
    c = c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def coupled(x, h, c, w_ih, w_hh, b_ih, b_hh):
    _, f, g, o = four(x, h, w_ih, w_hh, b_ih, b_hh).chunk(4, 1)
    c = f.sigmoid() * c + (1 - f.sigmoid()) * g.tanh()
    return o.sigmoid() * c.tanh(), c


def interleaved(x, h, c, w_ih, w_hh, b_ih, b_hh):
    return step(four(x, h, w_ih, w_hh, b_ih, b_hh).view(len(x), -1, 4).unbind(2), c)


def no_second_bias(x, h, c, w_ih, w_hh, b_ih, b_hh):
    return step((x @ w_ih.T + h @ w_hh.T + b_ih).chunk(4, 1), c)


def h_only(x, h, c, w_ih, w_hh, b_ih, b_hh):
    return one_matrix(x, h, c, w_ih, w_hh, b_ih, b_hh)[0]


def as_the_layer(x, h, c, w_ih, w_hh, b_ih, b_hh):
    h, c = one_matrix(x, h, c, w_ih, w_hh, b_ih, b_hh)
    return h, (h, c)


def three(x, h, c, w_ih, w_hh, b_ih, b_hh):
    h, c = one_matrix(x, h, c, w_ih, w_hh, b_ih, b_hh)
    return h, h, c


def c_detached(x, h, c, w_ih, w_hh, b_ih, b_hh):
    return one_matrix(x, h, c.detach(), w_ih, w_hh, b_ih, b_hh)


def cell_detached_in_h(x, h, c, w_ih, w_hh, b_ih, b_hh):
    i, f, g, o = four(x, h, w_ih, w_hh, b_ih, b_hh).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.detach().tanh(), c


def into_c(x, h, c, w_ih, w_hh, b_ih, b_hh):
    i, f, g, o = four(x, h, w_ih, w_hh, b_ih, b_hh).chunk(4, 1)
    c *= f.sigmoid()
    c += i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def first_row_only(x, h, c, w_ih, w_hh, b_ih, b_hh):
    h, c = row_by_row(x, h, c, w_ih, w_hh, b_ih, b_hh)
    return h[0], c[0]


def bounded(x, h, c, w_ih, w_hh, b_ih, b_hh):
    i, f, g, o = four(x, h, w_ih, w_hh, b_ih, b_hh).chunk(4, 1)
    c = (f.sigmoid() * c + i.sigmoid() * g.tanh()).clamp(-5, 5)
    return o.sigmoid() * c.tanh(), c


def small_batches_only(x, h, c, w_ih, w_hh, b_ih, b_hh):
    h, c = row_by_row(x, h, c, w_ih, w_hh, b_ih, b_hh)
    return (h, c) if len(x) <= 8 else (0.9 * h, c)


RIGHT = by_the_library, by_the_module, row_by_row, one_matrix
WRONG = (
    (small_batches_only, "12 rows, 40 inputs, 64 units"),
    (no_tanh, "Is the tanh on the cell missing?"),
    (g_and_o_swapped, "Are the rows of the gates mixed up?"),
    (f_first, "Are the rows of the gates mixed up?"),
    (f_first_o_third, "Are the rows of the gates mixed up?"),
    (c_first, "of h should be 0.28, yours is 0.55. Are h and c returned the wrong way round?"),
    (old_c, "Is that the old c in h?"),
    (c_into_the_matrix, "Did you mix up the inputs h and c?"),
    (sigmoid_everywhere, "What squeezes what?"),
    (never_forgets, "What does the cell keep?"),
    (coupled, "What does the cell keep?"),
    (interleaved, "Did you deal the rows out in turn?"),
    (no_second_bias, "Did you use both biases"),
    (h_only, "the result should be the pair (h, c), yours is a tensor."),
    (as_the_layer, "c should be a tensor, yours is a tuple. The result is (h, c), no more."),
    (three, "the result should be the pair (h, c), yours has length 3."),
    (c_detached, "the gradient of `c` is not"),
    (cell_detached_in_h, "the value is right, but the gradient of"),
    (into_c, "changes its input `c`"),
    (bounded, "a step of cells around 20: entry"),
    (bounded, "Is c kept within bounds?"),
    (first_row_only, "the shape of h and c should be [2, 4], yours is [4]."),
)
