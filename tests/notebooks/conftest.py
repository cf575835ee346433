"""Records a tiny chapter for the tests to spoil."""

import shutil

import pytest


@pytest.fixture(scope="session")
def recorded_once(tmp_path_factory):
    """A folder with src/00_tiny.py and the notebook recorded from it; not to be changed."""
    from record import record
    from tiny import TINY

    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "src").mkdir()
    (folder / "src" / "00_tiny.py").write_text(TINY, encoding="utf-8")
    record(folder / "src" / "00_tiny.py", folder / "00_tiny.ipynb")
    return folder


@pytest.fixture
def tiny(recorded_once, tmp_path):
    """A fresh copy of that folder."""
    return shutil.copytree(recorded_once, tmp_path / "notebooks")
