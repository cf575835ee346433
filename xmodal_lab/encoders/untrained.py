"""Features that nothing was trained for: what the closed-form baselines start from."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from xmodal_lab.batch import Entries, Padded
from xmodal_lab.datasets.scenes import WORDS


def untrained_features(batch: Entries, seed: int = 0) -> dict[str, Float[Tensor, "rows _features"]]:
    """Bag of words, randomly convolved pictures and sliced spectrograms, by modality."""
    makers = {
        "text": bag_of_words,
        "image": lambda images: random_convolution(images, seed),
        "audio": time_slices,
    }
    return {modality: makers[modality](values) for modality, values in batch.items()}


def bag_of_words(words: Padded) -> Float[Tensor, "rows words"]:
    """How often each word occurs, whatever the order: c_iw = #{ t : word_it = w }."""
    counts = torch.zeros(len(words.values), len(WORDS) + 1, device=words.values.device)
    counts.scatter_add_(1, words.values, torch.ones_like(words.values, dtype=counts.dtype))
    return counts[:, 1:]  # without the padding


def random_convolution(
    images: UInt8[Tensor, "rows 3 32 32"], seed: int = 0, filters: int = 64, grid: int = 2
) -> Float[Tensor, "rows features"]:
    """One convolution with random weights, ReLU, averaged over a grid of 2 × 2 regions.

    Surprisingly strong with a linear map behind it (Jarrett et al. 2009).
    """
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(filters, 3, 5, 5, generator=generator) / 75**0.5
    bias = torch.randn(filters, generator=generator) / 2
    weights, bias = weights.to(images.device), bias.to(images.device)
    features = []
    for block in images.split(256):
        levels = F.conv2d(block.float() / 127.5 - 1, weights, bias, stride=2, padding=2)
        features.append(F.adaptive_avg_pool2d(F.relu(levels), grid).flatten(1))
    return torch.cat(features)


def time_slices(frames: Padded, slices: int = 24) -> Float[Tensor, "rows features"]:
    """Each utterance's spectrogram, averaged over 24 slices of equal duration."""
    rows = zip(frames.values, frames.lengths.tolist(), strict=True)
    sliced = [F.adaptive_avg_pool1d(row[:length].T[None], slices)[0] for row, length in rows]
    return torch.stack(sliced).flatten(1)
