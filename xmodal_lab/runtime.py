"""Which device, precision, seed and threads: decided once, said once."""

from __future__ import annotations

import os
import platform
import random
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch

MAX_SEED = 2**32 - 1
PRECISIONS = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


@dataclass(frozen=True)
class Runtime:
    """Where and how this process computes.

    Attributes:
        device: CUDA, MPS or CPU.
        precision: torch.bfloat16, torch.float16 or torch.float32, for matrix products.
        seed: what Python, NumPy and torch were seeded with; None where nobody called ``setup``.
        threads: threads of one operation on the CPU.
    """

    device: torch.device
    precision: torch.dtype
    seed: int | None
    threads: int

    @property
    def needs_scaler(self) -> bool:
        """float16 loses small gradients unless the loss is scaled up (Micikevicius et al. 2018)."""
        return self.precision == torch.float16

    def autocast(self) -> AbstractContextManager:
        """A context in which matrix products run in ``precision``."""
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.precision)

    def describe(self) -> str:
        """One tidy summary: device, precision, threads, seed, versions."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else ""
        rows = {
            "device": f"{self.device.type} {name}".strip(),
            "precision": str(self.precision).removeprefix("torch."),
            "threads": f"{self.threads} of {os.cpu_count()} cores",
            "seed": str(self.seed),
            "versions": f"Python {platform.python_version()}, torch {torch.__version__}",
        }
        return "\n".join(f"{key:<10} {value}" for key, value in rows.items())


_current: Runtime | None = None


def setup(seed: int = 0, threads: int | None = None, quiet: bool = False) -> Runtime:
    """Choose device and precision, seed every generator, and print a summary.

    The device is CUDA where there is a GPU, else Apple's MPS, else the CPU; the environment
    variable ``XMODAL_DEVICE`` ('cpu', 'cuda', 'mps') overrules. The precision is that of
    ``precision_of``; ``XMODAL_PRECISION`` ('bfloat16', 'float16', 'float32') overrules, on any
    device: the CPU shows so what a GPU's precision does. On the CPU one thread is the
    default: these models are too small to share, and on busy cores two threads wait for each
    other longer than they work. ``OMP_NUM_THREADS`` or ``threads`` overrules.

    Args:
        seed: for Python, NumPy and torch.
        threads: threads of one CPU operation.
        quiet: True to print nothing.

    Raises:
        ValueError: for a seed outside 0 … 2³² - 1, fewer threads than 1, an ``OMP_NUM_THREADS``
            that is no number, an ``XMODAL_DEVICE`` that is not here, or an ``XMODAL_PRECISION``
            that is none of the three.
    """
    global _current
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed must lie in 0 … {MAX_SEED}, got {seed}")
    _current = _chosen(seed, threads)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    if not quiet:
        print(_current.describe())
    return _current


def current() -> Runtime:
    """The runtime of the last ``setup``; without one the same choices, and nothing is seeded."""
    global _current
    _current = _current or _chosen(None, None)
    return _current


def _chosen(seed: int | None, threads: int | None) -> Runtime:
    if threads is None:
        threads = _threads_wanted(os.environ.get("OMP_NUM_THREADS"))
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")
    device = _device(os.environ.get("XMODAL_DEVICE"))
    precision = _precision(os.environ.get("XMODAL_PRECISION"), device)
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    return Runtime(device, precision, seed, threads)


def chosen_device() -> torch.device:
    """The device of the last ``setup``, or the one it would choose. Seeds nothing."""
    return _current.device if _current else _device(os.environ.get("XMODAL_DEVICE"))


def precision_of(device: torch.device) -> torch.dtype:
    """The precision a device multiplies in: bfloat16 where its chip can, else float16, else 32.

    A T4 answers True to ``is_bf16_supported()``, but by emulation: its chip knows float16 alone.
    """
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    return torch.float32


def _threads_wanted(value: str | None) -> int:
    if not value:
        return 1
    # OpenMP allows a list, '4,2': threads of the outermost loop first.
    first = value.split(",")[0].strip()
    if not first.isdecimal():
        raise ValueError(f"OMP_NUM_THREADS={value!r} is no number of threads: unset it or write 1")
    return int(first)


def _precision(wanted: str | None, device: torch.device) -> torch.dtype:
    if wanted and wanted not in PRECISIONS:
        known = " or ".join(PRECISIONS)
        raise ValueError(f"XMODAL_PRECISION={wanted!r} is no precision here: choose {known}")
    return PRECISIONS[wanted] if wanted else precision_of(device)


def _device(wanted: str | None) -> torch.device:
    present = ["cpu"]
    if torch.backends.mps.is_available():
        present.insert(0, "mps")
    if torch.cuda.is_available():
        present.insert(0, "cuda")
    if wanted and wanted not in present:
        raise ValueError(f"XMODAL_DEVICE={wanted!r} is not here: choose {' or '.join(present)}")
    return torch.device(wanted or present[0])
