"""Several processes, one batch: each embeds its share of the rows, all see all negatives.

Started by ``torchrun``; with one process every function here does nothing. Every process computes
the loss of *all* rows. Its gradient on one process's embeddings therefore appears in each of the
W equal losses. ``gather`` adds these up on the way back, and ``average_gradients`` divides by W:
what comes out is the gradient that one process with all rows would get, ratio 1.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn

from xmodal_lab.batch import Batch, Padded


def start() -> tuple[int, int]:
    """Join the processes that ``torchrun`` started: this one's number, and how many there are.

    Gradients travel by nccl between GPUs, by gloo between CPUs. To be called before
    ``runtime.setup``: each process takes a GPU of its own here.

    Raises:
        ValueError: for more processes on this machine than it has GPUs.
    """
    if "WORLD_SIZE" in os.environ and not dist.is_initialized():
        gpu = torch.cuda.is_available() and os.environ.get("XMODAL_DEVICE", "cuda") in ("", "cuda")
        if gpu:
            number, count = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
            if number >= count:
                raise ValueError(
                    f"process {number} finds no GPU of its own, there are {count}: start with "
                    f"--nproc-per-node {count}, or set XMODAL_DEVICE=cpu"
                )
            torch.cuda.set_device(number)
        # What is collected as Python objects travels over gloo in either case.
        dist.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo")
    return rank(), world_size()


def finish() -> None:
    """Leave the group, after waiting for the others."""
    if dist.is_initialized():
        wait()
        dist.destroy_process_group()


def wait() -> None:
    """Wait until every process has come here."""
    all_gather_object(None)


@contextmanager
def first_one_first() -> Iterator[None]:
    """The first process goes through the block, then all the others.

    So that what it leaves in a cache is there for them, and not made several times.
    """
    if rank() != 0:
        wait()
    yield
    if rank() == 0:
        wait()


def same_beginning(model: nn.Module) -> None:
    """Give every process the first one's weights, and random numbers of its own.

    Training adds the same updates everywhere: weights that differ once differ for ever, unseen.
    Dropout on the other hand must not drop the same units of every process's rows.
    """
    if world_size() == 1:
        return
    for tensor in (*model.parameters(), *model.buffers()):
        dist.broadcast(tensor.detach(), 0)
    if rank():
        torch.manual_seed((torch.initial_seed() + rank()) % 2**63)


def all_agree(value: bool) -> bool:
    """Whether the value is true on every process; all of them get the same answer."""
    return all(all_gather_object(value))


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """This process's number among them, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows: Tensor, backward: str) -> Tensor:
        ctx.backward_kind, ctx.count = backward, len(rows)
        parts = [torch.empty_like(rows) for _ in range(world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        if ctx.backward_kind == "sum":
            gradient = gradient.contiguous().clone()
            dist.all_reduce(gradient)
        return gradient[rank() * ctx.count : (rank() + 1) * ctx.count], None


def gather(rows: Tensor, backward: str = "sum") -> Tensor:
    """All processes' rows, in order of their numbers; each process must bring as many.

    Args:
        rows: (batch, dim) embeddings of this process.
        backward: what happens to the gradient. 'sum' adds up what all processes' losses say about
            these rows, exact with ``average_gradients``. 'own' keeps what this process's loss says:
            gradients come out 1/W as large. 'none' cuts the graph.

    Raises:
        ValueError: for another kind of backward.
    """
    if backward not in ("sum", "own", "none"):
        raise ValueError(f"unknown backward {backward!r}: choose 'sum', 'own' or 'none'")
    if world_size() == 1:
        return rows.detach() if backward == "none" else rows
    return _Gather.apply(rows.detach() if backward == "none" else rows, backward)


def average_gradients(model: nn.Module) -> None:
    """Replace every gradient by its mean over processes.

    A weight that no process used keeps none, as with one process: the optimiser passes it over.
    """
    if world_size() == 1:
        return
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    if not weights:
        return
    used = torch.tensor([w.grad is not None for w in weights], dtype=torch.int32)
    used = used.to(weights[0].device)
    dist.all_reduce(used)
    weights = [weight for weight, count in zip(weights, used.tolist(), strict=True) if count]
    for dtype in dict.fromkeys(weight.dtype for weight in weights):
        alike = [weight for weight in weights if weight.dtype == dtype]
        for weight in alike:
            if weight.grad is None:  # unused here, used elsewhere
                weight.grad = torch.zeros_like(weight)
        # In one piece: fifty small messages would wait fifty times for each other.
        together = torch.cat([weight.grad.flatten() for weight in alike])
        dist.all_reduce(together)
        together /= world_size()
        parts = together.split([weight.numel() for weight in alike])
        for weight, part in zip(alike, parts, strict=True):
            weight.grad.copy_(part.view_as(weight))


def shard(rows: Tensor) -> Tensor:
    """This process's share of a batch's rows.

    Raises:
        ValueError: where the rows cannot be shared equally.
    """
    if len(rows) % world_size():
        raise ValueError(f"{len(rows)} rows cannot be shared by {world_size()} processes equally")
    return rows.chunk(world_size())[rank()]


def all_gather_object(item) -> list:
    """Every process's item, in order of their numbers; tensors in it must lie on the CPU."""
    if world_size() == 1:
        return [item]
    items: list = [None] * world_size()
    dist.all_gather_object(items, item)
    return items


def all_reduce_sum(numbers: dict[str, float]) -> dict[str, float]:
    """The sum of each number over all processes."""
    every = all_gather_object(numbers)
    return {name: sum(found[name] for found in every) for name in numbers}


class GatheredBatch(Batch):
    """The rows of all processes, each entry fetched when it is asked for.

    Pictures stay where they are unless the objective looks at them; labels and meanings travel.
    Every process must ask for the same entries in the same order.
    """

    @property
    def size(self) -> int:
        return world_size() * Batch(dict.items(self)).size

    def __getitem__(self, name: str) -> Tensor | Padded:
        mine = Batch({name: super().__getitem__(name)})
        return mine.joined(
            lambda rows: gather(rows, "none"), lambda steps: max(all_gather_object(steps))
        )[name]

    def get(self, name: str, default=None):
        return self[name] if name in self else default  # noqa: SIM401 (dict's own gathers nothing)

    def values(self):
        return [self[name] for name in self]

    def items(self):
        return [(name, self[name]) for name in self]
