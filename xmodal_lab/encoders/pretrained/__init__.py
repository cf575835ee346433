"""Encoders that others trained for days, loaded by a short name.

``load`` looks on this machine first and in the network last; without weights it says what is
missing, and the workbook goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xmodal_lab.encoders.pretrained.text import PUBLISHED, PretrainedText
from xmodal_lab.encoders.pretrained.weights import Published, WeightsMissing

__all__ = ["MODELS", "PretrainedText", "Published", "WeightsMissing", "load"]

# Name → the class that reads it.
MODELS = dict.fromkeys(PUBLISHED, PretrainedText)


def load(name: str, folder: str | Path | None = None, **options: Any) -> PretrainedText:
    """A pretrained encoder.

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
