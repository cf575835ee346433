"""`tools/bands.py`: every setting is run, every value kept, a missed band is not passed over."""

import json

import bands
import pytest

pytestmark = pytest.mark.slow

CHAPTER = """\
# %% [markdown]
# # 02 · Settings

# %%
import os

from xmodal_lab.runtime import setup
from xmodal_lab.workbook import expect

runtime = setup(seed=7)

# %% [markdown]
# Claims of what was set, the second under a name that is used again.

# %%
expect("seed", runtime.seed, 0, 1)
expect("bits", {"bfloat16": 8, "float16": 11}.get(str(runtime.precision)[6:], 24), 0, 12)
expect("bits", runtime.threads, 1, 2)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "02_settings.py").write_text(CHAPTER, encoding="utf-8")
    return tmp_path


def test_seeds_threads_and_precisions_reach_the_chapter(folder, capsys):
    target = folder / "found.json"
    settings = ["--seeds", "2", "--threads", "1", "--precision", "bfloat16", "float32"]
    assert bands.main(["02", *settings, "--json", str(target), "--folder", str(folder)]) == 1
    printed = capsys.readouterr().out
    found = json.loads(target.read_text(encoding="utf-8"))
    seed, bits, threads = found["chapters"]["02_settings"]
    assert seed["values"] == {"bfloat16": [0, 1], "float32": [0, 1]}
    assert bits["values"] == {"bfloat16": [8, 8], "float32": [24, 24]}
    assert bits["missed"] == {"bfloat16": 0, "float32": 2}
    assert threads["values"]["float32"] == [1, 1]
    assert printed.count("MISSED in 2") == 1


def test_the_exit_code_is_zero_where_all_bands_hold(folder):
    target = folder / "found.json"
    line = ["02", "--seeds", "1", "--threads", "2", "--precision", "float16"]
    assert bands.main([*line, "--json", str(target), "--folder", str(folder)]) == 0
    found = json.loads(target.read_text(encoding="utf-8"))["chapters"]["02_settings"]
    assert [row["values"] for row in found] == [{"float16": [value]} for value in (0, 11, 2)]
