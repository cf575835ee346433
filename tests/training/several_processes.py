"""What each of several processes does for ``test_distributed.py``.

    python several_processes.py 2 FOLDER

joins two processes over loopback, and each writes what it found to ``FOLDER/found-<rank>.pt``.
One process alone gives the answers that they are compared with, see ``test_distributed.py``.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import warnings
from datetime import timedelta
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from xmodal_lab.alignment.losses import info_nce, info_nce_many, over_pairs, sigmoid_loss
from xmodal_lab.batch import Batch, pad
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.runtime import Runtime
from xmodal_lab.tasks import Classifier, cross_entropy
from xmodal_lab.training import distributed, resuming
from xmodal_lab.training.backward import backward
from xmodal_lab.training.checkpoints import CheckpointError
from xmodal_lab.training.controls import Controls
from xmodal_lab.training.loop import TrainingError, fit

CPU = Runtime(torch.device("cpu"), torch.float32, seed=0, threads=1)
LOSSES = {"info_nce": info_nce, "sigmoid": sigmoid_loss}
MICRO_BATCHES = (None, 3)
KINDS = ("sum", "own", "none")
ROWS, BATCH, STEPS = 64, 16, 6
SECONDS = 60  # longer than all of it takes: whoever waits so long waits for ever


class Small(nn.Module):
    """An encoder of vectors; its rows do not see each other unless ``norm`` is BatchNorm."""

    output_dim = 8

    def __init__(self, norm=nn.LayerNorm, dropout: float = 0.0):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(5, 12), norm(12), nn.Tanh(), nn.Dropout(dropout), nn.Linear(12, 8)
        )

    def forward(self, x):
        return self.layers(x)


def model(dtype=torch.float64, seed: int = 0, **options) -> JointSpace:
    torch.manual_seed(seed)
    return JointSpace({"x": Small(**options), "y": Small(**options)}, 6).to(dtype)


def data(dtype=torch.float64, rows: int = ROWS) -> Batch:
    """Two views of the same causes."""
    generator = torch.Generator().manual_seed(1)
    causes = torch.randn(rows, 5, generator=generator, dtype=torch.float64)
    other = causes @ torch.randn(5, 5, generator=generator, dtype=torch.float64)
    return Batch({"x": causes.to(dtype), "y": other.to(dtype)})


def train(space, folder=None, dtype=torch.float64, **options) -> None:
    for _ in steps_of(space, folder, dtype, **options):
        pass


def steps_of(space, folder=None, dtype=torch.float64, loss=over_pairs, batch=None, **options):
    batch = data(dtype) if batch is None else batch
    options = {"steps": STEPS, "batch_size": BATCH, "warmup": 2, "learning_rate": 0.01, **options}
    return fit(space, loss, batch, runtime=CPU, folder=folder, **options)


def weights(space) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in space.state_dict().items()}


def gradients(space) -> dict[str, torch.Tensor]:
    return {
        n: torch.zeros_like(w) if w.grad is None else w.grad for n, w in space.named_parameters()
    }


def message(kind: type[BaseException], call) -> str:
    try:
        call()
    except kind as error:
        return str(error)
    return "nothing was raised"


# Each of the following is one question. On several processes all of them answer it together.


def gradients_of_losses() -> dict:
    found = {}
    for name, loss in LOSSES.items():
        for micro_batch in MICRO_BATCHES:
            space = model()
            batch = data().rows(distributed.shard(torch.arange(BATCH)))
            value = backward(space, partial(over_pairs, loss=loss), batch, micro_batch)
            found[f"{name} {micro_batch}"] = {"loss": value[""], **gradients(space)}
    return found


def objectives() -> dict:
    """A contrast that looks at meanings, and a classification, which adds up."""
    # Longer sentences on the last process than on the first one.
    words = pad([[1 + row % 3] * (1 + row // 4) for row in range(ROWS)])
    batch = Batch(data() | {"labels": torch.arange(ROWS) % 3, "words": words})
    rows = batch.rows(torch.arange(BATCH))

    def treated(outputs, whole):
        first = whole["words"].values[:, 0]
        assert first.tolist() == (1 + whole["labels"]).tolist()
        assert whole["words"].values.count_nonzero(dim=1).equal(whole["words"].lengths)
        same = first[:, None] == first
        return info_nce_many(outputs["x"], outputs["y"], outputs["temperature"], same)

    found = {}
    for name, make, objective in (
        ("contrast with meanings", model, treated),
        ("classification", judge, cross_entropy),
    ):
        for micro_batch in MICRO_BATCHES:
            learner = make()
            mine = rows.rows(distributed.shard(torch.arange(BATCH)))
            value = backward(learner, objective, mine, micro_batch)
            found[f"{name} {micro_batch}"] = {"loss": value[""], **gradients(learner)}
    return found


def judge() -> Classifier:
    torch.manual_seed(0)
    return Classifier(Small(), 3, "x").double()


def gradients_of_kinds() -> dict:
    found = {}
    for kind in KINDS:
        space = model()
        batch = data().rows(distributed.shard(torch.arange(BATCH)))
        outputs = space(batch)
        points = {name: distributed.gather(outputs[name], kind) for name in batch}
        points["temperature"] = outputs["temperature"]
        over_pairs(points).backward()
        distributed.average_gradients(space)
        found[kind] = gradients(space)
    return found


def whole_training() -> dict:
    found = {}
    for dtype in (torch.float64, torch.float32):
        for micro_batch in MICRO_BATCHES:
            space = model(dtype)
            train(space, dtype=dtype, micro_batch=micro_batch)
            found[f"{dtype} {micro_batch}"] = weights(space)
    return found


def batch_norm() -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(model(norm=nn.BatchNorm1d), steps=1)
    return [str(warning.message) for warning in caught]


def checkpoints(folder: Path) -> dict:
    """With dropout, so that every process's random numbers have to come back too."""
    written, replacing = [], resuming.replacing

    def noted(path):
        written.append(path.name)
        return replacing(path)

    whole = model(dropout=0.3)
    train(whole)
    resuming.replacing = noted
    try:
        for step in steps_of(model(dropout=0.3), folder, every=2):
            if step.number == 4:
                break
        files = sorted(path.name for path in folder.iterdir())
        resumed = model(seed=5, dropout=0.3)
        numbers = [step.number for step in steps_of(resumed, folder, every=2)]
    finally:
        resuming.replacing = replacing
    return {
        "whole": weights(whole),
        "resumed": weights(resumed),
        "numbers": numbers,
        "files": files,
        "written": written,
    }


def dropped_units() -> torch.Tensor:
    space = model(dropout=0.5)
    distributed.same_beginning(space)
    return torch.rand(20)


def checkpoint_that_cannot_be_written(folder: Path) -> list[str]:
    obstacle = folder / "obstacle"
    if distributed.rank() == 0:
        obstacle.write_text("a file where a folder is wanted")
    distributed.wait()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(model(), obstacle / "inside", every=3)
    return [str(warning.message) for warning in caught]


def unequal_shares() -> str:
    return message(ValueError, lambda: train(model(), batch_size=BATCH - 1))


def not_a_number() -> dict:
    """In a row that the last process takes; the others must learn of it."""
    batch, space = data(), model()
    batch["y"][2 * BATCH - 1, 3] = torch.nan
    order = lambda step: torch.arange(BATCH) + BATCH * min(step, 1)  # noqa: E731
    text = message(TrainingError, lambda: train(space, batch=batch, order=order))
    return {"text": text, "finite": all(t.isfinite().all() for t in weights(space).values())}


def frozen_weights() -> dict:
    """One frozen, one that no row passes through: neither may decay."""
    space = model()
    space.unused = nn.Linear(3, 3).double()
    space.encoders["x"].layers[0].weight.requires_grad_(False)
    before = weights(space)
    train(space, weight_decay=0.5)
    return {name: tensor.equal(before[name]) for name, tensor in weights(space).items()}


def unlike_beginnings() -> dict:
    space = model(seed=distributed.rank())
    train(space)
    return weights(space)


def stopped_by_one() -> int:
    controls, last = Controls(), 0
    for step in steps_of(model(), controls=controls):
        last = step.number
        if last == 3 and distributed.rank() == distributed.world_size() - 1:
            controls.stop()
    return last


def folders_of_their_own(folder: Path) -> str:
    """As on machines without a common file system: only the first one finds a checkpoint."""
    own = folder / f"of-{distributed.rank()}"
    train(model(), folder / "of-0", steps=2)
    return message(CheckpointError, lambda: train(model(), own))


def one_that_dies() -> str:
    """The last question: nobody can answer another one together afterwards."""

    def deadly(outputs, batch):
        if distributed.rank() == distributed.world_size() - 1:
            raise MemoryError("this one alone")
        return over_pairs(outputs, batch)

    return message(Exception, lambda: train(model(), loss=deadly))


def answers(folder: Path) -> dict:
    found = {
        "gradients_of_losses": gradients_of_losses(),
        "objectives": objectives(),
        "gradients_of_kinds": gradients_of_kinds(),
        "whole_training": whole_training(),
    }
    if distributed.world_size() != 2:
        return found
    for name in ("steps", "obstacle", "own"):
        (folder / name).mkdir(exist_ok=True)
    return found | {
        "batch_norm": batch_norm(),
        "checkpoints": checkpoints(folder / "steps"),
        "dropped_units": dropped_units(),
        "checkpoint_that_cannot_be_written": checkpoint_that_cannot_be_written(folder / "obstacle"),
        "unequal_shares": unequal_shares(),
        "not_a_number": not_a_number(),
        "frozen_weights": frozen_weights(),
        "unlike_beginnings": unlike_beginnings(),
        "stopped_by_one": stopped_by_one(),
        "folders_of_their_own": folders_of_their_own(folder / "own"),
        "one_that_dies": one_that_dies(),
    }


def run(rank: int, count: int, folder: Path) -> None:
    torch.set_num_threads(1)
    # A file to meet at: no port that might be taken.
    dist.init_process_group(
        "gloo",
        init_method=(folder / "meeting").as_uri(),
        rank=rank,
        world_size=count,
        timeout=timedelta(seconds=SECONDS),
    )
    torch.save(answers(folder), folder / f"found-{rank}.pt")


def main() -> None:
    count, folder = int(sys.argv[1]), Path(sys.argv[2])
    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    # Nothing has been computed yet, so a fork is safe, and torch is imported once for all.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    started = [context.Process(target=run, args=(rank, count, folder)) for rank in range(count)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    sys.exit(any(process.exitcode for process in started))


if __name__ == "__main__":
    main()
