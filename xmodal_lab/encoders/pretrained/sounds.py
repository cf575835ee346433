"""Pretrained sound encoders: wav2vec 2.0, Whisper's encoder and AST, frozen features.

Each wants 16,000 samples a second, prepared as it was trained with: what the model's own
``preprocessor_config.json`` says. Waveforms travel as they are, ``Padded``, and every row is
prepared without its padding, so that padding cannot reach its states.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.batch import Padded, pad
from xmodal_lab.datasets import sounds
from xmodal_lab.datasets.scenes import SAMPLE_RATE, Waveforms
from xmodal_lab.encoders.pooling import masked_mean
from xmodal_lab.encoders.pretrained.model import PreparedEncoder
from xmodal_lab.encoders.pretrained.weights import PREPARED_FILES, Published

PUBLISHED = {
    "wav2vec2": Published("facebook/wav2vec2-base-960h", 378, files=PREPARED_FILES),
    "whisper": Published("openai/whisper-tiny", 151, files=PREPARED_FILES),
    "ast": Published("MIT/ast-finetuned-audioset-10-10-0.4593", 346, files=PREPARED_FILES),
}
# A path, 16-bit steps (int16) or samples in [-1, 1] (float): (samples,).
Sound = str | Path | np.ndarray | Tensor
Sounds = Sequence[Sound] | Waveforms | Padded | np.ndarray | Tensor
WINDOW = 400  # samples that the spectrograms of Whisper and AST look at, 25 ms


class PretrainedSounds(PreparedEncoder):
    """What the three have in common: any sounds in, frozen features out.

    ``read(sounds, rate)`` makes waveforms of them at the model's rate, ``states`` and the call take
    what it gives, and ``embed`` does both without gradient.

    Args:
        name, folder, frozen, revision: see ``PretrainedEncoder``.

    Attributes:
        rate: samples a second that the model was trained with.
        shortest, longest: samples that it can hear; ``longest`` is None where it has no limit.

    Raises:
        WeightsMissing, ValueError: see ``PretrainedEncoder``.
    """

    published = PUBLISHED
    shortest = WINDOW
    longest: int | None = None

    @property
    def rate(self) -> int:
        return self.processor.sampling_rate

    def read(self, heard: Sounds, rate: int = SAMPLE_RATE) -> Padded:
        """Sounds of any length as waveforms in [-1, 1] at the model's rate: (count, samples).

        Args:
            heard: files, waveforms, or ``Padded`` waveforms.
            rate: samples a second of the waveforms. A file tells its own.

        Raises:
            ValueError: for no sound, a wrong shape, samples that are no numbers or beyond ±1, one
                too short or too long for the model, or a rate outside of 1,000 to 192,000 Hz.
            UnreadableSound: for a file that cannot be read.
        """
        if not sounds.RATES[0] <= rate <= sounds.RATES[1]:
            raise ValueError(f"rate must be from 1,000 to 192,000 Hz, got {rate}")
        return pad([self._fitting(self._opened(sound, rate)) for sound in _several(heard)])

    def embed(
        self, heard: Sounds, rate: int = SAMPLE_RATE, chunk: int = 16
    ) -> Float[Tensor, "count dim"]:
        """One vector for each sound, in evaluation mode, without gradient; on the CPU.

        Args:
            heard, rate: as ``read`` takes them.
            chunk: how many are heard together.

        Raises:
            ValueError, UnreadableSound: as ``read`` does.
        """
        return self.embedded(_several(heard), lambda part: self.read(part, rate), chunk)

    def prepared(self, waveform: Float[np.ndarray, " samples"]) -> Tensor:
        """What the network reads of one sound, made by the model's own processor."""
        made = self.processor(waveform, sampling_rate=self.rate, return_tensors="np")
        return torch.from_numpy(np.asarray(made[self.processor.model_input_names[0]][0]))

    def _rows(self, waveforms: Padded) -> list[Tensor]:
        """Every row prepared by itself, without its padding."""
        device = next(self.model.parameters()).device
        cut = zip(waveforms.values.cpu().numpy(), waveforms.lengths.tolist(), strict=True)
        return [self.prepared(row[:length]).to(device) for row, length in cut]

    def _opened(self, sound: Sound, rate: int) -> Float[np.ndarray, " samples"]:
        if isinstance(sound, (str, Path)):
            return sounds.read(sound, self.rate)
        samples = np.asarray(sound.detach().cpu() if isinstance(sound, Tensor) else sound)
        if samples.ndim != 1 or samples.dtype not in (np.int16, np.float32, np.float64):
            raise ValueError(
                "expected samples (time,) of one channel, int16 or in [-1, 1], got "
                f"{samples.dtype} of shape {samples.shape}"
            )
        samples = samples / 32768 if samples.dtype == np.int16 else samples
        if not len(samples) or not np.isfinite(samples).all() or np.abs(samples).max() > 1:
            raise ValueError("expected some samples in [-1, 1], got none, NaN, or larger ones")
        return sounds.resample(samples.astype(np.float32), rate, self.rate)

    def _fitting(self, samples: Float[np.ndarray, " samples"]) -> Float[np.ndarray, " samples"]:
        for limit, wrong, side in (
            (self.shortest, len(samples) < self.shortest, "at least"),
            (self.longest, len(samples) > (self.longest or np.inf), "at most"),
        ):
            if wrong:
                raise ValueError(
                    f"{self.name} hears {side} {limit / self.rate:.3g} s, this sound has "
                    f"{len(samples) / self.rate:.3g} s: give another one, or cut it"
                )
        return samples


class PretrainedWav2Vec2(PretrainedSounds):
    """wav2vec 2.0, trained to guess hidden parts of speech: states every 20 ms, the mean of them.

    Rows of one length are heard together, and none is padded. An attention mask would not do: the
    base model normalises its first layer over time (GroupNorm), where padding counts.

    Shapes: ``Padded`` (batch, samples) as ``read`` gives them → states (batch, frames, 768) →
    (batch, 768).

    Source: Baevski et al. 2020; weights trained further to write 960 hours of read English.
    """

    # Stands for parts that are hidden in training; the published file lacks it.
    unused = ("masked_spec_embed",)

    def architecture(self) -> tuple[Any, Any]:
        from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2Model

        return Wav2Vec2FeatureExtractor, Wav2Vec2Model

    def opened(self, folder: Path) -> nn.Module:
        model = super().opened(folder)
        # Else training it further would hide parts behind random numbers.
        model.config.apply_spec_augment = False
        return model

    @property
    def output_dim(self) -> int:
        return self.model.config.hidden_size

    @property
    def shortest(self) -> int:
        """Samples of one frame: the receptive field of its convolutions."""
        samples, config = 1, self.model.config
        for kernel, stride in zip(config.conv_kernel[::-1], config.conv_stride[::-1], strict=True):
            samples = (samples - 1) * stride + kernel
        return samples

    def states(self, waveforms: Padded) -> Padded:
        rows, states = self._rows(waveforms), {}
        for length in waveforms.lengths.unique().tolist():
            same = (waveforms.lengths == length).nonzero().flatten().tolist()
            found = self.model(torch.stack([rows[i] for i in same])).last_hidden_state
            states |= dict(zip(same, found, strict=True))
        lengths = torch.tensor([len(states[i]) for i in range(len(rows))])
        values = nn.utils.rnn.pad_sequence([states[i] for i in range(len(rows))], batch_first=True)
        return Padded(values, lengths.to(values.device))

    def pool(self, states: Padded) -> Float[Tensor, "batch dim"]:
        return masked_mean(states.values, states.mask)


class PretrainedWhisper(PretrainedSounds):
    """Whisper's encoder, trained to write down speech of 99 languages: states every 20 ms.

    It always hears 30 s, silence behind the sound, as it was trained. States of the silence are cut
    off; the vector is the mean of the others.

    Shapes: ``Padded`` (batch, samples) as ``read`` gives them → states (batch, frames, 384) →
    (batch, 384).

    Source: Radford et al. 2023.
    """

    def architecture(self) -> tuple[Any, Any]:
        from transformers import WhisperFeatureExtractor, WhisperModel

        return WhisperFeatureExtractor, WhisperModel

    def opened(self, folder: Path) -> nn.Module:
        return super().opened(folder).encoder

    @property
    def output_dim(self) -> int:
        return self.model.config.d_model

    @property
    def longest(self) -> int:
        return self.processor.n_samples

    def states(self, waveforms: Padded) -> Padded:
        values = self.model(torch.stack(self._rows(waveforms))).last_hidden_state
        # Samples that one state stands for: two frames of the spectrogram.
        step = self.longest // values.shape[1]
        lengths = ((waveforms.lengths + step - 1) // step).to(values.device)
        return Padded(values[:, : int(lengths.max())], lengths)

    def pool(self, states: Padded) -> Float[Tensor, "batch dim"]:
        return masked_mean(states.values, states.mask)


class PretrainedAST(PretrainedSounds):
    """AST, a picture transformer that looks at spectrograms, trained to name 527 kinds of sound.

    Its spectrogram always has 1,024 frames of 10 ms, zeros behind the sound, as it was trained.
    States are [CLS] and [distillation], whose mean is the vector, and then the cells of 16 × 16
    numbers, 12 from low to high at each tenth of a second; those that begin behind the sound are
    cut off.

    Shapes: ``Padded`` (batch, samples) as ``read`` gives them → states (batch, 2 + 12 · columns,
    768) → (batch, 768).

    Source: Gong et al. 2021.
    """

    def architecture(self) -> tuple[Any, Any]:
        from transformers import ASTFeatureExtractor, ASTModel

        return ASTFeatureExtractor, ASTModel

    @property
    def output_dim(self) -> int:
        return self.model.config.hidden_size

    @property
    def longest(self) -> int:
        hop = self.rate // 100
        return WINDOW + (self.processor.max_length - 1) * hop

    @property
    def patches(self) -> tuple[int, int]:
        """(frequencies, times) of the cells."""
        config = self.model.config
        return (
            (config.num_mel_bins - config.patch_size) // config.frequency_stride + 1,
            (config.max_length - config.patch_size) // config.time_stride + 1,
        )

    def states(self, waveforms: Padded) -> Padded:
        found = self.model(torch.stack(self._rows(waveforms))).last_hidden_state
        # The model counts cells frequency by frequency; in the order of time, the silent ones come
        # last, and a length says where they begin.
        cells = found[:, 2:].unflatten(1, self.patches).transpose(1, 2).flatten(1, 2)
        frames = 1 + (waveforms.lengths - WINDOW) // (self.rate // 100)
        step = self.model.config.time_stride
        columns = ((frames + step - 1) // step).clamp(max=self.patches[1])
        lengths = (2 + columns * self.patches[0]).to(found.device)
        values = torch.cat([found[:, :2], cells], dim=1)
        return Padded(values[:, : int(lengths.max())], lengths)

    def pool(self, states: Padded) -> Float[Tensor, "batch dim"]:
        return states.values[:, :2].mean(1)


MODELS = {
    "wav2vec2": PretrainedWav2Vec2,
    "whisper": PretrainedWhisper,
    "ast": PretrainedAST,
}


def _several(heard: Sounds) -> list[Sound]:
    if isinstance(heard, Padded):
        lengths = heard.lengths.tolist()
        return [row[:length] for row, length in zip(heard.values, lengths, strict=True)]
    if isinstance(heard, (str, Path)) or getattr(heard, "ndim", 2) == 1:
        raise ValueError("expected several sounds, got one: write [sound]")
    if not len(heard):
        raise ValueError("there is no sound")
    return [heard[i] for i in range(len(heard))]
