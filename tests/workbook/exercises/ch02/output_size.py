"""Answers to `output_size` as people write them, and what they are told."""

import math

import torch
from torch.nn.functional import conv1d


def by_floor(size, kernel, padding=0, stride=1, dilation=1):
    free = size + 2 * padding - dilation * (kernel - 1) - 1
    return math.floor(free / stride + 1) if free >= 0 else 0


def formula_of_the_books(size, kernel, padding=0, stride=1, dilation=1):
    return math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1)


def towards_zero(size, kernel, padding=0, stride=1, dilation=1):
    return int((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1


def towards_zero_from_0_on(size, kernel, padding=0, stride=1, dilation=1):
    return max(0, towards_zero(size, kernel, padding, stride, dilation))


def by_range(size, kernel, padding=0, stride=1, dilation=1):
    last = size + 2 * padding - dilation * (kernel - 1)
    return len(range(0, last, stride))


def only_trying(size, kernel, padding=0, stride=1, dilation=1):
    line, weights = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
    return conv1d(line, weights, None, stride, padding, dilation).shape[-1]


def by_trying(size, kernel, padding=0, stride=1, dilation=1):
    try:
        return only_trying(size, kernel, padding, stride, dilation)
    except RuntimeError:
        return 0


def as_a_tensor(size, kernel, padding=0, stride=1, dilation=1):
    covered = torch.tensor(dilation * (kernel - 1) + 1)
    steps = torch.div(size + 2 * padding - covered, stride, rounding_mode="floor")
    return (steps + 1).clamp(min=0)


def by_ceil(size, kernel, padding=0, stride=1, dilation=1):
    # As many as there are places for the first pixel of a window, every stride-th of them.
    places = size + 2 * padding - dilation * (kernel - 1)
    return -(-places // stride) if places > 0 else 0


def divided(size, kernel, padding=0, stride=1, dilation=1):
    return (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1


def one_ring_side(size, kernel, padding=0, stride=1, dilation=1):
    return by_floor(size, kernel, padding / 2, stride, dilation)


def rounded_up(size, kernel, padding=0, stride=1, dilation=1):
    return math.ceil((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1


def halves(size, kernel, padding=0, stride=1, dilation=1):
    return size // stride


def no_dilation(size, kernel, padding=0, stride=1, dilation=1):
    return by_range(size, kernel, padding, stride)


def kernel_times_dilation(size, kernel, padding=0, stride=1, dilation=1):
    return by_range(size, kernel * dilation, padding, stride)


def fence_posts(size, kernel, padding=0, stride=1, dilation=1):
    return by_range(size, kernel, padding, stride, dilation) - 1


def one_before_dividing(size, kernel, padding=0, stride=1, dilation=1):
    return int((size + 2 * padding - dilation * (kernel - 1)) / stride)


def odd_kernels(size, kernel, padding=0, stride=1, dilation=1):
    reach = dilation * (kernel // 2)
    return (size + 2 * padding - 2 * reach - 1) // stride + 1


def both_sides(size, kernel, padding=0, stride=1, dilation=1):
    one = by_floor(size, kernel, padding, stride, dilation)
    return torch.tensor([one, one])


def at_least_one(size, kernel, padding=0, stride=1, dilation=1):
    return max(1, by_floor(size, kernel, padding, stride, dilation))


def one_number_dilated(size, kernel, padding=0, stride=1, dilation=1):
    return by_floor(size, max(kernel, 2) if dilation > 1 else kernel, padding, stride, dilation)


def narrow_dilation(size, kernel, padding=0, stride=1, dilation=1):
    return by_range(size, kernel, padding, stride, min(dilation, 3))


RIGHT = by_floor, by_range, by_trying, by_ceil
WRONG = (
    (divided, "the size should be a whole number, yours is 3.0. Divide with //"),
    (one_ring_side, "should be 32, yours is 31. Did you count the padding once?"),
    (rounded_up, "should be 16, yours is 17. Did you round up?"),
    (halves, "the size behind 5 pixels, kernel 3, should be 3, yours is 5. Pixels with padding"),
    (no_dilation, "should be 20, yours is 24. Did you use `dilation`?"),
    (kernel_times_dilation, "How far does a dilated kernel reach?"),
    (fence_posts, "Did you forget the first window?"),
    (one_before_dividing, "Is 1 added before dividing?"),
    (odd_kernels, "12 pixels, kernel 4, should be 9, yours is 8. Is it written for odd kernels?"),
    (
        towards_zero,
        "2 pixels, kernel 3, padding 0, stride 2, should be 0, yours is 1. Is that int(…)",
    ),
    (towards_zero_from_0_on, "should be 0, yours is 1. Is that int(…)?"),
    (
        formula_of_the_books,
        "2 pixels, kernel 7, should be 0, yours is -4. Where not even one window",
    ),
    (only_trying, "Where not even one window fits, the answer is 0."),
    (at_least_one, "should be 0, yours is 1. Where not even one window fits, the answer is 0."),
    (one_number_dilated, "9 pixels, kernel 1, padding 0, stride 2, dilation 4, should be 5, yours"),
    (narrow_dilation, "40 pixels, kernel 3, padding 0, stride 1, dilation 6, should be 28, yours"),
    (as_a_tensor, "should be a plain number, yours is a tensor. Give an int: `.item()`"),
    (both_sides, "the size should be a single number, yours has shape [2]. One line is asked"),
    (lambda *options: str(by_floor(*options)), "expected the signature output_size(size, kernel,"),
    (lambda size, kernel, padding, stride, dilation: 1, "yours is output_size(size, kernel, pad"),
    (lambda size, kernel, padding=0, stride=1, dilation=1: "3", "a single number, yours is a str"),
)
