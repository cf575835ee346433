"""Answers to `batch_norm` as people write them, and what they are told."""

import torch
from torch.nn import functional as F


def by_the_function(x, mean, variance, training):
    return F.batch_norm(x, mean.clone(), variance.clone(), training=training)


def channels_last(x, mean, variance, training):
    flat = x.movedim(1, -1)
    rows = flat.reshape(-1, x.shape[1])
    if training:
        mean, variance = rows.mean(0), (rows - rows.mean(0)).pow(2).mean(0)
    return ((flat - mean) * torch.rsqrt(variance + 1e-5)).movedim(-1, 1)


def by_loops(x, mean, variance, training):
    result = torch.empty_like(x)
    for c in range(x.shape[1]):
        m, v = mean[c], variance[c]
        if training:
            m = x[:, c].sum() / x[:, c].numel()
            v = ((x[:, c] - m) ** 2).sum() / x[:, c].numel()
        result[:, c] = (x[:, c] - m) / torch.sqrt(v + 0.00001)
    return result


def in_float64(x, mean, variance, training):
    exact = x.double()
    if training:
        mean = exact.mean((0, 2, 3))
        variance = exact.square().mean((0, 2, 3)) - mean.square()
    return (exact - mean.view(1, -1, 1, 1)) / (variance.view(1, -1, 1, 1) + 1e-5) ** 0.5


def by_layer(x, mean, variance, training):
    if not training:
        return in_float64(x, mean, variance, False)
    return F.layer_norm(x, x.shape[1:])


def by_instance(x, mean, variance, training):
    return F.instance_norm(x) if training else in_float64(x, mean, variance, False)


def always_running(x, mean, variance, training):
    return in_float64(x, mean, variance, False)


def always_batch(x, mean, variance, training):
    return in_float64(x, mean, variance, True)


def the_other_way_round(x, mean, variance, training):
    return channels_last(x, mean, variance, not training)


def without_root(x, mean, variance, training):
    if training:
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    return (x - mean[None, :, None, None]) / (variance[None, :, None, None] + 1e-5)


def default_variance(x, mean, variance, training):
    if training:
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
    return in_float64(x, mean, variance, False)


def updates(x, mean, variance, training):
    return F.batch_norm(x, mean, variance, training=training)


def function_of_torch(x, mean, variance, training):
    if not training:
        return in_float64(x, mean, variance, False)
    return torch.native_batch_norm(x, None, None, None, None, True, 0.1, 1e-5)[0]


def function_without_running(x, mean, variance, training):
    running = (None, None) if training else (mean, variance)
    return F.batch_norm(x, *running, training=training)


def by_the_layer(x, mean, variance, training):
    if not training:
        return in_float64(x, mean, variance, False)
    return torch.nn.BatchNorm2d(x.shape[1], affine=False, track_running_stats=False)(x)


def turned_for_instance_norm(x, mean, variance, training):
    if not training:
        return in_float64(x, mean, variance, False)
    rows = x.transpose(0, 1).flatten(1)[None]
    return F.instance_norm(rows)[0].unflatten(1, (len(x), *x.shape[2:])).transpose(0, 1)


def turned_for_layer_norm(x, mean, variance, training):
    if not training:
        return in_float64(x, mean, variance, False)
    rows = x.transpose(0, 1)
    return F.layer_norm(rows, rows.shape[1:]).transpose(0, 1)


def running_where_one_pixel(x, mean, variance, training):
    return by_loops(x, mean, variance, training and x.shape[2:].numel() > 1)


def evaluation_detached(x, mean, variance, training):
    return by_loops(x if training else x.detach(), mean, variance, training)


def in_place(x, mean, variance, training):
    wanted = by_loops(x, mean, variance, training)
    x -= x.mean()
    return wanted


def larger_epsilon(x, mean, variance, training):
    return F.batch_norm(x, mean.clone(), variance.clone(), training=training, eps=1e-3)


def smaller_epsilon(x, mean, variance, training):
    return F.batch_norm(x, mean.clone(), variance.clone(), training=training, eps=1e-8)


def no_epsilon(x, mean, variance, training):
    if training:
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    return (x - mean.view(-1, 1, 1)) / variance.view(-1, 1, 1) ** 0.5


def two_large_numbers(x, mean, variance, training):
    if training:
        mean = x.mean((0, 2, 3))
        variance = (x * x).mean((0, 2, 3)) - mean * mean
    return by_loops(x, mean, variance.clamp(min=0), False)


def unshaped(x, mean, variance, training):
    if training:
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    return (x - mean) / torch.sqrt(variance + 1e-5)


def one_spread_for_all(x, mean, variance, training):
    if training:
        mean = x.mean((0, 2, 3))
        variance = x.var(unbiased=False).expand_as(mean)
    return by_loops(x, mean, variance, False)


def without_gradient(x, mean, variance, training):
    with torch.no_grad():
        return by_loops(x, mean, variance, training)


def x_detached(x, mean, variance, training):
    return channels_last(x.detach(), mean, variance, training)


def statistics_without_gradient(x, mean, variance, training):
    if training:
        with torch.no_grad():
            mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    return channels_last(x, mean, variance, False)


def variance_detached(x, mean, variance, training):
    if training:
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False).detach()
    return channels_last(x, mean, variance, False)


def mean_as_numbers(x, mean, variance, training):
    if training:
        variance = x.var((0, 2, 3), unbiased=False)
        mean = torch.tensor([float(channel.mean()) for channel in x.movedim(1, 0)])
    return channels_last(x, mean, variance, False)


RIGHT = channels_last, by_loops, in_float64
WRONG = (
    (by_layer, "in training: entry [0, 0, 0, 0] should be"),
    (by_layer, "Did you take statistics of each picture? One mean for each channel"),
    (by_instance, "Has each picture a mean of its own?"),
    (always_running, "Did you use the running statistics in training?"),
    (always_batch, "in evaluation: entry [0, 0, 0, 0] should be"),
    (always_batch, "Did you use the batch's statistics in evaluation?"),
    (the_other_way_round, "Are the modes swapped?"),
    (without_root, "Did you divide by the variance? Take its root."),
    (default_variance, "Did you divide by count − 1?"),
    (updates, "changes its input `mean`"),
    (by_the_function, "PyTorch's own batch_norm made it. Here you are to write it yourself."),
    (function_of_torch, "PyTorch's own batch_norm"),
    (function_without_running, "PyTorch's own batch_norm"),
    (by_the_layer, "PyTorch's own batch_norm"),
    (turned_for_instance_norm, "PyTorch's own instance_norm"),
    (turned_for_layer_norm, "PyTorch's own layer_norm"),
    (running_where_one_pixel, "6 pictures of 3 channels, 1 × 1, in training: entry"),
    (evaluation_detached, "2 × 3, in evaluation: the value is right, but no gradient flows back"),
    (in_place, "changes its input `x`"),
    (larger_epsilon, "Does 0.00001 stand under the root"),
    (smaller_epsilon, "faint maps in training: entry [0, 0, 0, 0] should be"),
    (no_epsilon, "Does 0.00001 stand under the root"),
    (two_large_numbers, "maps with numbers around 300"),
    (two_large_numbers, "Is that mean(x²) − mean(x)²?"),
    (unshaped, "Do mean and variance meet the channels?"),
    (without_gradient, "the value is right, but no gradient flows back"),
    (x_detached, "the value is right, but no gradient flows back"),
    (statistics_without_gradient, "the gradient of `x` is not. Did you detach it"),
    (variance_detached, "the gradient of `x` is not. Did you detach it"),
    (mean_as_numbers, "the gradient of `x` is not. Did you detach it"),
    (one_spread_for_all, "Of each channel subtract the mean"),
    (lambda x, mean, variance, training: x.mean((0, 2, 3)), "The result has the shape of x."),
)
