"""Run chapters on a pretended GPU, and say which cells would stop on a real one.

    python tools/pretended_gpu.py 04           # one chapter; none for all
    python tools/pretended_gpu.py 04 --unsolved

All tensors stay in main memory and all numbers are the CPU's, but those that a chapter sends to
the GPU say that they lie there, and refuse to meet others (``workbook.kit.elsewhere``): a
``torch.arange(n)`` without ``device=`` beside them, ``.numpy()``. A chapter takes about twice its
time. This finds wrong places, and neither wrong numbers of a lower precision nor a lack of memory:
for these there are ``bands.py --precision`` and, on a GPU, ``gpu.py``.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path

import torch
from exercise_cards import inject_solutions
from IPython.core.inputtransformer2 import TransformerManager
from notebook_env import ENVIRONMENT, NOTEBOOKS
from notebook_form import read_source
from record import find_sources
from torch import nn
from torch.utils._pytree import tree_flatten, tree_map

from xmodal_lab.workbook.kit import checking, elsewhere

# Functions that look at tensors of both places, or at a device that is meant.
AS_THEY_ARE = {"device", "_parse_to", "_has_compatible_shallow_copy_type", "data_ptr"}
# What concerns the tensor itself, a leaf of the graph, and no copy of it.
OF_THE_TENSOR = {"__get__", "__set__", "__delete__", "requires_grad_", "register_hook"}
# These take lengths that lie on the CPU, on a real GPU too; the first two give such lengths.
PACKING = {"_pack_padded_sequence", "_pad_packed_sequence"}
RECURRENT = {"gru", "lstm"}
MEMORY = 16 * 2**30


class PretendedGPU(elsewhere.Elsewhere):
    """``Elsewhere`` for whole models: their weights can lie there, and learn."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in AS_THEY_ARE:
            return func(*args, **kwargs)
        if name in OF_THE_TENSOR:
            with torch._C.DisableTorchFunctionSubclass():
                result = func(*args, **kwargs)
            return _sent(result) if name == "__get__" and is_there(args) else result
        if name in PACKING | RECURRENT:
            there = is_there((args, kwargs))
            result = func(*tree_map(elsewhere._here, args), **tree_map(elsewhere._here, kwargs))
            if not there:
                return result
            return (_sent(result[0]), result[1]) if name in PACKING else tree_map(_sent, result)
        sent = name in ("to", "cuda") and elsewhere._place_asked_for(name, args, kwargs)
        if sent and is_there(args[:1]) and args[0].is_leaf and args[0].requires_grad:
            return args[0]  # a weight that is there stays itself
        result = super().__torch_function__(func, types, args, kwargs)
        return _sent(result.data) if sent and type(result) is nn.Parameter else result


def is_there(values) -> bool:
    """Whether any tensor of these lies on the pretended GPU."""
    return any(isinstance(value, elsewhere._Away) for value in tree_flatten(values)[0])


_sent = elsewhere._sent


def pretend() -> None:
    """Let torch, in this process, say that a GPU is there; for good."""
    # A weight that is moved becomes another tensor, of another kind.
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    torch.cuda.is_available = lambda: True
    torch.cuda.get_device_name = lambda device=None: "a pretended GPU"
    torch.cuda.mem_get_info = lambda device=None: (MEMORY, MEMORY)
    torch.cuda.get_rng_state = lambda device=None: torch.get_rng_state()
    torch.cuda.set_rng_state = lambda state, device=None: None
    torch.cuda.synchronize = torch.cuda.empty_cache = lambda device=None: None
    # Answers are checked in a thread of their own, where nothing is pretended.
    checking.chosen_device = lambda: torch.device("cpu")
    # float32: autocast would look for the GPU's own kernels.
    os.environ |= ENVIRONMENT | {"XMODAL_DEVICE": "cuda", "XMODAL_PRECISION": "float32"}


def problems(source: Path, solved: bool = True) -> list[str]:
    """One text for each cell that fails there: its number, the error, and the lines on the way."""
    notebook = read_source(source)
    if solved:
        inject_solutions(notebook)
    names, found = {"__name__": "__main__"}, []
    transform = TransformerManager().transform_cell  # the first cell holds a %pip
    with PretendedGPU():
        for number, cell in enumerate(notebook.cells, start=1):
            if cell.cell_type != "code":
                continue
            try:
                exec(compile(transform(cell.source), f"cell {number}", "exec"), names)
            except Exception as error:  # of any kind: later cells tell more
                found.append(f"cell {number}: {type(error).__name__}: {error}\n{way(error, cell)}")
    return found


def way(error: Exception, cell) -> str:
    """The lines of the chapter and of the package that led to an error."""
    lines = cell.source.splitlines()
    frames = traceback.extract_tb(error.__traceback__)[1:]
    told = []
    for frame in frames:
        if frame.filename.startswith("cell "):
            # A function of an earlier cell: its lines are not those of this one.
            inside = frame.lineno <= len(lines) and frame.name in ("<module>", "<lambda>")
            text = lines[frame.lineno - 1].strip() if inside else frame.name
            told.append(f"    {frame.filename}, line {frame.lineno}: {text}")
        elif "xmodal_lab" in Path(frame.filename).parts and "elsewhere" not in frame.filename:
            told.append(f"    {Path(frame.filename).name}, line {frame.lineno}: {frame.line}")
    return "\n".join(told)


def main(arguments: list[str] | None = None) -> int:
    """Run the chapters that the command line names; 1 where a cell would stop on a GPU."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="chapters ('06_joint_space' or '06'); else all")
    parser.add_argument("--folder", type=Path, default=NOTEBOOKS, help="where src/ lies")
    parser.add_argument("--unsolved", action="store_true", help="with no exercise solved")
    options = parser.parse_args(arguments)
    sources = find_sources(options.names, options.folder.resolve())
    pretend()
    failed = False
    for source in sources:
        os.chdir(source.parents[1])
        found = problems(source, not options.unsolved)
        failed = failed or bool(found)
        print(f"{'✗' if found else '✓'} {source.stem} on a pretended GPU", *found, sep="\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
