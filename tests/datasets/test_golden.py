"""The same seed gives the same data on any machine and with any version of NumPy we allow."""

import importlib
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
HINT = "if the data was meant to change, run tools/make_golden.py and tools/train_checkpoint.py"


@pytest.fixture(scope="module", params=["scenes", "crowds"])
def pair(request):
    """What was kept, and what is made today."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HERE.parents[1] / "tools"))
        tool = importlib.import_module("make_golden")
    path, make = {
        "scenes": (tool.GOLDEN, tool.golden),
        "crowds": (tool.CROWDS, tool.crowd_golden),
    }[request.param]
    with np.load(path) as kept:
        return dict(kept), make()


def test_meanings_and_texts_are_the_same(pair):
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


@pytest.mark.parametrize("path", ["golden.npz", "crowds/golden.npz"])
def test_the_kept_files_stay_small(path):
    assert (HERE / path).stat().st_size < 50_000
