"""What the fusions of chapter 05 reach: noisy, missing and lazy modalities, questions, moods.

    python benchmarks/fusion.py --parts noise              # three seeds
    python benchmarks/fusion.py --seeds 1 --parts noise missing --json one.json

Every seed has its own scenes and its own first weights. Settings were chosen on the val split with
another seed; figures are of test.

    noise      three frozen encoders, each modality of each row noisy at random, no fusion told how
               much: accuracy by what is clean, attention's weights, the fusion audit
    missing    modality dropout: with one modality away, beside a fusion that never had it; zeros
               in place of masks; no dropout
    lazy       text and picture trained together: what the picture's encoder learns, what mends it
    questions  answerers on the cells of the trunk that ships, trained for as long: by kind of
               question, where they look, and what guessing can reach
    trunks     the best of them on trunks that came by their cells in other ways
    mood       irony of words and voice: each alone, fused in many ways, rare, and learned by heart
    streams    the two classic architectures with as many numbers: after equal seconds and steps
    shipped    the same two when they have learned for minutes
    tokens     a bottleneck beside all-to-all attention as tokens grow
"""

from __future__ import annotations

import importlib
from pathlib import Path

import _table as table


def main() -> None:
    parts = gathered()
    arguments = table.parser(__doc__.splitlines()[0])
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--parts", nargs="+", choices=parts, default=list(parts))
    options = arguments.parse_args()
    table.run_parts(parts, options.parts, options.seeds, options.json)


def gathered() -> dict:
    """Parts by name, from every _fusion_*.py beside this file."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("_fusion_*.py")):
        found |= importlib.import_module(path.stem).PARTS
    return found


if __name__ == "__main__":
    main()
