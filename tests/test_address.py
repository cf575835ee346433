"""The address stands in pyproject.toml alone; what follows from it is in step."""

import re
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

import nbformat
import pytest
from address import LINKS
from door_cell import address, colab_link, first_cell, links, project
from fresh_machine import working_tree
from notebook_env import NOTEBOOKS, ROOT

import xmodal_lab

GENERATED = {"README.md", *(f"notebooks/{path.name}" for path in NOTEBOOKS.glob("*.ipynb"))}
NEW = "https://github.com/somebody/some-course"


def test_the_address_stands_in_one_place():
    holding = {name for name in working_tree() if address().encode() in (ROOT / name).read_bytes()}
    assert holding - GENERATED == {"pyproject.toml"}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert address() not in LINKS.sub("", text), "outside the list of links"
    assert xmodal_lab.__version__ == project()["version"]


def test_what_follows_from_it_is_in_step():
    assert LINKS.search((ROOT / "README.md").read_text(encoding="utf-8"))[0] == links()
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        head, door = nbformat.read(path, as_version=4).cells[:2]
        assert door.source == first_cell(), path.name
        link = colab_link(path.stem)
        assert (f"]({link})" in head.source) if link else ("colab" not in head.source)


def test_the_readme_links_to_every_chapter_on_colab():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in NOTEBOOKS.glob("*.ipynb"):
        assert f"][colab-{path.stem.partition('_')[0]}]" in text


def test_the_first_cell_is_short():
    lines = first_cell().splitlines()
    assert len(lines) <= 4
    assert max(map(len, lines)) <= 100


@pytest.fixture
def clone(tmp_path):
    """A copy of what make address reads and writes."""
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(
        ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(NOTEBOOKS / "src", tmp_path / "notebooks" / "src")
    shutil.copy(NOTEBOOKS / "00_start_here.ipynb", tmp_path / "notebooks")
    return tmp_path


def change(clone, *arguments):
    line = [sys.executable, clone / "tools" / "address.py", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=60)


def read(clone):
    return {
        p: p.read_text(encoding="utf-8")
        for p in clone.rglob("*")
        if p.suffix in (".md", ".toml", ".ipynb")
    }


def test_a_new_address_is_put_everywhere_and_nothing_else_changes(clone):
    before = read(clone)
    said = change(clone, f" {NEW}.git/ ").stdout
    assert said.startswith(f"{NEW} (version ") and "placeholder" not in said
    for path, text in read(clone).items():
        assert address() not in text, path
        # But for ids of cells, which follow from their text.
        old, new = (re.sub(r'"id": "\w+"', "", each) for each in (before[path], text))
        assert old.replace(urlsplit(address()).path, urlsplit(NEW).path) == new
    assert change(clone).stdout.startswith(f"{NEW} (version ")
    assert "nothing to change" in change(clone).stdout


def test_without_github_there_are_no_badges(clone):
    said = change(clone, "https://gitlab.example.org/group/course").stdout
    assert "from GitHub only" in said
    (path,) = (clone / "notebooks").glob("*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    assert "colab" not in cells[0].source
    assert "git+https://gitlab.example.org/group/course@v" in cells[1].source


@pytest.mark.parametrize(
    "wrong",
    ["github.com/a/b", "http://github.com/a/b", "https://github.com", "x", 'https://h/a/b"'],
)
def test_what_is_no_address_is_refused_and_nothing_changes(clone, wrong):
    before = read(clone)
    done = change(clone, wrong)
    assert done.returncode == 1 and "is no address of a repository" in done.stderr
    assert read(clone) == before
