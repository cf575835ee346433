"""Answers to `convolve` as people write them, and what they are told."""

import numpy as np
import torch
from torch.nn import functional as F


def by_loops(image, kernel, padding=0, stride=1):
    image = F.pad(image, (padding,) * 4)
    h, w = kernel.shape[1:]
    rows = []
    for top in range(0, image.shape[1] - h + 1, stride):
        row = []
        for left in range(0, image.shape[2] - w + 1, stride):
            row.append((image[:, top : top + h, left : left + w] * kernel).sum())
        rows.append(torch.stack(row))
    return torch.stack(rows)


def kernel_number_by_number(image, kernel, padding=0, stride=1):
    channels, height, width = image.shape
    _, h, w = kernel.shape
    ringed = torch.zeros(channels, height + 2 * padding, width + 2 * padding)
    ringed[:, padding : padding + height, padding : padding + width] = image
    lines = (ringed.shape[1] - h) // stride + 1
    columns = (ringed.shape[2] - w) // stride + 1
    total = torch.zeros(lines, columns)
    for i in range(h):
        for j in range(w):
            seen = ringed[:, i::stride, j::stride][:, :lines, :columns]
            total += (seen * kernel[:, i, j, None, None]).sum(0)
    return total


def by_columns(image, kernel, padding=0, stride=1):
    columns = F.unfold(image[None], kernel.shape[1:], padding=padding, stride=stride)[0]
    lines = (image.shape[1] + 2 * padding - kernel.shape[1]) // stride + 1
    return (kernel.flatten() @ columns).view(lines, -1)


def by_the_library(image, kernel, padding=0, stride=1):
    return F.conv2d(image.double()[None], kernel.double()[None], None, stride, padding)[0, 0]


def by_numpy(image, kernel, padding=0, stride=1):
    ringed = np.pad(image.numpy(), ((0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(ringed, kernel.shape)
    return torch.from_numpy((windows[0] * kernel.numpy()).sum((2, 3, 4))[::stride, ::stride].copy())


def as_mathematicians(image, kernel, padding=0, stride=1):
    return by_numpy(image, torch.from_numpy(kernel.numpy()[:, ::-1, ::-1].copy()), padding, stride)


def pad_forgotten(image, kernel, padding=0, stride=1):
    return by_columns(image, kernel, 0, stride)


def padded_at_the_end(image, kernel, padding=0, stride=1):
    ringed = torch.zeros(len(image), *(side + padding for side in image.shape[1:]))
    ringed[:, : image.shape[1], : image.shape[2]] = image
    return by_columns(ringed, kernel, 0, stride)


def padded_with_ones(image, kernel, padding=0, stride=1):
    return by_loops(F.pad(image, (padding,) * 4, value=1.0), kernel, 0, stride)


def steps_down_only(image, kernel, padding=0, stride=1):
    rows = by_loops(image, kernel, padding)
    return torch.stack([rows[i] for i in range(0, len(rows), stride)])


def ends_too_early(image, kernel, padding=0, stride=1):
    image = F.pad(image, (padding,) * 4)
    h, w = kernel.shape[1:]
    lines, columns = range(0, image.shape[1] - h, stride), range(0, image.shape[2] - w, stride)
    found = [[(image[:, i : i + h, j : j + w] * kernel).sum() for j in columns] for i in lines]
    return torch.tensor(found)


def square_kernels(image, kernel, padding=0, stride=1):
    k = kernel.shape[1]
    image = F.pad(image, (padding,) * 4)
    lines = (image.shape[1] - k) // stride + 1
    columns = (image.shape[2] - k) // stride + 1
    out = torch.zeros(lines, columns)
    for i in range(lines):
        for j in range(columns):
            top, left = i * stride, j * stride
            out[i, j] = (image[:, top : top + k, left : left + k] * kernel).sum()
    return out


def square_pictures(image, kernel, padding=0, stride=1):
    size = (image.shape[2] + 2 * padding - kernel.shape[2]) // stride + 1
    answers = by_loops(image, kernel, padding, stride)
    out = torch.zeros(size, size)
    lines = min(size, len(answers))
    out[:lines] = answers[:lines]
    return out


def channel_by_channel(image, kernel, padding=0, stride=1):
    pairs = zip(image[:, None], kernel[:, None], strict=True)
    return torch.stack([by_loops(i, k, padding, stride) for i, k in pairs])


def mean_of_channels(image, kernel, padding=0, stride=1):
    return channel_by_channel(image, kernel, padding, stride).mean(0)


def as_many_as_before(image, kernel, padding=0, stride=1):
    return by_loops(image, kernel, kernel.shape[1] // 2, stride)


def batch_left_over(image, kernel, padding=0, stride=1):
    return F.conv2d(image[None], kernel[None], stride=stride, padding=padding)[0]


def batch_and_kernels_left_over(image, kernel, padding=0, stride=1):
    return F.conv2d(image[None], kernel[None], stride=stride, padding=padding)


def always_a_ring(image, kernel, padding=0, stride=1):
    ringed = torch.zeros(len(image), *(side + 2 * padding for side in image.shape[1:]))
    ringed[:, padding:-padding, padding:-padding] = image
    return by_loops(ringed, kernel, 0, stride)


def rounded(image, kernel, padding=0, stride=1):
    return by_loops(image, kernel, padding, stride).round()


def with_a_step_of_one(image, kernel, padding=0, stride=1):
    return by_loops(image, kernel, padding, 1)


def into_the_picture(image, kernel, padding=0, stride=1):
    image *= 1.0
    image -= 0.5
    return by_loops(image + 0.5, kernel, padding, stride)


def without_defaults(image, kernel, padding, stride):
    return by_loops(image, kernel, padding, stride)


def padded_by_default(image, kernel, padding=1, stride=1):
    return by_loops(image, kernel, padding, stride)


def stride_by_default(image, kernel, padding=0, stride=2):
    return by_loops(image, kernel, padding, stride)


def small_strides(image, kernel, padding=0, stride=1):
    return by_loops(image, kernel, padding, min(stride, 3))


def narrow_rings(image, kernel, padding=0, stride=1):
    return by_loops(image, kernel, min(padding, 2), stride)


def three_colours(image, kernel, padding=0, stride=1):
    return by_columns(image[:3], kernel[:3], padding, stride)


def no_ring_for_one_pixel(image, kernel, padding=0, stride=1):
    return by_loops(image, kernel, padding if kernel.shape[1] > 1 else 0, stride)


def finely_rounded(image, kernel, padding=0, stride=1):
    return (by_columns(image, kernel, padding, stride) * 1000).round() / 1000


def as_numbers(image, kernel, padding=0, stride=1):
    return torch.tensor(by_columns(image, kernel, padding, stride).tolist())


def kernel_detached(image, kernel, padding=0, stride=1):
    return by_columns(image, kernel.detach(), padding, stride)


RIGHT = by_loops, kernel_number_by_number, by_columns, by_the_library
WRONG = (
    (as_mathematicians, "Did you flip the kernel?"),
    (batch_left_over, "should be [5, 6], yours is [1, 5, 6]. Is a batch axis left over?"),
    (batch_and_kernels_left_over, "yours is [1, 1, 5, 6]. Is a batch axis left over?"),
    (always_a_ring, "With padding 0, `padding:-padding` is `0:-0`: empty."),
    (pad_forgotten, "the shape should be [5, 6], yours is [3, 4]. Did you apply `padding`?"),
    (padded_at_the_end, "Did you pad one side only?"),
    (padded_with_ones, "Pad, take each whole window of all channels"),
    (steps_down_only, "Is `stride` the step along both axes"),
    (with_a_step_of_one, "Did you use `stride`?"),
    (ends_too_early, "[5, 6], yours is [4, 5]. Is the last window missing?"),
    (square_kernels, "`). A kernel may be wider than high"),
    (square_pictures, "[5, 6], yours is [6, 6]. How many whole windows fit, down and across?"),
    (channel_by_channel, "yours is [2, 5, 6]. Did you forget to add up the channels?"),
    (mean_of_channels, "Did you average over the channels? They are added up."),
    (as_many_as_before, "Is the padding half a kernel? It is what `padding` says."),
    (rounded, "Pad, take each whole window"),
    (into_the_picture, "changes its input `image`"),
    (stride_by_default, "should be [5, 6], yours is [3, 3]. Is the default of `stride` 1?"),
    (small_strides, "should be [4, 4], yours is [6, 7]. How many whole windows fit"),
    (narrow_rings, "should be [4, 4], yours is [3, 4]. How many whole windows fit"),
    (three_colours, "5 channels, kernel 3 × 2, padding 4, stride 5: entry"),
    (no_ring_for_one_pixel, "should be [9, 10], yours is [3, 4]. Did you apply `padding`?"),
    (by_numpy, "the value is right, but no gradient flows back"),
    (as_numbers, "the value is right, but no gradient flows back"),
    (finely_rounded, "the gradient of `image` is not"),
    (kernel_detached, "the gradient of `kernel` is not"),
    (without_defaults, "expected the signature convolve(image, kernel, padding=0, stride=1)"),
    (padded_by_default, "should be [3, 4], yours is [5, 6]. Is the default of `padding` 0?"),
    (lambda image, kernel, padding=0, stride=1: image.numpy(), "should be a tensor"),
)
