"""Answers to `receptive_field` as people write them, and what they are told."""

import torch


def backwards(layers):
    pixels = 1
    for kernel, stride in reversed(layers):
        pixels = (pixels - 1) * stride + kernel
    return pixels


def by_recursion(layers):
    if not layers:
        return 1
    (kernel, stride), *others = layers
    return kernel + stride * (by_recursion(others) - 1)


def as_a_tensor(layers):
    kernels, strides = torch.tensor(layers, dtype=torch.long).reshape(-1, 2).T
    jumps = torch.cat([torch.ones(1, dtype=torch.long), strides]).cumprod(0)[:-1]
    return 1 + ((kernels - 1) * jumps).sum()


def by_ends(layers):
    first = last = 0
    for kernel, stride in layers[::-1]:
        first, last = first * stride, last * stride + kernel - 1
    return last - first + 1


def without_strides(layers):
    return 1 + sum(kernel - 1 for kernel, _ in layers)


def stride_too_early(layers):
    pixels = jump = 1
    for kernel, stride in layers:
        jump *= stride
        pixels += jump * (kernel - 1)
    return pixels


def total(layers):
    return sum(kernel for kernel, _ in layers)


def from_the_depth(layers):
    return by_recursion(list(reversed(layers)))


def only_odd(layers):
    pixels, jump = 1, 1
    for kernel, stride in layers:
        pixels += 2 * (kernel // 2) * jump
        jump *= stride
    return pixels


def from_zero(layers):
    return by_recursion(layers) - 1


def last_stride_only(layers):
    pixels, before = 1, 1
    for kernel, stride in layers:
        pixels, before = pixels + (kernel - 1) * before, stride
    return pixels


def never_empty(layers):
    pixels, jump = layers[0]
    for kernel, stride in layers[1:]:
        pixels, jump = pixels + (kernel - 1) * jump, jump * stride
    return pixels


def without_pooling(layers):
    return by_recursion([(kernel, stride) for kernel, stride in layers if kernel % 2])


def without_pooling_by_2(layers):
    return backwards([layer for layer in layers if tuple(layer) != (2, 2)])


def pooling_moves_only(layers):
    pixels, jump = 1, 1
    for kernel, stride in layers:
        if (kernel, stride) != (2, 2):
            pixels += (kernel - 1) * jump
        jump *= stride
    return pixels


def pops(layers):
    pixels = 1
    while layers:
        kernel, stride = layers.pop()
        pixels = (pixels - 1) * stride + kernel
    return pixels


def by_halves(layers):
    pixels, jump = 1, 1
    for kernel, stride in layers:
        pixels += 2 * jump * (kernel - 1) / 2
        jump *= stride
    return pixels


def small_strides(layers):
    return backwards([(kernel, min(stride, 3)) for kernel, stride in layers])


def small_kernels(layers):
    return by_recursion([(min(kernel, 7), stride) for kernel, stride in layers])


def within_the_picture(layers):
    return min(by_ends(layers), 224)


RIGHT = backwards, by_recursion, by_ends
WRONG = (
    (without_strides, "the field behind [(3, 2), (3, 1)] should be 7, yours is 5. Did you use the"),
    (stride_too_early, "should be 7, yours is 9. Did you count a layer's own stride?"),
    (total, "should be 7, yours is 9. Did you add up the kernels?"),
    (from_the_depth, "Did you read the layers from the depth to the picture?"),
    (only_odd, "[(5, 2), (2, 2)] should be 7, yours is 9. Is it written for odd kernels?"),
    (from_zero, "[(3, 1)] should be 3, yours is 2. Did you begin with 0?"),
    (last_stride_only, "Does the stride reach one layer only?"),
    (never_empty, "A cell of the picture itself is 1 pixel."),
    (without_pooling, "should be 7, yours is 5. Did you leave out pooling? It counts too"),
    (without_pooling_by_2, "should be 7, yours is 5. Did you leave out pooling? It counts too"),
    (pooling_moves_only, "Does pooling only move neighbours apart?"),
    (small_strides, "[(11, 4), (3, 2), (5, 1), (3, 2), (3, 1)] should be 99, yours"),
    (small_kernels, "[(11, 4), (3, 2), (5, 1), (3, 2), (3, 1)] should be 99, yours"),
    (within_the_picture, "should be 400, yours is 224"),
    (as_a_tensor, "should be a plain number, yours is a tensor. Give an int: `.item()`"),
    (pops, "changes its input `layers`"),
    (by_halves, "should be a whole number, yours is 3.0. Pixels are counted"),
    (lambda layers: [by_recursion(layers)] * 2, "should be a single number, yours is a list"),
    (lambda layers: None, "Did you forget `return`?"),
)
