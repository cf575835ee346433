"""Answers to `grad_cam` as people write them, and what they are told."""

import torch
from torch.nn import functional as F


def by_einsum(maps, gradients):
    return torch.einsum("bchw,bc->bhw", maps, gradients.mean(dim=(-2, -1))).clamp(min=0)


def by_loops(maps, gradients):
    batch, channels, lines, columns = maps.shape
    heat = torch.zeros(batch, lines, columns)
    for n in range(batch):
        for k in range(channels):
            heat[n] += gradients[n, k].sum() / (lines * columns) * maps[n, k]
    return F.relu(heat)


def by_grouped_convolution(maps, gradients):
    # Each picture is a group of channels with a kernel of one pixel of its own.
    weights = F.adaptive_avg_pool2d(gradients, 1)
    side_by_side = maps.flatten(0, 1)[None]
    return F.conv2d(side_by_side, weights, groups=len(maps))[0].relu()


def open_ended(maps, gradients):
    return (gradients.mean((2, 3))[:, :, None, None] * maps).sum(dim=1)


def place_by_place(maps, gradients):
    return F.relu((maps * gradients).sum(1))


def mean_of_channels(maps, gradients):
    weights = gradients.flatten(2).mean(2)
    return F.relu(torch.einsum("bchw,bc->bhw", maps, weights) / maps.shape[1])


def squared_sum(maps, gradients):
    # Only where lines and columns are as many is it the mean.
    weights = gradients.sum((2, 3)) / maps.shape[2] ** 2
    return F.relu(torch.einsum("bchw,bc->bhw", maps, weights))


def cut_in_the_loop(maps, gradients):
    heat = 0
    for k in range(maps.shape[1]):
        heat = heat + F.relu(gradients[:, k].mean((1, 2))[:, None, None] * maps[:, k])
    return heat


def from_the_maps(maps, gradients):
    return by_einsum(maps, maps)


def swapped(maps, gradients):
    return by_einsum(gradients, maps)


def size_of_it(maps, gradients):
    return open_ended(maps, gradients).abs()


def guided(maps, gradients):
    return by_einsum(maps, gradients.clamp(min=0))


def between_0_and_1(maps, gradients):
    heat = by_einsum(maps, gradients)
    return heat / heat.amax((1, 2), keepdim=True)


def first_picture(maps, gradients):
    return by_einsum(maps, gradients[:1].expand_as(gradients))


def kept_axis(maps, gradients):
    return by_einsum(maps, gradients)[:, None]


def of_all_pictures(maps, gradients):
    weights = gradients.mean(dim=[0, 2, 3])
    return F.relu((weights[None, :, None, None] * maps).sum(1))


def cuts_the_gradient(maps, gradients):
    heat = by_einsum(maps, gradients)
    gradients.relu_()
    return heat


def without_zeros(maps, gradients):
    there = (gradients != 0).sum((2, 3)).clamp(min=1)
    return F.relu(torch.einsum("bchw,bc->bhw", maps, gradients.sum((2, 3)) / there))


def eight_channels(maps, gradients):
    return by_einsum(maps[:, :8], gradients[:, :8])


RIGHT = by_einsum, by_loops, by_grouped_convolution
WRONG = (
    (open_ended, "Did you forget the ReLU?"),
    (place_by_place, "Did you multiply place by place?"),
    (mean_of_channels, "Did you average over the channels?"),
    (squared_sum, "1 picture, 5 maps of 3 × 6: entry"),
    (squared_sum, "Average the gradient over lines and columns"),
    (cut_in_the_loop, "Is there a ReLU on each channel?"),
    (from_the_maps, "Are the weights made of the maps?"),
    (swapped, "Are maps and gradients swapped?"),
    (size_of_it, "Is that the absolute value?"),
    (without_zeros, "gradients of which many are 0: entry"),
    (without_zeros, "Did you leave out gradients that are 0? A channel's weight is the mean"),
    (eight_channels, "9 pictures, 70 maps of 2 × 3: entry"),
    (guided, "Is there a ReLU on the gradients?"),
    (between_0_and_1, "Did you divide by the largest entry?"),
    (first_picture, "Average the gradient over lines and columns"),
    (kept_axis, "yours is [2, 1, 4, 4]. One map for each picture"),
    (of_all_pictures, "Is the mean over the pictures too?"),
    (cuts_the_gradient, "changes its input `gradients`"),
    (lambda maps, gradients: by_loops(maps, gradients).numpy(), "should be a tensor"),
)
