"""Trained models of the tasks that ship in ``data/``: weights, and what is known of them.

Nothing is unpickled: a file is safetensors, and what it says of itself is one JSON entry.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from xmodal_lab.datasets.atomic import replacing
from xmodal_lab.datasets.shipped import shipped


def write(path: Path, model: nn.Module, **about: Any) -> None:
    """Weights of a model, and whatever JSON can hold about it, whole or not at all."""
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    with replacing(path) as temporary:
        # One entry, in order: the same model gives the same bytes.
        save_file(weights, temporary, {"about": json.dumps(about, sort_keys=True)})


def about(name: str) -> dict[str, Any]:
    """What a shipped file says of itself: how it was trained, and what it reached.

    Raises:
        DamagedFileError: where the file is missing or changed.
    """
    with safe_open(shipped(name), framework="pt") as file:
        return json.loads(file.metadata()["about"])


def filled(name: str, model: nn.Module) -> nn.Module:
    """A model with the weights of a shipped file, in evaluation mode.

    Raises:
        DamagedFileError: where the file is missing or changed.
        RuntimeError: where it was made for another architecture.
    """
    with safe_open(shipped(name), framework="pt") as file:
        model.load_state_dict({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
    return model.eval()
