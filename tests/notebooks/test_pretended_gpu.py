"""The pretended GPU: a model is moved and learns there; what a GPU refuses is named by its cell."""

import re
import subprocess
import sys

import pytest
from notebook_env import ROOT

pytestmark = pytest.mark.slow

CHAPTER = """\
# %% [markdown]
# # 03 · Places

# %%
import torch
from torch.nn import functional as F

from xmodal_lab.alignment.losses import over_pairs
from xmodal_lab.encoders.text import TextEncoder
from xmodal_lab.batch import pad
from xmodal_lab.joint.space import JointSpace
from xmodal_lab.runtime import setup
from xmodal_lab.training.loop import fit

device = setup(0).device


class Linear(torch.nn.Linear):
    output_dim = 8


words = pad([[1 + row] * (2 + row % 3) for row in range(16)])
data = {"text": words, "x": torch.eye(16)}
space = JointSpace({"text": TextEncoder(), "x": Linear(16, 8)}, dim=8)

# %% [markdown]
# It learns, there.

# %%
losses = [step.loss for step in fit(space, over_pairs, data, 20, batch_size=8, warmup=2)]
print("fell:", losses[-1] < losses[0], "on", space.device.type)
print("weights on", {weight.device.type for weight in space.parameters()})

# %% [markdown]
# A mistake.


# %%
def contrast(a, b):
    return F.cross_entropy(a @ b.T, torch.arange(len(a)PLACE))


points = space.embed_all(data)
print(float(contrast(points["text"], points["x"])) > 0)
"""


def ran(folder, place: str) -> subprocess.CompletedProcess:
    (folder / "src").mkdir()
    text = CHAPTER.replace("PLACE", place)
    (folder / "src" / "03_places.py").write_text(text, encoding="utf-8")
    line = [sys.executable, ROOT / "tools" / "pretended_gpu.py", "--folder", folder]
    return subprocess.run(line, capture_output=True, text=True)


def test_a_model_learns_there_and_nothing_is_refused(tmp_path):
    done = ran(tmp_path, ", device=a.device")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "device     cuda a pretended GPU" in done.stdout
    assert "fell: True on cuda" in done.stdout and "weights on {'cuda'}" in done.stdout
    assert "✓ 03_places on a pretended GPU" in done.stdout


def test_a_tensor_on_the_cpu_beside_it_is_named_by_its_cell(tmp_path):
    done = ran(tmp_path, "")
    assert done.returncode == 1
    assert "✗ 03_places on a pretended GPU" in done.stdout
    said = done.stdout[done.stdout.index("✗") :]
    assert len(re.findall(r"^cell \d+: WrongDeviceError", said, re.M)) == 1, said
    assert "line 2: contrast" in said or "line 2: return F.cross_entropy" in said
