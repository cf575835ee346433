"""Device, precision, seed and threads: what is chosen, what repeats, what is refused."""

import random
import sys

import numpy as np
import pytest
import torch

from xmodal_lab import runtime


@pytest.fixture(autouse=True)
def plain_process(monkeypatch):
    """No wishes from outside, no accelerator, and the process left as it was found."""
    for name in ("OMP_NUM_THREADS", "XMODAL_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(runtime, "_current", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    cudnn = torch.backends.cudnn
    before = torch.get_num_threads(), cudnn.benchmark, cudnn.deterministic
    yield
    torch.set_num_threads(before[0])
    cudnn.benchmark, cudnn.deterministic = before[1:]


def fake_gpu(monkeypatch, native: bool, emulated: bool = True) -> None:
    """A GPU that multiplies bfloat16 in its chip, or only says that it can."""

    def supported(including_emulation: bool = True) -> bool:
        return native or (including_emulation and emulated)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: "Tesla T4")


def test_a_gpu_with_bfloat16_uses_it_without_a_scaler(monkeypatch):
    fake_gpu(monkeypatch, native=True)
    chosen = runtime.setup(quiet=True)
    assert chosen.device.type == "cuda"
    assert chosen.precision == torch.bfloat16
    assert not chosen.needs_scaler


def test_emulated_bfloat16_does_not_count(monkeypatch):
    fake_gpu(monkeypatch, native=False, emulated=True)
    assert torch.cuda.is_bf16_supported()  # what a T4 answers to the plain question
    chosen = runtime.setup(quiet=True)
    assert chosen.precision == torch.float16
    assert chosen.needs_scaler


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
    fake_gpu(monkeypatch, native=True)
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
    fake_gpu(monkeypatch, native=False)
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
    fake_gpu(monkeypatch, native=True)
    assert runtime.chosen_device() == torch.device("cpu")  # what was set up stays


def test_a_failed_setup_leaves_the_last_one(monkeypatch):
    chosen = runtime.setup(5, quiet=True)
    monkeypatch.setenv("XMODAL_DEVICE", "tpu")
    with pytest.raises(ValueError):
        runtime.setup(6, quiet=True)
    assert runtime.current() is chosen
