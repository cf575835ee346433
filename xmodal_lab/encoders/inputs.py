"""A data set becomes tensors, in the form its encoders read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn

from xmodal_lab.batch import Batch, Padded, pad
from xmodal_lab.datasets.scenes import SceneData, Waveforms
from xmodal_lab.encoders.audio import LogMel
from xmodal_lab.encoders.text import read_captions


def log_mel(waveforms: Waveforms, chunk: int = 256) -> Padded:
    """Log-mel frames of many waveforms, a chunk at a time to keep memory small.

    Raises:
        ValueError: where there is no waveform, or one shorter than a window.
    """
    if not len(waveforms):
        raise ValueError("there are no waveforms to read")
    transform = LogMel()
    lengths = transform.frames(torch.tensor([len(w) for w in waveforms]))
    # One array for all, filled a chunk at a time: this is the largest tensor of a chapter.
    frames = torch.zeros(len(waveforms), int(lengths.max()), transform.mels)
    for rows in torch.arange(len(waveforms)).split(chunk):
        part, _ = transform(pad([waveforms[i] for i in rows.tolist()]))
        frames[rows[0] : rows[-1] + 1, : part.shape[1]] = part
    return Padded(frames, lengths)


Encoders = Mapping[str, nn.Module] | nn.ModuleDict


def readers(encoders: Encoders) -> dict[str, Callable]:
    """Modality → function that makes tensors of its data: the encoder's own ``read``, or ours."""
    own = {name: made.read for name, made in encoders.items() if hasattr(made, "read")}
    return {"text": read_captions, "image": torch.from_numpy, "audio": log_mel} | own


def inputs_of(
    data: SceneData,
    modalities: Sequence[str] | None = None,
    encoders: Encoders | None = None,
) -> Batch:
    """What the encoders read of every scene; on the CPU.

    Args:
        data: the scenes.
        modalities: which of those that are there; None for all.
        encoders: those that will get it, by modality: one with a ``read`` of its own reads itself.

    Returns:
        'text': word ids (count, words); 'image': levels (count, 3, 32, 32); 'audio': log-mel
        frames (count, frames, 40). Text and audio are ``Padded``.

    Raises:
        ValueError: for a modality the data does not have.
    """
    wanted = data.modalities if modalities is None else modalities
    missing = [modality for modality in wanted if modality not in data.modalities]
    if missing:
        raise ValueError(f"the data has {', '.join(data.modalities)}, but not {', '.join(missing)}")
    rows = {"text": data.captions, "image": data.images, "audio": data.waveforms}
    read = readers(encoders or {})
    return Batch((name, read[name](rows[name])) for name in rows if name in wanted)
