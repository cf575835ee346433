"""Does a gradient say how the loss changes? Compared with differences of an oracle in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

from xmodal_lab.workbook.kit.attempt import Attempt, Mistake

# Half the distance between the two points from which an oracle's slope is taken.
STEP = 1e-5
# Of the directions. No exercise draws its inputs from it: along its own rows, an input that is
# normalised has no slope at all, whoever detached it.
SEED = 2**31
NONE = (
    "the value is right, but no gradient flows back, so nothing could be trained with it. "
    "Did you use .item(), .detach() or numpy?"
)


def require_gradients(
    attempt: Attempt,
    oracle: Callable,
    inputs: Sequence,
    names: Sequence[str],
    joined: Callable = lambda result: result,
) -> None:
    """Raise a Mistake unless the gradient of every named input fits the oracle's slope.

    Each is compared along one direction drawn by chance; a result of several entries is added up
    with weights drawn by chance. Plain numbers among the named inputs become tensors without axes.
    The oracle is given the changed input in float64. A list of tensors is compared one by one.
    ``joined`` makes one tensor of a result of several, as the oracle does.
    """
    leaves = [
        tree_map(_leaf, value) if name in names else value for name, value in attempt.named(inputs)
    ]
    try:
        result = attempt.run(*leaves)
    except Mistake as mistake:  # .numpy() of what has a gradient: PyTorch proposes to detach it
        raise Mistake(NONE if "that requires grad" in str(mistake) else str(mistake)) from None
    result = joined(result)
    if not (isinstance(result, torch.Tensor) and result.requires_grad):
        raise Mistake(NONE)
    weights = 1 + torch.rand(result.shape, generator=torch.Generator().manual_seed(SEED - 1))
    (result * weights).sum().backward()

    def total(*inputs) -> float:
        return float((np.asarray(oracle(*inputs)) * weights.numpy()).sum())

    for place, (name, _) in enumerate(attempt.named(inputs)):
        if name in names and not _fits(total, inputs, tree_leaves(leaves[place]), place):
            raise Mistake(
                f"the value is right, but the gradient of `{name}` is not. Did you detach it, or "
                "make a plain number of it with .item() or float()?"
            )


def _leaf(value) -> torch.Tensor:
    return torch.as_tensor(value).clone().requires_grad_()


def _fits(total: Callable, inputs: Sequence, leaves: list[torch.Tensor], place: int) -> bool:
    values, form = tree_flatten(inputs[place])
    random = torch.Generator().manual_seed(SEED + place)
    for number, leaf in enumerate(leaves):
        value = torch.as_tensor(values[number]).double()
        direction = torch.randn(value.shape, generator=random)
        slope = 0.0 if leaf.grad is None else float((leaf.grad * direction).sum())
        ends = []
        for step in (STEP, -STEP):
            moved = value + step * direction
            moved = moved if moved.ndim else float(moved)
            changed = tree_unflatten([*values[:number], moved, *values[number + 1 :]], form)
            ends.append(total(*inputs[:place], changed, *inputs[place + 1 :]))
        wanted = (ends[0] - ends[1]) / (2 * STEP)
        if abs(slope - wanted) > 1e-2 * abs(wanted) + 1e-4:
            return False
    return True
