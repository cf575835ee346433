"""Published weights, by a map of their names to ours; read from safetensors, nothing unpickled.

VGG16 (torchvision's names; timm's are the second column):

    features.0.weight … features.28.bias       the 13 convolutions; ReLU and pooling are counted too
    classifier.0    pre_logits.fc1             fc6; timm stores it as 512 × 7 × 7 kernels
    classifier.3    pre_logits.fc2             fc7
    classifier.6    head.fc                    the class scores

ResNet (transformers' names, with or without ``resnet.`` before them):

    embedder.embedder.convolution.weight       stem, and .normalization.weight, .bias, …
    encoder.stages.1.layers.0.layer.2.…        stage2_1, its third convolution
    encoder.stages.1.layers.0.shortcut.…       stage2_1, its shortcut
    classifier.1                               the class scores
"""

from __future__ import annotations

import re
from math import prod
from pathlib import Path

import torch
from torch import nn

from xmodal_lab.encoders.image.blocks import Convolution
from xmodal_lab.encoders.image.resnet import ResNet
from xmodal_lab.encoders.image.vgg import VGG16

COUNTER = "num_batches_tracked"  # how long BatchNorm has averaged: not used here


def published_names(encoder: VGG16 | ResNet) -> dict[str, str]:
    """The published name of a weight → its name in ``encoder.state_dict()``."""
    name = _vgg_names(encoder) if isinstance(encoder, VGG16) else _resnet_name
    ours = [key for key in encoder.state_dict() if not key.endswith(COUNTER)]
    return {name(key): key for key in ours}


@torch.no_grad()
def load_published(encoder: VGG16 | ResNet, path: str | Path) -> None:
    """Put published weights into an encoder of the same layout.

    Nothing is changed where the file does not fit. An encoder without class scores passes those
    in the file over.

    Args:
        encoder: on any device.
        path: a safetensors file.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: where it is damaged, or its names, shapes or numbers are not as wanted.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}: published weights are a safetensors file")
    state, wanted = encoder.state_dict(), published_names(encoder)
    try:
        with safe_open(path, framework="pt") as file:
            theirs = {_as_published(key): key for key in file.keys() if not key.endswith(COUNTER)}  # noqa: SIM118
            if isinstance(encoder, ResNet) and encoder.head is None:
                theirs = {k: v for k, v in theirs.items() if not k.startswith("classifier.")}
            shapes = {name: tuple(file.get_slice(key).get_shape()) for name, key in theirs.items()}
            _compare(path, encoder, wanted, shapes)
            # One look for NaN, a second one to copy: never two models in memory.
            for name in wanted:
                if not file.get_tensor(theirs[name]).isfinite().all():
                    raise ValueError(f"{path} holds no numbers in {name} (NaN or infinity)")
            for name, key in wanted.items():
                state[key].copy_(file.get_tensor(theirs[name]).reshape(state[key].shape))
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or no safetensors file ({error})") from error


def _compare(path: Path, encoder: nn.Module, wanted: dict[str, str], shapes: dict) -> None:
    """Name what does not fit."""
    state, wrong = encoder.state_dict(), []
    if lacking := sorted(wanted.keys() - shapes.keys()):
        wrong.append(f"it lacks {len(lacking)} weights, as {lacking[0]}")
    if others := sorted(shapes.keys() - wanted.keys()):
        wrong.append(f"it holds {len(others)} unknown ones, as {others[0]}")
    for name in sorted(wanted.keys() & shapes.keys()):
        ours, theirs = tuple(state[wanted[name]].shape), shapes[name]
        # timm's dense layers are convolutions: the same numbers in the same order.
        dense = len(ours) == 2 and len(theirs) == 4 and ours == (theirs[0], prod(theirs[1:]))
        if ours != theirs and not dense:
            wrong.append(f"{name} has the shape {theirs}, wanted {ours}")
    if wrong:
        told = "; ".join(wrong[:3])
        raise ValueError(f"{path} does not fit this {type(encoder).__name__}: {told}")


def _as_published(key: str) -> str:
    """timm's names as torchvision's, and transformers' without their prefix."""
    for theirs, ours in (
        ("pre_logits.fc1.", "classifier.0."),
        ("pre_logits.fc2.", "classifier.3."),
        ("head.fc.", "classifier.6."),
        ("resnet.", ""),
    ):
        key = ours + key.removeprefix(theirs) if key.startswith(theirs) else key
    return key


def _vgg_names(encoder: VGG16):
    """In torchvision's list a convolution takes two places, for its ReLU; a pooling takes one."""
    places, place = {}, 0
    for name, layer in encoder.layers.items():
        places[f"stack.{name}.convolution"] = f"features.{place}"
        place += 2 if isinstance(layer, Convolution) else 1
    places |= {"fc6": "classifier.0", "fc7": "classifier.3", "head": "classifier.6"}

    def name(key: str) -> str:
        layer, _, kind = key.rpartition(".")
        return f"{places[layer]}.{kind}"

    return name


def _resnet_name(key: str) -> str:
    def stage(found: re.Match) -> str:
        return f"encoder.stages.{int(found[1]) - 1}.layers.{int(found[2]) - 1}"

    key = re.sub(r"^stack\.stage(\d+)_(\d+)", stage, key)
    key = key.replace("stack.stem.", "embedder.embedder.").replace(".main.", ".layer.")
    return key.replace(".norm.", ".normalization.").replace("head.", "classifier.1.")
