"""Runs a notebook in a clean kernel of this very interpreter, or of one that is named."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import ipykernel.kernelspec
import nbclient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode
from notebook_env import environment

# What the kernel is asked before it ends; kilobytes, and bytes.
PEAKS = {
    "memory": "__import__('resource').getrusage(__import__('resource').RUSAGE_SELF).ru_maxrss",
    "gpu": "__import__('sys').modules['torch'].cuda.max_memory_allocated()",
}


class ThisInterpreter(KernelSpecManager):
    """Knows one kernel, the interpreter that runs this; no 'python3' installed elsewhere."""

    python = sys.executable

    def get_kernel_spec(self, kernel_name):
        """The ad-hoc kernel spec, whatever the name."""
        known = ipykernel.kernelspec.get_kernel_dict()
        known["argv"] = [self.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return self.kernel_spec_class(resource_dir=ipykernel.kernelspec.RESOURCES, **known)


class Client(nbclient.NotebookClient):
    """A notebook client that asks the kernel, before it ends, how much memory it ever held."""

    python: str = sys.executable
    peak_megabytes: float | None = None
    peak_gpu_megabytes: float | None = None

    def create_kernel_manager(self):
        """A manager that starts the interpreter."""
        specs = ThisInterpreter()
        specs.python = self.python
        self.km = AsyncKernelManager(kernel_spec_manager=specs)
        # Newer kernels warn, outside the notebook, about sockets that are not encrypted.
        self.extra_arguments = ["--IPKernelApp.log_level=ERROR"]
        return self.km

    async def _async_cleanup_kernel(self) -> None:
        if self.kc is not None and self.km is not None and await self.km.is_alive():
            with suppress(KeyError, ValueError, TimeoutError):
                reply = await self.kc.execute_interactive(
                    "", silent=True, user_expressions=PEAKS, timeout=5
                )
                # Without 'data' where it raised: Windows has no such module, nobody imported torch.
                told = reply["content"]["user_expressions"]
                if "data" in told["gpu"]:
                    self.peak_gpu_megabytes = int(told["gpu"]["data"]["text/plain"]) / 2**20
                self.peak_megabytes = int(told["memory"]["data"]["text/plain"]) / 1024
        await super()._async_cleanup_kernel()


@dataclass(frozen=True)
class Run:
    """What a run took."""

    seconds: float
    peak_megabytes: float | None
    peak_gpu_megabytes: float | None = None

    def __str__(self) -> str:
        memory = "unknown" if self.peak_megabytes is None else f"{self.peak_megabytes:.0f} MB"
        return f"{self.seconds:.1f} s, peak memory {memory}"


def execute(
    notebook: NotebookNode,
    folder: Path,
    timeout: int = 300,
    after_cell: Callable[[NotebookNode, float], None] | None = None,
    python: str = sys.executable,
    **changes: str,
) -> Run:
    """Run all cells in place, in ``folder``.

    Args:
        notebook: receives outputs and execution counts.
        folder: the kernel's working directory.
        timeout: seconds for one cell.
        after_cell: told each code cell that has run, and the seconds since the start.
        python: the interpreter whose kernel runs them.
        changes: environment variables that differ from ``notebook_env.ENVIRONMENT``.

    Raises:
        nbclient.exceptions.CellExecutionError: where a cell raises.
        nbclient.exceptions.CellTimeoutError: where a cell takes too long.
        nbclient.exceptions.DeadKernelError: where the kernel dies.
    """
    client = Client(
        notebook,
        timeout=timeout,
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.python = python
    start = time.perf_counter()
    if after_cell is not None:
        client.on_cell_executed = lambda cell, **_: after_cell(cell, time.perf_counter() - start)
    client.execute(env=environment(**changes))
    seconds = time.perf_counter() - start
    return Run(seconds, client.peak_megabytes, client.peak_gpu_megabytes)


def printed(cell: NotebookNode) -> str:
    """Everything a cell printed."""
    return "".join(o.text for o in cell.get("outputs", []) if o.output_type == "stream")
