"""Answers to `standardise` as people write them, and what they are told."""

import numpy as np
import torch


def by_none(images, mean, std):
    mean, std = torch.tensor(mean), torch.tensor(std)
    mean, std = mean.to(images.device), std.to(images.device)
    return (images.float() / 255 - mean[:, None, None]) / std[:, None, None]


def by_view(images, mean, std):
    mean = images.new_tensor(mean, dtype=torch.float32).view(1, 3, 1, 1)
    std = images.new_tensor(std, dtype=torch.float32).view(1, 3, 1, 1)
    return (images / 255.0 - mean) / std


def by_channel(images, mean, std):
    parts = [(images[:, i] / 255 - mean[i]) / std[i] for i in range(3)]
    return torch.stack(parts, dim=1)


def channels_last(images, mean, std):
    mean, std = (torch.tensor(v, device=images.device) for v in (mean, std))
    return ((images.permute(0, 2, 3, 1) / 255 - mean) / std).permute(0, 3, 1, 2)


def undivided(images, mean, std):
    mean, std = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]
    return (images - mean) / std


def one_too_many(images, mean, std):
    mean, std = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]
    return (images.float() / 256 - mean) / std


def symmetric(images, mean, std):
    mean, std = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]
    return (2 * images.float() / 255 - 1 - mean) / std


def doubled_levels(images, mean, std):
    # Twice a level above 127 does not fit into a byte.
    mean, std = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]
    return (2 * images / 510 - mean) / std


def along_the_width(images, mean, std):
    return (images / 255 - torch.tensor(mean)) / torch.tensor(std)


def own_statistics(images, mean, std):
    x = images.float() / 255
    mean, std = x.mean(dim=(0, 2, 3)), x.std(dim=(0, 2, 3))
    return (x - mean.view(3, 1, 1)) / std.view(3, 1, 1)


def variance(images, mean, std):
    std = torch.tensor(std)[:, None, None]
    return (images / 255 - torch.tensor(mean)[:, None, None]) / (std * std)


def centred_only(images, mean, std):
    return images / 255 - torch.tensor(mean)[:, None, None]


def scaled_only(images, mean, std):
    return images / 255 / torch.tensor(std)[:, None, None]


def by_the_brightest(images, mean, std):
    images = images.float()
    return by_none(images if images.max() > 1 else 255 * images, mean, std)


def bytes_alone(images, mean, std):
    return by_none(images if images.dtype == torch.uint8 else 255 * images, mean, std)


def clipped(images, mean, std):
    return by_none(images, mean, std).clamp(-10, 10)


def never_by_zero(images, mean, std):
    return by_none(images, mean, [s + 1e-5 for s in std])


def in_half_precision(images, mean, std):
    return by_none(images, mean, std).half()


def one_sign(images, mean, std):
    return by_none(images, [abs(m) for m in mean], std)


def written_into(images, mean, std):
    if images.dtype == torch.uint8:
        return by_none(images, mean, std)
    images /= 255
    return by_none(255 * images, mean, std)


def cut_off(images, mean, std):
    return by_none(images.detach(), mean, std)


def blue_first(images, mean, std):
    mean, std = torch.tensor(mean).flip(0), torch.tensor(std).flip(0)
    return (images / 255 - mean[:, None, None]) / std[:, None, None]


def in_numpy(images, mean, std):
    return (images.numpy() / 255 - np.array(mean)[:, None, None]) / np.array(std)[:, None, None]


RIGHT = by_none, by_view, by_channel, channels_last
WRONG = (
    (undivided, "Did you divide by 255?"),
    (one_too_many, "The highest level is 255."),
    (symmetric, "Are levels from −1 to 1 with you?"),
    (along_the_width, "Do the three numbers meet the channels?"),
    (doubled_levels, "Divide the levels by 255, take away"),
    (own_statistics, "Are mean and spread those of these pictures?"),
    (variance, "Is that the variance?"),
    (centred_only, "Did you divide by the spread?"),
    (scaled_only, "Did you subtract the mean?"),
    (blue_first, "Is red taken for blue?"),
    (by_the_brightest, "Does a dark picture have another scale?"),
    (bytes_alone, "Floats are levels 0–255 as well"),
    (clipped, "Is anything clipped"),
    (never_by_zero, "added to the spread?"),
    (in_half_precision, "Is anything clipped"),
    (one_sign, "by a negative mean"),
    (written_into, "changes its input `images`"),
    (cut_off, "no gradient flows back"),
    (in_numpy, "should be a tensor, yours is an array"),
    (lambda images, mean, std: by_none(images, mean, std).mean(1), "has the shape of the pictures"),
)
