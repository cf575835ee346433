"""What it costs to make the training data, and to read it from the cache.

    python benchmarks/data_world.py                  # 8,000 scenes: about 15 seconds
    python benchmarks/data_world.py --count 12000

CPU-seconds are process time of one thread. The first load finds an empty cache folder (a temporary
one) and includes decoding the recorded words; the second reads what the first has written.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import _table as table

from xmodal_lab import runtime
from xmodal_lab.datasets import scenes

TARGET = 15  # CPU-seconds for 8,000 scenes, made for the first time


def main() -> None:
    arguments = table.parser(__doc__.splitlines()[0])
    arguments.add_argument("--count", type=int, default=8_000)
    options = arguments.parse_args()
    runtime.setup(0)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XMODAL_CACHE"] = folder
        rows = [measure("made and written", options.count)]
        rows += [measure("read from the cache", options.count)]
        for modality in scenes.MODALITIES:
            rows.append(measure(f"read: {modality} alone", options.count, (modality,)))
        sizes = [
            {"file": path.name, "MB": path.stat().st_size / 1e6}
            for path in sorted(Path(folder).iterdir())
        ]
    table.show(f"scenes.load('train', {options.count:_})", rows)
    table.show("Files in the cache", sizes)
    spent = rows[0]["CPU-s"] * 8_000 / max(options.count, 1)
    verdict = "reached" if spent <= TARGET else "MISSED"
    print(f"\nFor 8,000 scenes, first time: {spent:.1f} CPU-s, wanted ≤ {TARGET}: {verdict}")
    table.write(options.json, {"count": options.count, "loads": rows, "files": sizes})


def measure(name: str, count: int, modalities: tuple[str, ...] = scenes.MODALITIES) -> dict:
    """CPU- and wall-clock seconds of one load, and how long the speech in it lasts."""
    cpu, wall = time.process_time(), time.perf_counter()
    data = scenes.load("train", count, 0, modalities)
    row = {"load": name, "CPU-s": time.process_time() - cpu, "s": time.perf_counter() - wall}
    samples = 0 if data.waveforms is None else len(data.waveforms.samples)
    return row | {"minutes of speech": samples / scenes.SAMPLE_RATE / 60}


if __name__ == "__main__":
    main()
