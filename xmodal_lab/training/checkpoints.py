"""Trained spaces on disk: weights as safetensors with all that is needed to rebuild the model.

Nothing is unpickled. A file is written beside its target and renamed, so that a reader sees the
old checkpoint or the whole new one, and a full disk leaves the old one in place.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from xmodal_lab.datasets.atomic import replacing
from xmodal_lab.datasets.digest import sha256
from xmodal_lab.datasets.scenes import WORDS
from xmodal_lab.joint.space import JointSpace

FORMAT = "xmodal_lab joint space 1"


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written or used."""


def save(path: str | Path, space: JointSpace, notes: dict | None = None) -> Path:
    """Write a joint space of the standard architecture.

    Args:
        path: where to; an existing file is replaced only by a complete one.
        space: made by ``JointSpace.standard``.
        notes: anything JSON can hold, such as how it was trained.

    Raises:
        CheckpointError: where the space is not of the standard architecture, the folder cannot
            be written or the disk is full.
    """
    path = Path(path)
    if space.config is None:
        raise CheckpointError("only spaces made by JointSpace.standard(...) can be rebuilt later")
    header = {
        "format": FORMAT,
        "config": json.dumps(space.config),
        "words": " ".join(WORDS),
        "notes": json.dumps(notes or {}),
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _state(space).items()}
    header["checksum"] = _checksum(tensors)
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(_in_order(to_bytes(tensors, header)))
    except OSError as error:
        raise CheckpointError(f"could not write {path}: {error}. An older file is kept.") from error
    return path


def load(path: str | Path, device: torch.device | str = "cpu") -> JointSpace:
    """Rebuild the joint space that ``save`` wrote, in evaluation mode.

    Raises:
        CheckpointError: for a missing, damaged or foreign file, another version, other
            words, or weights that do not fit; the message says which.
    """
    path = Path(path)
    header, tensors = _read(path)
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} holds {header.get('format', 'something else')!r}, expected {FORMAT!r}"
        )
    if header.get("words") != " ".join(WORDS):
        raise CheckpointError(f"{path} was trained with other words than this data world has")
    try:
        space = JointSpace.standard(**json.loads(header["config"]))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} does not say how to rebuild its model: {error}") from error
    wanted = _state(space)
    misfits = sorted(
        name
        for name in wanted.keys() | tensors.keys()
        if name not in wanted or name not in tensors or wanted[name].shape != tensors[name].shape
    )
    if misfits:
        raise CheckpointError(f"{path} is of another architecture: {', '.join(misfits[:3])} …")
    if header.get("checksum") != _checksum(tensors):
        raise CheckpointError(f"{path} is damaged: its weights do not fit their checksum")
    space.load_state_dict(tensors, strict=False)
    return space.to(device).eval()


def notes(path: str | Path) -> dict:
    """What was noted when the checkpoint was written.

    Raises:
        CheckpointError: for a missing, truncated or foreign file.
    """
    header, _ = _read(Path(path), weights=False)
    try:
        return json.loads(header.get("notes", "{}"))
    except ValueError as error:
        raise CheckpointError(f"{path} holds notes that cannot be read: {error}") from error


def _read(path: Path, weights: bool = True) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Header and weights, of any safetensors file."""
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys() if weights else ()
            return file.metadata() or {}, {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or no safetensors file: {error}") from error


def _checksum(tensors: dict[str, Tensor]) -> str:
    parts: list[str | memoryview] = []
    for name in sorted(tensors):
        parts.append(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}")
        # As bytes: NumPy has no name for some of torch's precisions.
        parts.append(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return sha256(*parts)


def _in_order(content: bytes) -> bytes:
    """The same safetensors file with its header sorted: equal weights give equal bytes."""
    end = 8 + int.from_bytes(content[:8], "little")
    entries = json.loads(content[8:end])
    metadata = dict(sorted(entries.pop("__metadata__").items()))
    # As compact as safetensors writes it, so that it fits into the same place.
    text = json.dumps({"__metadata__": metadata, **entries}, separators=(",", ":"))
    return content[:8] + text.encode().ljust(end - 8) + content[end:]


def _state(space: JointSpace) -> dict[str, Tensor]:
    """Weights and running statistics; not BatchNorm's count of batches, which nothing reads."""
    return {
        name: tensor
        for name, tensor in space.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
