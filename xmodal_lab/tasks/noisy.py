"""One question to three modalities, each as noisy as one likes: which thing is it?

Scenes of one thing. Words, picture and sound can each name its colour and shape while they are
clean. ``noisy`` spoils what the encoder reads; ``Views`` holds what frozen encoders make of every
row at four strengths of noise, so that a fusion trains in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from xmodal_lab.batch import Batch, Padded, pad
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes import Scene, SceneData
from xmodal_lab.encoders.audio import LogMel
from xmodal_lab.encoders.audio.augment import with_noise
from xmodal_lab.encoders.features import features
from xmodal_lab.encoders.inputs import inputs_of

AMOUNTS = (0.0, 1 / 3, 2 / 3, 1.0)
CLEAN, SPOILT = 0, len(AMOUNTS) - 1
THINGS = len(scenes.COLOURS) * len(scenes.SHAPES)


def thing_labels(shown: Sequence[Scene]) -> Int64[Tensor, " scenes"]:
    """Colour and shape of each scene's first thing as one of 64 classes: 8 · colour + shape."""
    first = [scene.things[0] for scene in shown]
    return torch.tensor(
        [8 * scenes.COLOURS.index(t.colour) + scenes.SHAPES.index(t.shape) for t in first]
    )


def noisy(
    data: SceneData, modality: str, amount: float, generator: torch.Generator | None = None
) -> Tensor | Padded:
    """What an encoder reads of every row, spoilt.

        text    each word is replaced by any word with probability a
        image   level + 160 a n, cut to 0 … 255; n standard normal, for each pixel and colour
        audio   white noise at 10 - 30 a decibels below the speech (at a = 1 it is 20 above)

    Args:
        data: the scenes.
        modality: 'text', 'image' or 'audio'.
        amount: a, from 0 to 1; 0 leaves everything as it is.
        generator: draws the noise.

    Raises:
        ValueError: for a modality the data does not have, or another amount.
    """
    if not 0 <= amount <= 1:
        raise ValueError(f"amount must lie in 0 … 1, got {amount}")
    if amount == 0 or modality not in data.modalities:
        return inputs_of(data, [modality])[modality]
    if modality == "audio":
        return _noisy_frames(data.waveforms, 10 - 30 * amount, generator)
    clean = inputs_of(data, [modality])[modality]
    if modality == "text":
        return other_words(clean, amount, generator)
    return noisy_pixels(clean, 160 * amount, generator)


def other_words(words: Padded, share: float, generator: torch.Generator | None = None) -> Padded:
    """Each word is replaced, with this probability, by any word of the data world."""
    ids, mask = words.values, words.mask
    others = torch.randint(1, len(scenes.WORDS) + 1, ids.shape, generator=generator)
    hit = (torch.rand(ids.shape, generator=generator) < share) & mask
    return Padded(others.where(hit, ids), words.lengths)


def noisy_pixels(
    images: UInt8[Tensor, "rows 3 height width"],
    spread: float,
    generator: torch.Generator | None = None,
) -> UInt8[Tensor, "rows 3 height width"]:
    """Normal noise of this spread, in levels, on every pixel and colour."""
    noise = torch.randn(images.shape, generator=generator)
    return (images + spread * noise).round().clamp(0, 255).to(torch.uint8)


def _noisy_frames(waveforms, decibels: float, generator, chunk: int = 256) -> Padded:
    """Log-mel frames, a chunk at a time: waveforms are long."""
    read, found = LogMel(), []
    for rows in torch.arange(len(waveforms)).split(chunk):
        spoilt = with_noise(pad([waveforms[i] for i in rows.tolist()]), decibels, generator)
        frames = read(spoilt)
        found += [v[:n] for v, n in zip(*(part.unbind() for part in frames), strict=True)]
    return pad(found)


@dataclass(frozen=True)
class Views:
    """What frozen encoders make of the same rows at every amount of noise.

    Attributes:
        vectors: modality → (rows, amounts, dim), in the order of ``AMOUNTS``.
        labels: (rows,) the thing, see ``thing_labels``.
    """

    vectors: Mapping[str, Float[Tensor, "rows amounts _dim"]]
    labels: Int64[Tensor, " rows"]

    @classmethod
    def of(cls, encoders: Mapping[str, nn.Module], data: SceneData, seed: int = 0) -> Views:
        """Every row read by its modality's encoder at every amount, in evaluation mode."""
        generator, vectors = torch.Generator().manual_seed(seed), {}
        for name, encoder in encoders.items():
            encoder.eval()
            seen = [features(encoder, noisy(data, name, a, generator)) for a in AMOUNTS]
            vectors[name] = torch.stack(seen, dim=1)
        return cls(vectors, thing_labels(data.scenes))

    def standardised(self, by: Views) -> Views:
        """Every number with mean 0 and spread 1 over all rows and amounts of ``by``.

        The training rows' own figures, also for rows to be tested: a fusion learns faster.
        """
        return Views(
            {
                name: (rows - by.vectors[name].mean((0, 1)))
                / by.vectors[name].std((0, 1)).clamp(min=1e-3)
                for name, rows in self.vectors.items()
            },
            self.labels,
        )

    @property
    def dims(self) -> dict[str, int]:
        """Modality → dimensions of its vectors, as fusions ask for them."""
        return {name: rows.shape[2] for name, rows in self.vectors.items()}

    def at(self, **levels: int) -> Batch:
        """All rows with each modality at its number in ``AMOUNTS``; clean if not named."""
        picked = {n: rows[:, levels.get(n, CLEAN)] for n, rows in self.vectors.items()}
        return Batch(picked, labels=self.labels)

    def only_clean(self, modality: str) -> Batch:
        """All rows, every other modality spoilt."""
        return self.at(**{name: SPOILT for name in self.vectors if name != modality})

    def drawn(self, count: int, generator: torch.Generator) -> Batch:
        """Rows at random, each modality of each row at an amount of its own."""
        rows = torch.randint(len(self.labels), (count,), generator=generator)
        return self.mixed(rows, generator)

    def mixed(self, rows: Int64[Tensor, " some"], generator: torch.Generator) -> Batch:
        """These rows, each modality of each row at an amount of its own."""
        levels = torch.randint(len(AMOUNTS), (len(self.vectors), len(rows)), generator=generator)
        picked = {
            name: vectors[rows, level]
            for (name, vectors), level in zip(self.vectors.items(), levels, strict=True)
        }
        return Batch(picked, labels=self.labels[rows])
