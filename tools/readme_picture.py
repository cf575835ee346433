"""Draw the README's picture from the shipped model: a spoken search, and the map before and after.

python tools/readme_picture.py        # writes docs/joint_space.png
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from xmodal_lab import runtime
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.shipped import shipped
from xmodal_lab.encoders.inputs import inputs_of
from xmodal_lab.joint.atlas import Atlas
from xmodal_lab.joint.retrieval import search
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.training import checkpoints
from xmodal_lab.workbook import charts
from xmodal_lab.workbook.charts import pictures

TARGET = Path(__file__).resolve().parents[1] / "docs" / "joint_space.png"
QUERY, MAPPED = 7, 300


def main() -> None:
    runtime.setup(0, quiet=True)
    test = scenes.load("test", 500, seed=1, things=2)
    inputs = inputs_of(test)
    before = JointSpace.standard().embed_all(inputs)
    after = checkpoints.load(shipped("joint_space.safetensors")).embed_all(inputs)
    _, found = search(after["audio"][QUERY : QUERY + 1], after["image"], 5)
    atlas = Atlas()
    places = {
        title: atlas.map({name: points[:MAPPED] for name, points in embeddings.items()})
        for title, embeddings in (("before training", before), ("after", after))
    }
    fig = Figure(figsize=(11, 7))
    top, bottom = fig.subfigures(2, 1, height_ratios=(1, 2.1))
    pictures.spoken_search_on(
        top, test.waveforms[QUERY], test.transcripts[QUERY], test, found[0].tolist(), QUERY
    )
    charts.maps_on(bottom, places, links=[0, 4, 9])
    TARGET.parent.mkdir(exist_ok=True)
    fig.savefig(TARGET, dpi=90, metadata={"Software": None})
    print(f"wrote {TARGET.name}, {TARGET.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
