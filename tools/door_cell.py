"""What follows from the workbook's address and version: first cells, badges, links.

Both stand in ``pyproject.toml`` alone; ``address.py`` brings README and notebooks in line.
"""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

import nbformat
from nbformat import NotebookNode
from notebook_env import NOTEBOOKS, ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it to Python 3.10

PYPROJECT = ROOT / "pyproject.toml"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
FIRST_CELL = """\
from importlib.util import find_spec
if not find_spec("xmodal_lab"):  # As on Colab. Where it is installed, nothing happens.
    %pip install -q --no-deps git+{address}@v{version}
from xmodal_lab.door import enter; enter("{version}")  # Not found? See pip above: a network?"""


def project() -> dict:
    """The table [project] of pyproject.toml."""
    return tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]


def address() -> str:
    """The repository's address, or the placeholder."""
    return project()["urls"]["Repository"]


def first_cell() -> str:
    """The code with which every chapter begins."""
    return FIRST_CELL.format(address=address(), version=project()["version"])


def colab_link(stem: str) -> str | None:
    """Where Colab opens a chapter, as it was released; None where the address is not on GitHub."""
    parts = urlsplit(address())
    if parts.hostname != "github.com":
        return None
    place = f"blob/v{project()['version']}/notebooks/{stem}.ipynb"
    return f"https://colab.research.google.com/github{parts.path}/{place}"


def add_door(notebook: NotebookNode, stem: str) -> None:
    """Put the badge under the title and the first cell below the head; changes the notebook."""
    head = notebook.cells[0]
    link = colab_link(stem)
    if link:
        title, _, rest = head.source.partition("\n")
        head.source = f"{title}\n\n[![Open in Colab]({BADGE})]({link})\n{rest}".rstrip()
    notebook.cells.insert(1, nbformat.v4.new_code_cell(first_cell()))


def links() -> str:
    """The README's link definitions."""
    found = {"repository": address(), "colab-badge": BADGE}
    for source in sorted((NOTEBOOKS / "src").glob("*.py")):
        found[f"colab-{source.stem.partition('_')[0]}"] = colab_link(source.stem) or address()
    return "".join(f"[{name}]: {link}\n" for name, link in found.items())
