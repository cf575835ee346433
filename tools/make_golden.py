"""Writes ``tests/datasets/golden.npz``: what the data world last looked like.

    python tools/make_golden.py

The same seed gives the same scenes and captions on any machine; pictures may differ by one grey
level and waveforms by one 16-bit step. Run this only after a change that is meant to change the
data, and train the shipped checkpoint anew then (``make checkpoint``).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from xmodal_lab.datasets import scenes

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "datasets" / "golden.npz"
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


def _digest(split: str) -> np.ndarray:
    data = scenes.load(split, 100 if split == "natural" else 200, 0, ["text"])
    digest = hashlib.blake2b(digest_size=16)
    for scene, caption in zip(data.scenes, data.captions, strict=True):
        digest.update(f"{scene.key} {caption}\n".encode())
    return np.frombuffer(digest.digest(), np.uint8)


if __name__ == "__main__":
    np.savez_compressed(GOLDEN, **golden())
    print(f"{GOLDEN.name}: {GOLDEN.stat().st_size:,} bytes")
