"""Answers to `residual_block` as people write them, and what they are told."""

import torch
from torch.nn import functional as F


def step_by_step(x, first, second):
    out = first(x)
    out = F.relu(out)
    out = second(out)
    out = out + x
    return F.relu(out)


def by_clamp(x, first, second):
    return (second(first(x).clamp(min=0)) + x).clamp(min=0)


def by_maximum(x, first, second):
    branch = second(torch.maximum(first(x), torch.zeros_like(x)))
    total = torch.add(x, branch)
    return total * (total > 0)


def as_layers(x, first, second):
    relu = torch.nn.ReLU()
    return relu(sum((x, second(relu(first(x))))))


def sum_in_place(x, first, second):
    # The sum is a new tensor: nobody else holds it.
    return F.relu(x + second(F.relu(first(x))), inplace=True)


def plain(x, first, second):
    return F.relu(second(F.relu(first(x))))


def skip_outside(x, first, second):
    identity = x
    return F.relu(second(F.relu(first(x)))) + identity


def not_cut(x, first, second):
    return x + second(first(x).clamp(min=0))


def without_inner(x, first, second):
    return F.relu(x + second(first(x)))


def cut_twice(x, first, second):
    branch = F.relu(second(F.relu(first(x))))
    return F.relu(x + branch)


def late_identity(x, first, second):
    out = first(x)
    identity = out
    return F.relu(second(F.relu(out)) + identity)


def name_reused(x, first, second):
    x = F.relu(first(x))
    return F.relu(x + second(x))


def adds_in_place(x, first, second):
    x += second(F.relu(first(x)))
    return F.relu(x)


def relu_in_place(x, first, second):
    return F.relu(F.relu(x, inplace=True) + second(F.relu(first(x))))


def hidden_in_place(x, first, second):
    # Where `first` hands on x itself, this writes into x before the skip takes it.
    return F.relu(second(F.relu(first(x), inplace=True)) + x)


def both_in_place(x, first, second):
    return F.relu(x + second(F.relu(first(x), inplace=True)), inplace=True)


def smooth(x, first, second):
    return F.gelu(x + second(F.gelu(first(x))))


def leaky(x, first, second):
    return F.leaky_relu(step_by_step_open(x, first, second))


def step_by_step_open(x, first, second):
    return x + second(F.leaky_relu(first(x)))


def no_way_back(x, first, second):
    return step_by_step(x.detach(), first, second)


def skip_detached(x, first, second):
    return F.relu(x.detach() + second(F.relu(first(x))))


def branch_without_gradient(x, first, second):
    with torch.no_grad():
        branch = second(F.relu(first(x)))
    return F.relu(x + branch)


def open_for_lines(x, first, second):
    out = x + second(F.relu(first(x)))
    return out if x.ndim == 1 else F.relu(out)


def capped(x, first, second):
    return F.relu(x + second(F.relu6(first(x))))


def first_twice(x, first, second):
    # The value is right: `first` gives the same both times.
    hidden = F.relu(first(x)) if first(x).ndim else x
    return F.relu(x + second(hidden))


def second_twice(x, first, second):
    hidden = F.relu(first(x))
    return F.relu(x + (second(hidden) + second(hidden)) / 2)


def tried_before(x, first, second):
    assert first(x).shape == x.shape  # thrown away
    return step_by_step(x, first, second)


RIGHT = step_by_step, by_clamp, by_maximum, as_layers, sum_in_place
WRONG = (
    (plain, "Did you forget to add x?"),
    (skip_outside, "Does the skip come behind the last ReLU?"),
    (not_cut, "Is the ReLU behind the sum missing?"),
    (without_inner, "Is the ReLU between `first` and `second` missing?"),
    (cut_twice, "Is there a ReLU on the branch before adding?"),
    (late_identity, "Does the skip begin at x itself"),
    (name_reused, "Does the skip begin at x itself"),
    (adds_in_place, "changes its input `x`. Did you write into it in place?"),
    (relu_in_place, "changes its input `x`. Did you write into it in place?"),
    (hidden_in_place, "changes its input `x`. Did you write into it in place?"),
    (both_in_place, "changes its input `x`. Did you write into it in place?"),
    (both_in_place, "Here `first` hands on x itself: a ReLU with inplace=True behind it"),
    (open_for_lines, "a block for [8]: entry"),
    (open_for_lines, "Do all its ReLUs stand there, whatever the shape of x"),
    (capped, "a block for [8]: entry"),
    (smooth, "`first`, ReLU, `second`; add x; ReLU."),
    (leaky, "`first`, ReLU, `second`; add x; ReLU."),
    (first_twice, "`first` is called a second time"),
    (second_twice, "`second` is called a second time"),
    (tried_before, "Call each layer once and keep what it gives"),
    (no_way_back, "the value is right, but no gradient flows back"),
    (skip_detached, "the gradient of `x` is not. Did you detach it"),
    (branch_without_gradient, "the gradient of `x` is not. Did you detach it"),
    (lambda x, first, second: step_by_step(x, first, second).sum(0), "has the shape of x"),
    (lambda x: x, "expected the signature residual_block(x, first, second)"),
)
