"""What `pip install .` brings is whole: the wheel, and the wheel made from the source archive."""

import subprocess
import sys
import tarfile
import zipfile

import nbformat
import pytest
from fresh_environment import Machine
from fresh_machine import remote
from notebook_env import NOTEBOOKS, ROOT

pytestmark = pytest.mark.slow
BUILD = "import sys, setuptools.build_meta as build; getattr(build, sys.argv[1])(sys.argv[2])"


def build(what, folder, target):
    """Build in a folder, as pip does, with the setuptools that is here."""
    target.mkdir()
    subprocess.run([sys.executable, "-c", BUILD, what, target], cwd=folder, check=True)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The working tree, as a clone would be."""
    folder = tmp_path_factory.mktemp("tree")
    remote(folder)
    return folder


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory):
    return build("build_wheel", tree, tmp_path_factory.mktemp("built") / "wheel")


def names(wheel):
    with zipfile.ZipFile(wheel) as file:
        return {name for name in file.namelist() if not name.endswith("/")}


def test_the_wheel_holds_every_module_and_all_of_data(wheel):
    modules = {
        f"xmodal_lab/{p.relative_to(ROOT / 'xmodal_lab')}" for p in ROOT.glob("xmodal_lab/**/*.py")
    }
    shipped = {f"xmodal_lab/data/{path.name}" for path in (ROOT / "data").iterdir()}
    held = names(wheel)
    assert {name for name in held if ".dist-info/" not in name} == modules | shipped
    assert {name.split("/")[-1] for name in held} >= {"LICENSE", "LICENSE-CC-BY-4.0", "METADATA"}
    with zipfile.ZipFile(wheel) as file:
        for path in (ROOT / "data").iterdir():
            assert file.read(f"xmodal_lab/data/{path.name}") == path.read_bytes(), path.name


def test_the_source_archive_makes_the_same_wheel(tree, wheel, tmp_path):
    archive = build("build_sdist", tree, tmp_path / "archive")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path / "unpacked", filter="data")
    (folder,) = (tmp_path / "unpacked").iterdir()
    assert names(build("build_wheel", folder, tmp_path / "wheel")) == names(wheel)


def test_a_chapter_runs_on_the_wheel_alone(wheel, tmp_path):
    here = Machine(tmp_path / "here", {})
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", here.site, wheel], check=True)
    chapter = nbformat.read(NOTEBOOKS / "00_start_here.ipynb", as_version=4)
    cells = [cell.source for cell in chapter.cells if cell.cell_type == "code"]
    where = "import xmodal_lab; print(xmodal_lab.__file__)"
    *ran, (place, _) = here.run(*cells, where, XMODAL_STATIC="1")
    assert [error for _, error in ran if error] == []
    assert ran[0][0] == "", "the first cell has nothing to say"
    assert place.startswith(str(here.site))
    assert "✗" not in "".join(printed for printed, _ in ran)
