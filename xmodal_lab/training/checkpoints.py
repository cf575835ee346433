"""Trained spaces on disk: weights as safetensors with all that is needed to rebuild the model.

Nothing is unpickled. A file is written beside its target and renamed, so that a reader sees the
old checkpoint or the whole new one, and a full disk leaves the old one in place.

The header holds 'config', that of the space, with the words its encoders read; 'notes';
'checksum', of the weights; 'seal', of the header itself. The weights of a frozen encoder stay
where they came from: its config says which they were, and without them the space cannot be loaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from xmodal_lab.alignment.mappers import LinearMapper, MLPMapper
from xmodal_lab.datasets.atomic import replacing
from xmodal_lab.datasets.digest import sha256
from xmodal_lab.datasets.scenes import WORDS
from xmodal_lab.encoders import registry
from xmodal_lab.encoders.encoder import Encoder
from xmodal_lab.encoders.pretrained import PretrainedText, WeightsMissing
from xmodal_lab.joint.space import JointSpace

FORMAT = "xmodal_lab joint space 2"
# Before: standard encoders only, over the words of the data world, and no seal.
FORMER = "xmodal_lab joint space 1"

registry.register(LinearMapper, MLPMapper)  # they live in a room that the encoders do not know


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written or used."""


def save(path: str | Path, space: JointSpace, notes: dict | None = None) -> Path:
    """Write a joint space whose encoders are known to ``encoders.registry``.

    Args:
        path: where to; an existing file is replaced only by a complete one.
        space: its projections as they were made, or ``nn.Identity``.
        notes: anything JSON can hold, such as how it was trained.

    Raises:
        CheckpointError: where the space could not be rebuilt, the folder cannot be written or the
            disk is full.
    """
    path = Path(path)
    if why := obstacle(space):
        raise CheckpointError(
            f"{path} was not written, for nobody could rebuild the space: {why}. "
            "safetensors.torch.save_model(space, path) keeps the weights alone"
        )
    header = {
        "format": FORMAT,
        "config": json.dumps(space.config),
        "notes": json.dumps(notes or {}),
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _state(space).items()}
    header["checksum"] = _checksum(tensors)
    header["seal"] = _seal(header)
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(_in_order(to_bytes(tensors, header)))
    except OSError as error:
        raise CheckpointError(f"could not write {path}: {error}. An older file is kept.") from error
    return path


def load(path: str | Path, device: torch.device | str = "cpu") -> JointSpace:
    """Rebuild the joint space that ``save`` wrote, in evaluation mode.

    Raises:
        CheckpointError: for a missing, damaged or foreign file, an encoder that is not known,
            pretrained weights that are not on this machine, or weights that do not fit; the
            message says which.
    """
    path = Path(path)
    header, tensors = _read(path)
    if header["format"] == FORMER and header.get("words") != " ".join(WORDS):
        raise CheckpointError(f"{path} was trained with other words than this data world has")
    try:
        config = json.loads(header["config"])
        space = JointSpace.standard(**config) if header["format"] == FORMER else _rebuilt(config)
    except WeightsMissing as error:
        raise CheckpointError(f"{path} needs pretrained weights beside its own. {error}") from error
    except (LookupError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise CheckpointError(f"{path} does not say how to rebuild its model: {error}") from error
    if strange := misfits(_state(space), tensors):
        raise CheckpointError(f"{path} is of another architecture: {', '.join(strange[:3])} …")
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


def obstacle(space: JointSpace) -> str:
    """Why a checkpoint could not rebuild a space; empty where it could."""
    encoders = dict(space.encoders.items())
    for modality, encoder in encoders.items():
        if not registry.is_known(encoder):
            return (
                f"the encoder of {modality!r} is a {type(encoder).__name__}, which the package "
                "does not know. Derive its class from encoders.encoder.Encoder, with a config, "
                "and hand it to encoders.registry.register before saving and before loading"
            )
    if len({id(encoder) for encoder in encoders.values()}) < len(encoders):
        return "two modalities share one encoder, and would come back with one each"
    loaded = {name: made for name, made in encoders.items() if isinstance(made, PretrainedText)}
    try:
        # Without memory for weights, and without drawing random numbers for them.
        with torch.device("meta"):
            twin = _rebuilt(json.loads(json.dumps(space.config)), loaded)
    except (TypeError, ValueError, RuntimeError) as error:
        return f"its config makes no space: {error}"
    if strange := misfits(_state(twin), _state(space)):
        return f"its config does not tell what was replaced: {', '.join(strange[:3])} …"
    return ""


def learned(model: nn.Module) -> dict[str, Tensor]:
    """The state of a model, without that of encoders that are frozen."""
    frozen = tuple(
        f"{name}."
        for name, part in model.named_modules(remove_duplicate=False)
        if isinstance(part, Encoder) and part.frozen
    )
    return {n: tensor for n, tensor in model.state_dict().items() if not n.startswith(frozen)}


def misfits(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """Names of weights that only one side has, or both in different shapes."""
    return sorted(
        name
        for name in wanted.keys() | found.keys()
        if name not in wanted or name not in found or wanted[name].shape != found[name].shape
    )


def _rebuilt(config: dict[str, Any], made: Mapping[str, Encoder] | None = None) -> JointSpace:
    """A new space of a config, around those of its encoders that are made already."""
    made = made or {}
    encoders = {
        name: made[name] if name in made else registry.build(encoder["class"], encoder["config"])
        for name, encoder in config["encoders"].items()
    }
    bias = {"bias": config["bias"]} if "bias" in config else {}
    space = JointSpace(encoders, config["dim"], **bias)
    for modality in config.get("unprojected", ()):
        space.projections[modality] = nn.Identity()
    return space


def _read(path: Path, weights: bool = True) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Header, sound and of a known format, and weights."""
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in (file.keys() if weights else ())}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or no safetensors file: {error}") from error
    if (found := header.get("format", "something else")) not in (FORMAT, FORMER):
        raise CheckpointError(f"{path} holds {found!r}, expected {FORMAT!r} or {FORMER!r}")
    if found == FORMAT and header.get("seal") != _seal(header):
        raise CheckpointError(f"{path} is damaged: its header does not fit its seal")
    return header, tensors


def _checksum(tensors: dict[str, Tensor]) -> str:
    parts: list[str | memoryview] = []
    for name in sorted(tensors):
        parts.append(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}")
        # As bytes: NumPy has no name for some of torch's precisions.
        parts.append(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return sha256(*parts)


def _seal(header: dict[str, str]) -> str:
    entries = sorted((name, text) for name, text in header.items() if name != "seal")
    return sha256(json.dumps(entries))


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
    state = learned(space)
    return {n: tensor for n, tensor in state.items() if not n.endswith("num_batches_tracked")}
