"""`make gpu`: what runs is in the file, what fails too, and nothing but a GPU's run counts."""

import json
from argparse import Namespace
from pathlib import Path

import gpu
import pytest
import torch
from tiny import PLAIN

MACHINE = {"card": "NVIDIA L4 (24 GB)", "precision": "bfloat16"}
GOOD = """
import argparse, json, pathlib
arguments = argparse.ArgumentParser()
arguments.add_argument("--json", type=pathlib.Path)
arguments.add_argument("--size", type=int)
options = arguments.parse_args()
options.json.write_text(json.dumps({"rows": [{"size": options.size}]}))
"""
BAD = "raise SystemExit('no memory left')"
TESTS = """
import os, pytest

@pytest.mark.gpu
def test_passes():
    assert os.environ.get("XMODAL_REHEARSE") == REHEARSED

@pytest.mark.gpu
def test_fails():
    assert FAILS == 0

@pytest.mark.gpu
def test_skips():
    pytest.skip("not here")

def test_is_not_asked():
    assert False
"""


@pytest.fixture(autouse=True)
def no_wishes(monkeypatch, tmp_path):
    """Nothing set from outside; what is written for good goes into a folder of the test."""
    monkeypatch.setenv("XMODAL_DEVICE", "")  # so that it is put back in the end
    monkeypatch.delenv("XMODAL_PRECISION", raising=False)
    monkeypatch.setattr(gpu, "RESULTS", tmp_path / "results")


@pytest.fixture
def workbook(tiny, monkeypatch, tmp_path):
    """A workbook of one quick chapter, one benchmark and a test of each kind."""
    for source in (tiny / "src").glob("*.py"):
        source.unlink()
    chapter(tiny, PLAIN)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "good.py").write_text(GOOD)
    (tmp_path / "tests").mkdir()
    write_tests(tmp_path, fails=0)
    monkeypatch.setattr(gpu, "ROOT", tmp_path)
    monkeypatch.setattr(gpu, "NOTEBOOKS", tiny)
    monkeypatch.setattr(gpu, "BENCHMARKS", {"good": ("--size 9", "--size 1")})
    return tmp_path


def chapter(tiny, text: str, name: str = "01_plain") -> None:
    picture = "show = print\nshow('a picture')\n\n# %% [markdown]\n# And then.\n\n# %%\ntotal * 2"
    path = tiny / "src" / f"{name}.py"
    path.write_text(text.replace("total * 2", picture), encoding="utf-8")


def write_tests(root: Path, fails: int, rehearsed: str = "'1'") -> None:
    text = TESTS.replace("FAILS", str(fails)).replace("REHEARSED", rehearsed)
    (root / "tests" / "test_some.py").write_text(text)


@pytest.fixture
def card(monkeypatch):
    """A GPU that is there, as far as this tool looks."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    versions = {"date": "today", "workbook": {"version": "1", "commit": "abc"}}
    monkeypatch.setattr(gpu, "surroundings", lambda: {"machine": dict(MACHINE), **versions})


def written(printed: str) -> tuple[Path, dict]:
    path = Path(printed.rpartition("Written to ")[2].strip())
    return path, json.loads(path.read_text(encoding="utf-8"))


def test_without_a_gpu_it_says_so_in_one_sentence_and_what_to_do(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([]) == 1
    said = capsys.readouterr().out.strip()
    assert said.count(".") == 1 and "Runtime → Change runtime type → T4 GPU" in said
    assert not (tmp_path / "results").exists()


def test_a_rehearsal_runs_the_same_and_counts_for_nothing(workbook, capfd, monkeypatch, tmp_path):
    monkeypatch.setenv("XMODAL_PRECISION", "bfloat16")
    assert gpu.main(["--rehearse"]) == 0
    path, found = written(capfd.readouterr().out)
    assert path.name == "rehearsal_on_cpu_bfloat16.json" and tmp_path not in path.parents
    assert not (tmp_path / "results").exists()
    assert found["what"].startswith("a rehearsal on the CPU")
    assert found["machine"]["card"] == "none" and found["machine"]["precision"] == "bfloat16"
    assert found["machine"]["torch"] == torch.__version__
    (claim,) = found["notebooks"]["01_plain"]["claims"]
    assert claim.pop("after s") > 0
    assert claim == {"name": "share", "value": 0.978, "band": "0.95 … 1", "held": True}
    assert found["benchmarks"]["good"]["rows"] == [{"size": 1}]
    tests = found["tests"]["marked gpu"]
    assert (tests["passed"], tests["skipped"]) == (2, ["test_skips"])
    assert found["failed"] == []


def test_a_whole_run_on_a_gpu_is_kept_under_the_cards_name(workbook, card, capfd, tmp_path):
    write_tests(workbook, fails=0, rehearsed="None")
    assert gpu.main([]) == 0
    path, found = written(capfd.readouterr().out)
    assert path == tmp_path / "results" / "gpu_nvidia_l4_24_gb.json"
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert found["what"] == "a whole run on a GPU"
    assert found["machine"] == MACHINE and found["workbook"]["commit"] == "abc"
    assert found["benchmarks"]["good"]["rows"] == [{"size": 9}]


def test_a_precision_wished_for_is_part_of_the_name(monkeypatch):
    whole = Namespace(only=gpu.PARTS, chapters=[], rehearse=False, folder=gpu.NOTEBOOKS)
    assert gpu.target_of(whole, MACHINE).name == "gpu_nvidia_l4_24_gb.json"
    monkeypatch.setenv("XMODAL_PRECISION", "bfloat16")
    assert gpu.target_of(whole, MACHINE).name == "gpu_nvidia_l4_24_gb_bfloat16.json"


@pytest.mark.parametrize("part", [["--only", "benchmarks"], ["--chapters", "01"]])
def test_a_part_of_a_run_is_not_kept(workbook, card, capfd, tmp_path, part):
    write_tests(workbook, fails=0, rehearsed="None")
    assert gpu.main(part) == 0
    path, found = written(capfd.readouterr().out)
    assert path.name == "part.json" and not (tmp_path / "results").exists()
    assert found["what"] == "a part of a run on a GPU"
    assert ("notebooks" in found) == ("--only" not in part)


def test_what_fails_is_in_the_file_and_the_rest_goes_on(
    workbook, tiny, card, monkeypatch, capfd, tmp_path
):
    chapter(tiny, PLAIN.replace("total = 45", "total = 45 + rest"), "00_raises")
    chapter(tiny, PLAIN.replace('"✓ share', '"✗ share').replace("✓", "✗"), "02_missed")
    (workbook / "benchmarks" / "bad.py").write_text(BAD)
    monkeypatch.setattr(gpu, "BENCHMARKS", {"bad": ("", ""), **gpu.BENCHMARKS})
    write_tests(workbook, fails=1, rehearsed="None")
    assert gpu.main([]) == 1
    printed = capfd.readouterr().out
    _, found = written(printed)
    raised = found["notebooks"]["00_raises"]
    assert raised["failed"] and "NameError" in raised["problems"][0] and raised["claims"] == []
    (claim,) = found["notebooks"]["02_missed"]["claims"]
    assert not claim["held"]
    assert found["notebooks"]["01_plain"]["claims"][0]["held"]
    assert found["benchmarks"]["bad"]["problems"] == ["no memory left"]
    assert found["benchmarks"]["good"]["rows"] == [{"size": 9}]
    assert found["tests"]["marked gpu"]["passed"] == 1
    assert [line.partition(":")[0] for line in found["failed"]] == [
        "notebooks, 00_raises",
        "notebooks, 02_missed",
        "benchmarks, bad",
        "tests, marked gpu",
    ]
    for line in found["failed"]:
        assert f"✗ {line}" in printed


def test_no_test_at_all_is_no_success(workbook, card, capfd):
    (workbook / "tests" / "test_some.py").write_text("# mark.gpu, but nothing\n")
    assert gpu.main(["--only", "tests"]) == 1
    assert "0 tests passed" in written(capfd.readouterr().out)[1]["failed"][0]


def test_the_tiny_chapter_is_solved_and_live(tiny, capfd):
    assert gpu.main(["--rehearse", "--only", "notebooks", "--folder", str(tiny)]) == 0
    found = written(capfd.readouterr().out)[1]["notebooks"]["00_tiny"]
    assert found["problems"] == [] and found["claims"][0]["held"] and found["seconds"] > 1


def test_a_chapter_that_is_not_there_is_named(capsys):
    assert gpu.main(["--rehearse", "--chapters", "77"]) == 1
    assert "'77' fits 0 chapters" in capsys.readouterr().out
