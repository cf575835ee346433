"""What the tests of the data world share."""

import importlib
import os
import shutil
import subprocess
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from range_server import RangeHandler

from xmodal_lab.datasets.scenes import store, stream
from xmodal_lab.datasets.shipped import data_folder

HERE = Path(__file__).resolve().parent


class OnlyRandom(np.random.Generator):
    """A generator that has random() and nothing else: other methods may change with NumPy."""

    def __getattribute__(self, name):
        if name != "random" and not name.startswith("_"):
            raise AssertionError(f"drew from {name}(), which is not the same in every NumPy")
        return super().__getattribute__(name)


@pytest.fixture
def only_random():
    """``stream``, but its generators can only do ``random()``."""
    return lambda *numbers: OnlyRandom(stream(*numbers).bit_generator)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty cache of its own for every test."""
    monkeypatch.setenv("XMODAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def nothing_is_made(monkeypatch):
    """From here on pictures and speech can only come from the cache."""

    def forbid():
        def refuse(*_):
            raise AssertionError("made anew")

        monkeypatch.setattr(store, "_draw_all", refuse)
        monkeypatch.setattr(store, "_speak_all", refuse)

    return forbid


@pytest.fixture
def data_copy(tmp_path, monkeypatch):
    """A copy of the shipped files that a test may change."""
    copy = Path(shutil.copytree(data_folder(), tmp_path / "data"))
    monkeypatch.setenv("XMODAL_DATA", str(copy))
    return copy


@pytest.fixture
def tools(monkeypatch):
    """Imports a maintainers' tool by its name."""
    monkeypatch.syspath_prepend(str(HERE.parents[1] / "tools"))
    return importlib.import_module


@pytest.fixture
def python():
    """Starts a Python process; ``before`` stands in front of it on the command line."""

    def start(code, *arguments, before=(), **options):
        paths = os.pathsep.join((str(HERE.parents[1]), str(HERE)))
        environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
        environment |= options.pop("environment", {})
        return subprocess.Popen(
            [*before, sys.executable, "-c", code, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    return start


@pytest.fixture
def range_server(monkeypatch):
    """A server of one file, ``body``; how it answers and where it breaks off is the test's."""
    for name in ("HF_HUB_OFFLINE", "XMODAL_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), RangeHandler) as server:
        server.url = f"http://127.0.0.1:{server.server_port}/file.bin"
        server.body, server.asked, server.way, server.breaks = b"", [], "ranges", []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
