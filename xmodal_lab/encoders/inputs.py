"""A data set becomes tensors, in the form its encoders read."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from xmodal_lab.batch import Batch, Padded, pad
from xmodal_lab.datasets.scenes import SceneData, Waveforms
from xmodal_lab.encoders.audio import LogMel
from xmodal_lab.encoders.text import read_captions


def inputs_of(
    data: SceneData, device: torch.device | str = "cpu", modalities: Sequence[str] | None = None
) -> Batch:
    """What the encoders read of every scene.

    Args:
        data: the scenes.
        device: where to put it.
        modalities: which of those that are there; None for all.

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
    batch = Batch()
    if "text" in wanted:
        batch["text"] = read_captions(data.captions).to(device)
    if "image" in wanted:
        batch["image"] = torch.from_numpy(data.images).to(device)
    if "audio" in wanted:
        batch["audio"] = log_mel(data.waveforms).to(device)
    return batch


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
