"""Answers to `bottleneck_parameters` as people write them, and what they are told."""

import torch


def by_formula(channels, width, stride=1):
    n = width // 4
    total = channels * n + 9 * n * n + n * width + 2 * (n + n + width)
    if channels != width or stride > 1:
        total += channels * width + 2 * width
    return total


def by_layers(channels, width, stride=1):
    n = width // 4
    layers = [
        torch.nn.Conv2d(channels, n, 1, bias=False),
        torch.nn.BatchNorm2d(n),
        torch.nn.Conv2d(n, n, 3, bias=False),
        torch.nn.BatchNorm2d(n),
        torch.nn.Conv2d(n, width, 1, bias=False),
        torch.nn.BatchNorm2d(width),
    ]
    if stride != 1 or channels != width:
        layers += [torch.nn.Conv2d(channels, width, 1, bias=False), torch.nn.BatchNorm2d(width)]
    return sum(p.numel() for layer in layers for p in layer.parameters())


def kernels_alone(channels, width, stride=1):
    n = width // 4
    way = channels * width if channels != width or stride > 1 else 0
    return channels * n + 9 * n * n + n * width + way


def no_way_around(channels, width, stride=1):
    n = width // 4
    return channels * n + 9 * n * n + n * width + 4 * n + 2 * width


def way_by_width(channels, width, stride=1):
    way = channels * width + 2 * width if channels != width else 0
    return no_way_around(channels, width) + way


def way_always(channels, width, stride=1):
    return no_way_around(channels, width) + channels * width + 2 * width


def bare_way(channels, width, stride=1):
    way = channels * width if channels != width or stride > 1 else 0
    return no_way_around(channels, width) + way


def with_state(channels, width, stride=1):
    # len of state_dict's tensors: running mean and variance come along
    n = width // 4
    maps = n + n + width
    if channels != width or stride != 1:
        maps += width
    kernels = kernels_alone(channels, width, stride)
    return kernels + 4 * maps


def three_of_three(channels, width, stride=1):
    n = width // 4
    count = channels * n + 3 * n * n + n * width + 4 * n + 2 * width
    if channels != width or stride > 1:
        count += channels * width + 2 * width
    return count


def as_a_float(channels, width, stride=1):
    return by_formula(channels, width, stride) * 1.0


def wide_inside(channels, width, stride=1):
    count = channels * width + 9 * width * width + width * width + 6 * width
    return count + (channels * width + 2 * width if channels != width or stride != 1 else 0)


def narrow(n, channels, width, stride):
    total = channels * n + 9 * n * n + n * width + 2 * (n + n + width)
    return total + (channels * width + 2 * width if channels != width or stride > 1 else 0)


def rounded_up(channels, width, stride=1):
    return narrow((width + 3) // 4, channels, width, stride)


def rounded_last(channels, width, stride=1):
    return int(narrow(width / 4, channels, width, stride))


def only_two(channels, width, stride=1):
    return by_formula(channels, width, stride if stride == 2 else 1)


def remembered(channels, width, stride=1, seen={}):  # noqa: B006 - that is the mistake
    return seen.setdefault((channels, width), by_formula(channels, width, stride))


def off_by_one(channels, width, stride=1):
    return by_formula(channels, width, stride) + 1


RIGHT = by_formula, by_layers
WRONG = (
    (kernels_alone, "Did you forget BatchNorm?"),
    (no_way_around, "Did you forget the way around?"),
    (way_by_width, "where the stride alone changes"),
    (way_always, "Is the way around always a convolution?"),
    (bare_way, "Has the way around a BatchNorm?"),
    (with_state, "They are kept, not learned"),
    (three_of_three, "How many weights has a kernel of 3 × 3?"),
    (as_a_float, "Divide with //"),
    (wide_inside, "Is it narrow inside?"),
    (rounded_up, "a quarter of 30 maps"),
    (rounded_last, "Three convolutions, channels"),
    (only_two, "Is a stride of 3 a stride, too?"),
    (remembered, "64 to 64, stride 2"),
    (off_by_one, "Three convolutions, channels"),
    (lambda width: width, "expected the signature bottleneck_parameters"),
)
