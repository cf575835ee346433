"""A device that every machine has: CPU tensors that say they lie on a GPU, and are as particular.

What a GPU refuses is refused here too: a tensor made on the CPU beside one on the device, and
``.numpy()``. The numbers themselves stay in main memory, so loops, ``.item()`` and branches work.

    with Elsewhere():
        a = send(torch.randn(4, 2))
        torch.arange(len(a), device=a.device) + a[:, 0]  # fine
        torch.arange(len(a)) + a[:, 0]  # WrongDeviceError
"""

from __future__ import annotations

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("cuda", 0)
# On the device if their first input is; the others may lie on the CPU.
BY_THE_FIRST = {"__getitem__", "__setitem__", "copy_"}
# A new tensor, made of numbers: these may be lists of tensors without axes, from anywhere.
NEW = {"tensor", "as_tensor", "asarray"}


class WrongDeviceError(RuntimeError):
    """What would stop on a GPU."""


class _Away(torch.Tensor):
    """A tensor that says it lies on ``DEVICE``."""

    device = property(lambda self: DEVICE)
    is_cuda = property(lambda self: True)
    is_cpu = property(lambda self: False)


def send(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers, as a tensor that says it lies on ``DEVICE``; has a meaning inside
    ``Elsewhere`` only."""
    return tensor.as_subclass(_Away)


class Elsewhere(TorchFunctionMode):
    """A context in which ``DEVICE`` exists, and its tensors refuse to meet those of the CPU.

    As on a GPU, a CPU tensor without axes may meet anything, and row numbers may lie on the CPU.

    Raises:
        WrongDeviceError: in the learner's line that would stop on a GPU.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        tensors = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, torch.Tensor)]
        away = _place_asked_for(name, args, kwargs)
        if away is None:
            away = any(isinstance(x, _Away) for x in tensors)
            _refuse_numpy(name, kwargs, away)
            _refuse_mixing(name, tensors)
        if func is torch.autograd.grad:
            # The graph knows these very tensors, not the same numbers as tensors of another class.
            return tree_map(_sent, func(*args, **kwargs))
        if name == "cuda":
            func, args, kwargs = torch.clone, args[:1], {}
        if "device" in kwargs:
            kwargs["device"] = "cpu"
        result = func(*tree_map(_here, args), **tree_map(_here, kwargs))
        return tree_map(_sent, result) if away else result


def _place_asked_for(name: str, args: tuple, kwargs: dict) -> bool | None:
    """True for ``DEVICE``, False for the CPU, None where all tensors have to lie in one place."""
    if kwargs.get("device") is not None:
        return _is_away(kwargs["device"])
    if name in ("cpu", "cuda"):
        return name == "cuda"
    if name in ("to", "type_as"):
        asked = (x for x in (*args[1:], *kwargs.values()) if not isinstance(x, (bool, torch.dtype)))
        return _is_away(next(asked, args[0]))
    if name in NEW:
        return _is_away(next(iter(args), None))
    if name in BY_THE_FIRST and isinstance(args[0], _Away):
        return True
    return False if name == "copy_" else None


def _is_away(place) -> bool:
    if isinstance(place, (str, torch.device)):
        return torch.device(place).type == DEVICE.type
    return isinstance(place, _Away)


def _refuse_mixing(name: str, tensors: list[torch.Tensor]) -> None:
    far = [x for x in tensors if isinstance(x, _Away)]
    near = [x for x in tensors if not isinstance(x, _Away)]
    # Row numbers of a CPU tensor may come from the device one by one, never as a list.
    harmless = name in BY_THE_FIRST and not any(x.ndim for x in far)
    if far and any(x.ndim for x in near) and not harmless:
        raise WrongDeviceError(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"{DEVICE} and cpu"
        )


def _refuse_numpy(name: str, kwargs: dict, away: bool) -> None:
    if away and name in ("numpy", "__array__") and not kwargs.get("force"):
        raise WrongDeviceError(
            f"can't convert {DEVICE} device type tensor to numpy. Use Tensor.cpu() to copy the "
            "tensor to host memory first"
        )


def _here(value):
    if isinstance(value, _Away):
        return value.as_subclass(torch.Tensor)
    if isinstance(value, str) and value.startswith(DEVICE.type):
        return "cpu"
    return torch.device("cpu") if isinstance(value, torch.device) else value


def _sent(value):
    return value.as_subclass(_Away) if type(value) is torch.Tensor else value
