"""Several processes, one batch: each embeds its share of the rows, all see all negatives.

Started by ``torchrun``; with one process every function here does nothing. Every process computes
the loss of *all* rows. Its gradient on one process's embeddings therefore appears in each of the
W equal losses. ``gather`` adds these up on the way back, and ``average_gradients`` divides by W:
what comes out is the gradient that one process with all rows would get, ratio 1.
"""

from __future__ import annotations

import os

import torch
import torch.distributed as dist
from torch import Tensor, nn


def start() -> tuple[int, int]:
    """Join the processes that ``torchrun`` started: this one's number, and how many there are.

    Gradients travel by nccl between GPUs, by gloo between CPUs.
    """
    if "WORLD_SIZE" in os.environ and not dist.is_initialized():
        gpu = torch.cuda.is_available()
        if gpu:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
        dist.init_process_group("nccl" if gpu else "gloo")
    return rank(), processes()


def finish() -> None:
    """Leave the group, after waiting for the others."""
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


def processes() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """This process's number among them, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows: Tensor, backward: str) -> Tensor:
        ctx.backward_kind, ctx.count = backward, len(rows)
        parts = [torch.empty_like(rows) for _ in range(processes())]
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
    if processes() == 1:
        return rows.detach() if backward == "none" else rows
    return _Gather.apply(rows.detach() if backward == "none" else rows, backward)


def average_gradients(model: nn.Module) -> None:
    """Replace every gradient by its mean over processes."""
    if processes() == 1:
        return
    for parameter in model.parameters():
        if parameter.grad is None:  # a parameter unused here may be used elsewhere
            parameter.grad = torch.zeros_like(parameter)
        dist.all_reduce(parameter.grad)
        parameter.grad /= processes()


def share(rows: Tensor) -> Tensor:
    """This process's share of a batch's rows.

    Raises:
        ValueError: where the rows cannot be shared equally.
    """
    if len(rows) % processes():
        raise ValueError(f"{len(rows)} rows cannot be shared by {processes()} processes equally")
    return rows.chunk(processes())[rank()]


def collect(item) -> list:
    """Every process's item, in order of their numbers; tensors in it must lie on the CPU."""
    if processes() == 1:
        return [item]
    items: list = [None] * processes()
    dist.all_gather_object(items, item)
    return items
