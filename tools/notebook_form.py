"""The one form of a notebook: what is read from its source, what two recordings have in common."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import guesses
import jupytext
import nbformat
from door_cell import add_door
from nbformat import NotebookNode

# No exact version of Python: the notebook is the same whoever recorded it.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}


def read_source(source: Path) -> NotebookNode:
    """The notebook of a py:percent file: no outputs, fixed ids, only tags as cell metadata.

    The badge at its head and its first code cell are the same everywhere and stand in no source.
    """
    notebook = nbformat.v4.upgrade(jupytext.read(source, fmt="py:percent"))
    add_door(notebook, source.stem)
    return normalise(notebook)


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Drop whatever differs between two recordings; changes the notebook and returns it."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        cell.id = _cell_id(cell, seen)
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": list(tags)} if tags else {})
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            cell.outputs = _merged([_without_widgets(output) for output in cell.outputs])
    guesses.fold(notebook)
    return notebook


def seal(notebook: NotebookNode) -> str:
    """A digest of all outputs. nbval lets digits after ≈ and pictures pass; this does not."""
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(outputs, sort_keys=True).encode()).hexdigest()


def _cell_id(cell: NotebookNode, seen: dict[str, int]) -> str:
    # From the text, not the position: a cell inserted above does not change every id below.
    name = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name}-{seen[name]}"


def _without_widgets(output: NotebookNode) -> NotebookNode:
    for kind in [k for k in output.get("data", {}) if k.startswith("application/vnd.jupyter")]:
        del output.data[kind]
    output.pop("transient", None)
    return output


def _merged(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Neighbouring pieces of one stream as one output: how it was cut depends on the timing."""
    merged: list[NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else None
        same = last is not None and last.output_type == output.output_type == "stream"
        if same and last.name == output.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged
