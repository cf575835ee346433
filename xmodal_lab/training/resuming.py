"""Checkpoints of a running training: enough to go on as if nothing had happened.

Each consists of two files: ``step-000100.safetensors`` with the weights, for everybody to use,
and ``step-000100.resume`` with what only the training needs: optimiser, loss scaler, random
number generators, and the number of the step, from which learning rate and order of the data
follow. The second names the first by its SHA-256 and carries one of its own. A checkpoint that is
cut short, altered or half written is passed over, and the one before it used.
"""

from __future__ import annotations

import io
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import nn

from xmodal_lab.datasets.atomic import replacing
from xmodal_lab.datasets.digest import sha256
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.training import checkpoints, distributed
from xmodal_lab.training.checkpoints import CheckpointError
from xmodal_lab.training.guards import TrainingError, uninterrupted
from xmodal_lab.training.random_state import random_state, restore_random_state

FORMAT = b"xmodal_lab training 1\n"
KEPT = 3
# BatchNorm's count of batches: not among the weights of a joint space, see ``checkpoints``.
COUNT = "num_batches_tracked"
PARTS = {"step", "weights", "counts", "optimizer", "scaler", "random"}


class Saver:
    """Leaves the checkpoints of one training, and puts it back to the latest.

    Args:
        folder: where they go; None for nowhere.
        every: steps from one to the next.
        model, optimiser, scaler: what is kept.
    """

    def __init__(
        self,
        folder: str | Path | None,
        every: int,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
    ) -> None:
        self.folder, self.every, self.parts = folder, every, (model, optimiser, scaler)
        self.stored = 0

    def resume(self) -> int:
        """The number of the step that the latest sound checkpoint had finished, see ``resume``."""
        self.stored = resume(self.folder, *self.parts) if self.folder else 0
        return self.stored

    def after(self, step: int) -> None:
        """Write a checkpoint where one is due."""
        if self.folder and step % self.every == 0 and store(self.folder, step, *self.parts):
            self.stored = step

    def failed(self, error: BaseException) -> None:
        """Leave no last checkpoint where the processes may stand anywhere: it would take all."""
        # Unless it came on all of them alike.
        if distributed.world_size() > 1 and not isinstance(error, (TrainingError, GeneratorExit)):
            self.folder = None

    def close(self, step: int) -> None:
        """Write the last checkpoint, unless it is there."""
        if self.folder and step > self.stored:
            with uninterrupted():  # who is in a hurry presses twice
                store(self.folder, step, *self.parts)


def store(
    folder: str | Path,
    step: int,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
) -> bool:
    """Write the checkpoint of a finished step, and remove those older than the latest three.

    On several processes the first one writes. A checkpoint that cannot be written costs a
    warning, not the training: the older ones stay.

    Returns:
        True where it was written; the same on all processes.
    """
    randoms = distributed.all_gather_object(random_state())
    written = distributed.rank() == 0 and _store(folder, step, model, optimiser, scaler, randoms)
    return any(distributed.all_gather_object(written))


def _store(folder, step, model, optimiser, scaler, randoms) -> bool:
    stem = Path(folder) / f"step-{step:06d}"
    try:
        weights = _write_weights(stem.with_suffix(".safetensors"), model, step)
        state = {
            "step": step,
            "weights": weights,
            "counts": {n: t for n, t in _tensors(model).items() if n.endswith(COUNT)},
            "optimizer": optimiser.state_dict(),
            "scaler": scaler.state_dict(),
            "random": randoms,
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        payload = buffer.getvalue()
        with replacing(stem.with_suffix(".resume")) as temporary:
            temporary.write_bytes(FORMAT + sha256(payload).encode() + b"\n" + payload)
    except (OSError, CheckpointError) as error:
        with suppress(OSError):  # weights without their other half only take room
            stem.with_suffix(".safetensors").unlink()
        warnings.warn(f"no checkpoint of step {step}: {error}; going on without it", stacklevel=4)
        return False
    _tidy(Path(folder), step)
    return True


def _tidy(folder: Path, step: int) -> None:
    """Remove what is older than the latest three, and what a killed process left half-written."""
    # Numbers beyond this step are damaged ones that were passed over: they take no sound one's
    # place among the three.
    oldest = [n for n in map(_number, _steps(folder)) if n <= step][:KEPT][-1]
    ours = [*folder.glob("step-*.resume"), *folder.glob("step-*.safetensors")]
    old = [path for path in ours if 0 <= _number(path) < oldest]
    for path in [*old, *folder.glob(".*.part")]:
        with suppress(OSError):
            path.unlink()


def resume(
    folder: str | Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
) -> int:
    """Put a training back to its latest sound checkpoint.

    Returns:
        The number of the step it had finished; 0 where the folder holds no checkpoint.

    Raises:
        CheckpointError: where checkpoints are there but none is sound, their weights are those
            of another architecture, or several processes found different ones. Nothing is
            deleted.
    """
    step = _resume(folder, model, optimiser, scaler)
    steps = distributed.all_gather_object(step)
    if len(set(steps)) > 1:
        raise CheckpointError(
            f"the processes found checkpoints of different steps, {steps}: name a folder that "
            "all of them can read"
        )
    return step


def _resume(folder, model, optimiser, scaler) -> int:
    found = _steps(Path(folder))
    reasons = []
    for path in found:
        try:
            state, weights = _read(path)
        except (OSError, ValueError, SafetensorError) as error:
            reasons.append(f"{path.name}: {error}")
            print(f"Note: {path.name} cannot be used ({error}).", file=sys.stderr)
            continue
        _load_weights(model, weights, path)
        optimiser.load_state_dict(state["optimizer"])
        if state["scaler"]:  # empty from a device that needs none
            scaler.load_state_dict(state["scaler"])
        randoms = state["random"]
        restore_random_state(randoms[distributed.rank() % len(randoms)])
        if distributed.rank() == 0:
            print(f"Note: going on after step {state['step']}, from {path}.")
        return state["step"]
    if found:
        raise CheckpointError(
            f"no checkpoint in {folder} is sound: {'; '.join(reasons)}. Train into another "
            "folder, or delete this one to begin anew."
        )
    return 0


def _steps(folder: Path) -> list[Path]:
    """The resume files of a folder, latest first."""
    return sorted(
        (path for path in folder.glob("step-*.resume") if _number(path) >= 0),
        key=_number,
        reverse=True,
    )


def _number(path: Path) -> int:
    """The step that a file's name tells; -1 for a name of somebody else's."""
    number = path.stem.removeprefix("step-")
    return int(number) if number.isdecimal() else -1


def _write_weights(path: Path, model: nn.Module, step: int) -> str:
    if isinstance(model, JointSpace) and not checkpoints.obstacle(model):
        checkpoints.save(path, model, {"step": step})
    else:
        with replacing(path) as temporary:
            temporary.write_bytes(to_bytes(_tensors(model)))
    return sha256(path)


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    # Clones: weights that two layers share would be an error to safetensors.
    state = checkpoints.learned(model)
    return {name: t.detach().cpu().clone().contiguous() for name, t in state.items()}


def _read(path: Path) -> tuple[dict, dict[str, torch.Tensor]]:
    content = path.read_bytes()
    if not content.startswith(FORMAT):
        raise ValueError("it is no training checkpoint of this version")
    digest, _, payload = content[len(FORMAT) :].partition(b"\n")
    if sha256(payload).encode() != digest:
        raise ValueError("its checksum does not fit: the file is damaged")
    # weights_only: tensors, numbers and lists; nothing in the file is executed.
    try:
        state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except Exception as error:  # of any kind: the file is somebody else's work
        raise ValueError(f"what is sealed in it cannot be read: {error}") from error
    if not isinstance(state, dict) or not state.keys() >= PARTS:
        raise ValueError("it does not hold what a training needs")
    weights = path.with_suffix(".safetensors").read_bytes()
    if sha256(weights) != state["weights"]:
        raise ValueError("the weights beside it are damaged, or of another step")
    return state, from_bytes(weights) | state["counts"]


def _load_weights(model: nn.Module, weights: dict[str, torch.Tensor], path: Path) -> None:
    if strange := checkpoints.misfits(checkpoints.learned(model), weights):
        raise CheckpointError(
            f"{path} is of another architecture: {', '.join(strange[:3])} … Train into another "
            "folder, or build the model it was made with."
        )
    model.load_state_dict(weights, strict=False)  # what is frozen is not among them
