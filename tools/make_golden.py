"""Writes ``golden.npz`` in ``tests/datasets`` and in ``crowds`` there: how the data last looked.

    python tools/make_golden.py

The same seed gives the same scenes and captions on any machine; pictures may differ by one grey
level and waveforms by one 16-bit step. Run this only after a change that is meant to change the
data, and train the shipped checkpoint anew then (``make checkpoint``).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from xmodal_lab.datasets import crowds, scenes

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "datasets" / "golden.npz"
CROWDS = GOLDEN.parent / "crowds" / "golden.npz"
SPOKEN = (("ring", 0), ("tiny", 11), ("a plus", 23))


def golden() -> dict[str, np.ndarray]:
    """A digest of each split's first 200 scenes and captions, six pictures, three waveforms."""
    found = {f"texts {split}": _digest(split) for split in scenes.SPLITS}
    sampled = [scenes.sample_scenes("train", 1, seed) for seed in range(6)]
    found["images"] = np.stack(
        [scenes.draw(scene, 32, scenes.stream(seed)) for seed, (scene,) in enumerate(sampled)]
    )
    for seed, (text, voice) in enumerate(SPOKEN):
        found[f"waveform {text}"] = scenes.speak(text, voice, scenes.stream(seed))
    return found


def crowd_golden() -> dict[str, np.ndarray]:
    """A digest of each split's first 100 crowds and what is asked and told of them; pictures."""
    found = {}
    for split in crowds.SPLITS:
        made = crowds.sample_crowds(split, 100)
        asked = crowds.questions(made)
        found[f"texts {split}"] = _digested(
            *(f"{c.key} {[(round(p.x, 3), round(p.y, 3)) for p in c.placed]}" for c in made),
            *(f"{asked[i]}" for i in range(len(asked))),
            *crowds.captions(made),
            *crowds.wrong_captions(made),
        )
    drawn = crowds.from_crowds(crowds.sample_crowds("new_pairs", 3))
    return found | {"images": drawn.images, "boxes": np.nan_to_num(drawn.boxes)}


def _digest(split: str) -> np.ndarray:
    data = scenes.load(split, 100 if split == "natural" else 200, 0, ["text"])
    return _digested(
        *(f"{s.key} {caption}" for s, caption in zip(data.scenes, data.captions, strict=True))
    )


def _digested(*lines: str) -> np.ndarray:
    digest = hashlib.blake2b(digest_size=16)
    for line in lines:
        digest.update(f"{line}\n".encode())
    return np.frombuffer(digest.digest(), np.uint8)


if __name__ == "__main__":
    for path, made in ((GOLDEN, golden()), (CROWDS, crowd_golden())):
        np.savez_compressed(path, **made)
        print(f"{path.parent.name}/{path.name}: {path.stat().st_size:,} bytes")
