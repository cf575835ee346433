"""Device, precision, seed and threads: what is chosen, what repeats, what is refused."""

import os
import random
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from xmodal_lab import runtime


@pytest.fixture(autouse=True)
def plain_process(monkeypatch):
    """No wishes from outside, no accelerator, and the process left as it was found."""
    for name in ("OMP_NUM_THREADS", "XMODAL_DEVICE", "XMODAL_PRECISION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(runtime, "_current", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    cudnn = torch.backends.cudnn
    before = torch.get_num_threads(), cudnn.benchmark, cudnn.deterministic
    yield
    torch.set_num_threads(before[0])
    cudnn.benchmark, cudnn.deterministic = before[1:]


# Name and compute capability as the cards themselves answer, and what they are to multiply in:
# from 8.0 on chips know bfloat16.
CARDS = {
    "Tesla V100-SXM2-16GB": (7, 0, "float16"),
    "Tesla T4": (7, 5, "float16"),
    "NVIDIA A100-SXM4-40GB": (8, 0, "bfloat16"),
    "NVIDIA L4": (8, 9, "bfloat16"),
    "NVIDIA H100 80GB HBM3": (9, 0, "bfloat16"),
}
# What a GPU runtime of Colab has set that torch, or anybody who counts threads, might read.
COLAB = {
    "COLAB_GPU": "1",
    "COLAB_RELEASE_TAG": "release-colab-external",
    "NVIDIA_VISIBLE_DEVICES": "all",
    "MPLBACKEND": "module://ipykernel.pylab.backend_inline",
}


def insert(monkeypatch, card: str) -> None:
    """A card in the machine: the driver's answers are made up, torch's own questions are not."""
    major, minor, _ = CARDS[card]
    answers = SimpleNamespace(name=card, major=major, minor=minor)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device=None: answers)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    # By emulation any of them makes a tensor of bfloat16.
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda device: True)


@pytest.mark.parametrize("card", CARDS)
def test_a_card_multiplies_in_what_its_chip_knows(monkeypatch, card):
    insert(monkeypatch, card)
    precision = CARDS[card][-1]
    for cores in (2, 12, 96):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        chosen = runtime.setup(quiet=True)
        assert chosen.device.type == "cuda"
        assert str(chosen.precision) == f"torch.{precision}"
        assert chosen.needs_scaler == (precision == "float16")
        assert chosen.threads == 1
        rows = dict(line.split(maxsplit=1) for line in chosen.describe().splitlines())
        assert rows["device"] == f"cuda {card}"
        assert rows["precision"] == precision
        assert rows["threads"] == f"1 of {cores} cores"


def test_emulated_bfloat16_does_not_count(monkeypatch):
    insert(monkeypatch, "Tesla T4")
    assert torch.cuda.is_bf16_supported()  # what a T4 answers to the plain question
    assert not torch.cuda.is_bf16_supported(including_emulation=False)
    assert runtime.setup(quiet=True).precision == torch.float16


def test_colab_changes_nothing_about_the_choice(monkeypatch):
    for name, value in COLAB.items():
        monkeypatch.setenv(name, value)
    for cores in (2, 8):  # a runtime without a GPU
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        chosen = runtime.setup(quiet=True)
        assert (chosen.device.type, chosen.precision) == ("cpu", torch.float32)
        assert chosen.threads == torch.get_num_threads() == 1
    insert(monkeypatch, "Tesla T4")
    chosen = runtime.setup(quiet=True)
    assert (chosen.device.type, chosen.precision, chosen.threads) == ("cuda", torch.float16, 1)


@pytest.mark.parametrize("wanted", ["bfloat16", "float16", "float32"])
def test_a_wish_overrules_the_precision_on_any_device(monkeypatch, wanted):
    monkeypatch.setenv("XMODAL_PRECISION", wanted)
    for card in (None, *CARDS):
        if card:
            insert(monkeypatch, card)
        chosen = runtime.setup(quiet=True)
        assert chosen.device.type == ("cuda" if card else "cpu")
        assert str(chosen.precision) == f"torch.{wanted}"
        assert chosen.needs_scaler == (wanted == "float16")
        assert runtime.current().precision == chosen.precision


def test_an_empty_wish_for_a_precision_is_none(monkeypatch):
    monkeypatch.setenv("XMODAL_PRECISION", "")
    assert runtime.setup(quiet=True).precision == torch.float32


@pytest.mark.parametrize("wanted", ["half", "fp16", "Float16", "torch.float16", "16", "float64"])
def test_a_precision_that_is_none_is_refused(monkeypatch, wanted):
    chosen = runtime.setup(5, quiet=True)
    monkeypatch.setenv("XMODAL_PRECISION", wanted)
    with pytest.raises(
        ValueError,
        match=f"XMODAL_PRECISION='{wanted}' is no precision here: "
        "choose bfloat16 or float16 or float32",
    ):
        runtime.setup(6, quiet=True)
    assert runtime.current() is chosen


def test_the_cpu_multiplies_in_float32():
    chosen = runtime.setup(quiet=True)
    assert (chosen.device.type, chosen.precision) == ("cpu", torch.float32)
    assert not chosen.needs_scaler
    with chosen.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_autocast_multiplies_in_the_precision(precision):
    lower = runtime.Runtime(torch.device("cpu"), precision, 0, 1)
    with lower.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == precision
    assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_the_device_is_the_fastest_there_unless_told_otherwise(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert runtime.setup(quiet=True).device.type == "mps"
    insert(monkeypatch, "NVIDIA L4")
    assert runtime.setup(quiet=True).device.type == "cuda"
    for wanted in ("cpu", "mps", "cuda"):
        monkeypatch.setenv("XMODAL_DEVICE", wanted)
        assert runtime.setup(quiet=True).device.type == wanted
    monkeypatch.setenv("XMODAL_DEVICE", "")
    assert runtime.setup(quiet=True).device.type == "cuda"


@pytest.mark.parametrize("wanted", ["cuda", "mps", "tpu", "CPU"])
def test_a_device_that_is_not_here_is_refused(monkeypatch, wanted):
    monkeypatch.setenv("XMODAL_DEVICE", wanted)
    with pytest.raises(ValueError, match=f"XMODAL_DEVICE='{wanted}' is not here: choose cpu"):
        runtime.setup(quiet=True)


def generator() -> list:
    return [random.random(), np.random.rand(), torch.rand(1).item()]


def test_a_seed_makes_every_generator_repeat():
    runtime.setup(7, quiet=True)
    first, later = generator(), generator()
    runtime.setup(7, quiet=True)
    assert [generator(), generator()] == [first, later]
    runtime.setup(8, quiet=True)
    assert all(a != b for a, b in zip(generator(), first, strict=True))


@pytest.mark.parametrize("seed", [0, runtime.MAX_SEED])
def test_the_ends_of_the_seed_range_work(seed):
    assert runtime.setup(seed, quiet=True).seed == seed


@pytest.mark.parametrize("seed", [-1, runtime.MAX_SEED + 1])
def test_other_seeds_are_refused_and_nothing_is_changed(seed):
    runtime.setup(3, quiet=True)
    before = torch.random.get_rng_state()
    with pytest.raises(ValueError, match=f"seed must lie in 0 … 4294967295, got {seed}"):
        runtime.setup(seed, quiet=True)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert runtime.current().seed == 3


@pytest.mark.parametrize("value, threads", [(None, 1), ("", 1), ("2", 2), (" 2 ", 2), ("2,1", 2)])
def test_threads_from_the_environment(monkeypatch, value, threads):
    if value is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert runtime.setup(quiet=True).threads == threads
    assert torch.get_num_threads() == threads


def test_an_argument_overrules_the_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "garbage")
    assert runtime.setup(threads=2, quiet=True).threads == 2


@pytest.mark.parametrize("value", ["all", "-2", "1.5", ","])
def test_garbage_threads_are_named(monkeypatch, value):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    with pytest.raises(ValueError, match=r"OMP_NUM_THREADS=.* is no number of threads"):
        runtime.setup(quiet=True)


@pytest.mark.parametrize("threads", [0, -1])
def test_fewer_threads_than_one_are_refused(threads):
    with pytest.raises(ValueError, match=f"threads must be at least 1, got {threads}"):
        runtime.setup(threads=threads, quiet=True)


def test_the_summary_names_what_was_decided(capsys, monkeypatch):
    insert(monkeypatch, "Tesla T4")
    chosen = runtime.setup(seed=11, threads=1)
    printed = capsys.readouterr().out
    assert printed == chosen.describe() + "\n"
    rows = dict(line.split(maxsplit=1) for line in printed.splitlines())
    assert rows["device"] == "cuda Tesla T4"
    assert rows["precision"] == "float16"
    assert rows["seed"] == "11"
    assert rows["threads"].startswith("1 of ")
    assert torch.__version__ in rows["versions"]
    assert sys.version.split()[0] in rows["versions"]


def test_quiet_prints_nothing(capsys):
    runtime.setup(quiet=True)
    assert capsys.readouterr().out == ""


def test_current_is_the_last_setup_or_a_quiet_one(capsys):
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    assert runtime.current().seed is None
    assert torch.rand(3).equal(wanted)  # nobody but setup seeds
    assert capsys.readouterr().out == ""
    assert runtime.current() is runtime.current()
    chosen = runtime.setup(5, quiet=True)
    assert runtime.current() is chosen


def test_the_device_can_be_asked_for_without_a_seed_being_set(monkeypatch):
    torch.manual_seed(7)
    wanted = torch.rand(2)
    torch.manual_seed(7)
    assert runtime.chosen_device() == torch.device("cpu")
    assert torch.equal(torch.rand(2), wanted) and runtime._current is None
    runtime.setup(quiet=True)
    insert(monkeypatch, "NVIDIA L4")
    assert runtime.chosen_device() == torch.device("cpu")  # what was set up stays


def test_a_failed_setup_leaves_the_last_one(monkeypatch):
    chosen = runtime.setup(5, quiet=True)
    monkeypatch.setenv("XMODAL_DEVICE", "tpu")
    with pytest.raises(ValueError):
        runtime.setup(6, quiet=True)
    assert runtime.current() is chosen
