"""What the benchmarks share: a table on the screen, the same figures as JSON, and the machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from xmodal_lab import runtime


def parser(description: str) -> argparse.ArgumentParser:
    """An argument parser that knows ``--json FILE``."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--json", type=Path, help="also write the figures to this file")
    return arguments


def machine() -> dict[str, str | int]:
    """What was measured on."""
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count() or 0,
        "threads": torch.get_num_threads(),
        "gpu": card,
        "precision": str(runtime.current().precision).removeprefix("torch."),
    }


def run_parts(
    parts: dict[str, Callable[[int], dict[str, float]]],
    chosen: Sequence[str],
    seeds: int,
    path: Path | None,
    rows: Callable[[str, list[dict]], list[dict]] = lambda part, found: found,
) -> None:
    """Run parts of a benchmark, each with seeds from 0, print a table a part, write all figures.

    Args:
        parts: by name; each makes figures of a seed.
        chosen: names of those to run.
        seeds: how many.
        path: where the figures go, after every run: what was measured is kept if the next stops.
        rows: what is printed of a part's summary.
    """
    runs, summaries = {}, {}
    for part in chosen:
        runs[part] = []
        for seed in range(seeds):
            runtime.setup(seed, quiet=True)
            start = time.process_time()
            runs[part].append(parts[part](seed))
            print(f"  {part}, seed {seed}: {time.process_time() - start:.0f} CPU-s", flush=True)
            write(path, {"runs": runs, "summary": summaries})
        names = runs[part][0]
        summaries[part] = [summary(name, [run[name] for run in runs[part]]) for name in names]
        title = f"{part} (per cent unless said; {seeds} seeds)"
        show(title, rows(part, summaries[part]))
    write(path, {"runs": runs, "summary": summaries})


def show(title: str, rows: list[dict]) -> None:
    """Print rows as an aligned table; floats with one decimal place."""
    print(f"\n{title}")
    cells = [[_cell(value) for value in row.values()] for row in rows]
    heads = list(rows[0])
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    for line in (heads, ["-" * width for width in widths], *cells):
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)))


def summary(name: str, values: list[float]) -> dict:
    """Mean, lowest and highest of one figure over the seeds."""
    return {
        "figure": name,
        "mean": statistics.fmean(values),
        "lowest": min(values),
        "highest": max(values),
    }


def write(path: Path | None, figures: dict) -> None:
    """Write the figures, with the machine, where a file was asked for."""
    if path is not None:
        path.write_text(
            json.dumps({"machine": machine(), **figures}, indent=2, ensure_ascii=False) + "\n",
            encoding="utf-8",
        )


def _cell(value) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
