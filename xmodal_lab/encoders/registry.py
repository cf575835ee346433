"""Encoders by the names of their classes: how a checkpoint finds what it was made of."""

from __future__ import annotations

from typing import Any

from xmodal_lab.encoders.audio import AudioCNN, AudioEncoder, RawAudioEncoder, SpectrogramCNN
from xmodal_lab.encoders.encoder import Encoder
from xmodal_lab.encoders.image import VGG16, DeepCNN, GridCNN, ResNet, SmallCNN
from xmodal_lab.encoders.pretrained import MODELS
from xmodal_lab.encoders.text import TextEncoder
from xmodal_lab.encoders.text.sentences import MeanEncoder

_known: dict[str, type[Encoder]] = {}


def register(*classes: type[Encoder]) -> None:
    """Make classes of encoders known, each by its name.

    Raises:
        ValueError: for a name that another class has.
    """
    for made in classes:
        other = _known.setdefault(made.__name__, made)
        # A notebook's cell that is run again makes a new class of the same place and name.
        if (other.__module__, other.__qualname__) != (made.__module__, made.__qualname__):
            raise ValueError(
                f"{made.__name__} is the name of {other.__module__}.{other.__qualname__} already: "
                "choose another"
            )
        _known[made.__name__] = made


def is_known(encoder: object) -> bool:
    """Whether ``build`` would make an object of this very class."""
    return _known.get(type(encoder).__name__) is type(encoder)


def build(name: str, config: dict[str, Any]) -> Encoder:
    """An encoder of a class that is known, made with these arguments.

    Raises:
        LookupError: for a name that is not known, with those that are.
    """
    if name not in _known:
        raise LookupError(f"no encoder is known as {name!r}, only {', '.join(_known)}")
    return _known[name](**config)


register(TextEncoder, MeanEncoder, SmallCNN, DeepCNN, GridCNN, ResNet, VGG16)
register(AudioEncoder, AudioCNN, RawAudioEncoder, SpectrogramCNN)
register(*MODELS.values())
