"""Encoders that others trained for days, loaded by a short name.

``load`` looks on this machine first and in the network last; without weights it says what is
missing, and the workbook goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xmodal_lab.encoders.pretrained import pictures, sounds, text
from xmodal_lab.encoders.pretrained.model import PretrainedEncoder
from xmodal_lab.encoders.pretrained.pictures import PretrainedPictures
from xmodal_lab.encoders.pretrained.sounds import PretrainedSounds
from xmodal_lab.encoders.pretrained.text import PretrainedText
from xmodal_lab.encoders.pretrained.weights import Published, WeightsMissing

__all__ = [
    "MODELS",
    "PretrainedEncoder",
    "PretrainedPictures",
    "PretrainedSounds",
    "PretrainedText",
    "Published",
    "WeightsMissing",
    "load",
]

# Name → the class that reads it.
MODELS = dict.fromkeys(text.PUBLISHED, PretrainedText) | pictures.MODELS | sounds.MODELS


def load(name: str, folder: str | Path | None = None, **options: Any) -> PretrainedEncoder:
    """A pretrained encoder of text, pictures or sound, such as 'bert', 'resnet50' or 'wav2vec2'.

    Text: 'bert', 'minilm'. Pictures: 'resnet50', 'vit', 'clip', 'vgg16'. Sound: 'wav2vec2',
    'whisper', 'ast'.

    Args:
        name: of ``MODELS``.
        folder: where its files lie; None to look in the usual places.
        options: what else its class takes, such as ``pool`` and ``frozen``.

    Raises:
        WeightsMissing: in one line, what was looked for where, and how to get it.
        ValueError: for an unknown name.
    """
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}: choose one of {', '.join(MODELS)}")
    return MODELS[name](name, folder, **options)
