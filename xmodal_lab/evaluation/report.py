"""What a trained space knows, beside what guessing and linear algebra know: one table."""

from __future__ import annotations

from xmodal_lab.batch import Batch
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes import SceneData
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.evaluation import spaces
from xmodal_lab.joint.space import JointSpace

GALLERY_SEED, PROBE_SEED, FOILS = 1, 100, 200
COLUMNS = {"trained": "trained", "chance": "chance", "cca": "CCA, nothing trained"}
Table = dict[str, dict[str, float]]


def results(
    space: JointSpace, train: Batch, gallery: SceneData, split: str, seed: int = 0
) -> Table:
    """Per cent of right answers: figure → column → value.

    Args:
        space: the trained space.
        train: what it was trained on; CCA learns from the same pairs.
        gallery: two-thing scenes of ``split``, in the space's modalities.
        split: where the scenes with swapped attributes come from.
        seed: of the one-thing scenes.
    """
    batch = inputs_of(gallery, modalities=list(space.encoders))
    columns = {
        "trained": spaces.recalls(space.embed_all(batch), gallery),
        "chance": spaces.chance_recalls(gallery),
    }
    if set(batch) == set(scenes.MODALITIES):
        columns["cca"] = spaces.closed_form_recalls(train, batch, gallery)
    table = {
        name: {column: figures[name] for column, figures in columns.items()}
        for name in columns["trained"]
    }
    if {"text", "image"} <= set(batch):
        table |= _attributes(space, seed) | _swaps(space, split, min(FOILS, len(gallery)))
    return table


def _attributes(space: JointSpace, seed: int) -> Table:
    table = {}
    for held_out, ending in ((False, ""), (True, ", pairs never seen")):
        probe = scenes.probe(seed=PROBE_SEED + seed, held_out=held_out, modalities=["image"])
        for name, value in spaces.attributes(space, probe).items():
            chance = 100 / len(scenes.CLASSES[name])
            table[f"one thing: {name}{ending}"] = {"trained": value, "chance": chance}
    return table


def _swaps(space: JointSpace, split: str, count: int) -> Table:
    table = {}
    for attribute in scenes.SWAPS:
        pairs = scenes.minimal_pairs(attribute, split, count, modalities=["text", "image"])
        value = spaces.swaps(space, pairs)
        table[f"{attribute} swapped"] = {"trained": value, "chance": 50.0}
    return table


def as_text(table: Table) -> str:
    """The table as aligned lines."""
    rows = [["per cent", *COLUMNS.values()]]
    for name, values in table.items():
        rows.append([name, *(f"{values[c]:.1f}" if c in values else "–" for c in COLUMNS)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *cells in rows:
        figures = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        lines.append("  ".join([name.ljust(widths[0]), *figures]))
    return "\n".join(lines)
