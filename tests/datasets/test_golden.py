"""The same seed gives the same data on any machine and with any version of NumPy we allow."""

import importlib
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
HINT = "if the data was meant to change, run tools/make_golden.py and tools/train_checkpoint.py"


@pytest.fixture(scope="module")
def pair():
    """What was kept, and what is made today."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HERE.parents[1] / "tools"))
        made = importlib.import_module("make_golden").golden()
    with np.load(HERE / "golden.npz") as kept:
        return dict(kept), made


def test_scenes_and_captions_are_the_same(pair):
    kept, made = pair
    assert kept.keys() == made.keys()
    for name in kept:
        if name.startswith("texts"):
            assert (kept[name] == made[name]).all(), f"{name}: {HINT}"


def test_pictures_and_waveforms_are_the_same_to_one_step(pair):
    kept, made = pair
    for name in kept:
        if not name.startswith("texts"):
            assert kept[name].shape == made[name].shape, f"{name}: {HINT}"
            off = np.abs(kept[name].astype(int) - made[name]).max()
            assert off <= 1, f"{name} is off by {off} steps: {HINT}"


def test_the_kept_file_stays_small():
    assert (HERE / "golden.npz").stat().st_size < 40_000
