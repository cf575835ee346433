"""Answers to `frames` as people write them, and what they are told."""

import numpy as np
import torch


def by_slices(waveform, window, hop):
    starts = range(0, len(waveform) - window + 1, hop)
    return torch.stack([waveform[start : start + window] for start in starts])


def by_places(waveform, window, hop):
    count = 1 + (len(waveform) - window) // hop
    places = hop * torch.arange(count)[:, None] + torch.arange(window)
    return waveform[places]


def by_stride(waveform, window, hop):
    count = 1 + (waveform.numel() - window) // hop
    return torch.as_strided(waveform, (count, window), (hop, 1))


def by_columns(waveform, window, hop):
    columns = torch.nn.functional.unfold(waveform[None, None, None], (1, window), stride=(1, hop))
    return columns[0].T


def by_numpy(waveform, window, hop):
    windows = np.lib.stride_tricks.sliding_window_view(waveform.numpy(), window)
    return torch.from_numpy(windows[::hop].copy())


def hop_is_overlap(waveform, window, hop):
    return by_slices(waveform, window, max(1, window - hop))


def until_the_end(waveform, window, hop):
    found = []
    for start in range(0, len(waveform), hop):
        piece = waveform[start : start + window]
        found.append(torch.cat([piece, torch.zeros(window - len(piece))]))
    return torch.stack(found)


def one_padded_frame(waveform, window, hop):
    missing = (window - len(waveform)) % hop
    return by_slices(torch.cat([waveform, waveform.new_zeros(missing)]), window, hop)


def ragged(waveform, window, hop):
    return torch.stack([waveform[s : s + window] for s in range(0, len(waveform), hop)])


def ends_early(waveform, window, hop):
    count = (len(waveform) - window) // hop
    return by_places(waveform, window, hop)[:count]


def stops_before(waveform, window, hop):
    starts = range(0, len(waveform) - window, hop)
    return torch.stack([waveform[start : start + window] for start in starts])


def reshaped(waveform, window, hop):
    count = len(waveform) // window
    return waveform[: count * window].reshape(count, window)


def as_stft(waveform, window, hop):
    half = window // 2
    zeros = torch.zeros(half)
    return by_slices(torch.cat([zeros, waveform, zeros]), window, hop)


def columns_left(waveform, window, hop):
    return by_slices(waveform, window, hop).T


def as_list(waveform, window, hop):
    return list(by_slices(waveform, window, hop))


def weighed(waveform, window, hop):
    n = torch.arange(window)
    return by_slices(waveform, window, hop) * (0.5 - 0.5 * torch.cos(2 * torch.pi * n / window))


def never_fewer_than_two(waveform, window, hop):
    count = max(2, 1 + (len(waveform) - window) // hop)
    return torch.stack([waveform[i * hop : i * hop + window] for i in range(count)])


def written_into(waveform, window, hop):
    waveform -= waveform.mean()
    return by_slices(waveform, window, hop)


def no_overlap(waveform, window, hop):
    return waveform.unfold(0, window, window)


def at_every_sample(waveform, window, hop):
    return waveform.unfold(0, window, 1)


def batch_left_over(waveform, window, hop):
    return waveform[None].unfold(1, window, hop)


def an_eighth_of_a_second(waveform, window, hop):
    return by_slices(waveform[:1000], window, hop)


RIGHT = by_slices, by_places, by_stride, by_columns, by_numpy
WRONG = (
    (an_eighth_of_a_second, "should be [11, 256], yours is [5, 256]"),
    (hop_is_overlap, "should be [3, 4], yours is [8, 4]. Is `hop` the overlap in yours?"),
    (until_the_end, "should be [3, 4], yours is [4, 4]. Is the last piece filled up"),
    (one_padded_frame, "Is the last piece filled up with zeros?"),
    (ragged, "equal size"),
    (ends_early, "should be [3, 4], yours is [2, 4]. Is the last frame missing?"),
    (stops_before, "should be [3, 4], yours is [2, 4]. Is the last frame missing?"),
    (reshaped, "should be [3, 4], yours is [2, 4]."),
    (as_stft, "Did you read beyond the ends"),
    (columns_left, "should be [3, 4], yours is [4, 3]. Are the axes swapped?"),
    (as_list, "the result should be a tensor, yours is a list."),
    (weighed, "Did you weigh the samples?"),
    (never_fewer_than_two, "Where one window fits, there is one frame."),
    (written_into, "changes its input `waveform`"),
    (no_overlap, "Did you step by `window`?"),
    (at_every_sample, "Did you use `hop`?"),
    (batch_left_over, "Is a batch axis left over?"),
)
