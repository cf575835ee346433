"""Put the address at which the workbook lives on the web wherever it is needed.

    python tools/address.py                                # write what follows: make address
    python tools/address.py https://github.com/OWNER/NAME  # change it first: make address URL=…

It stands in ``pyproject.toml`` alone ([project.urls], Repository), the version likewise. From both
come the first cell of every chapter, the badges at their heads, and the list of links at the end of
the README (``door_cell.py``). Recorded outputs stay: nothing is run.
"""

from __future__ import annotations

import argparse
import re
import sys
from urllib.parse import urlsplit

import nbformat
from door_cell import PYPROJECT, address, colab_link, links, project
from nbformat import NotebookNode
from notebook_env import NOTEBOOKS, ROOT
from notebook_form import read_source

# The placeholder's owner. No account can have this name: GitHub allows no two hyphens in a row.
NOBODY = "/address--not-set-yet/"
README = ROOT / "README.md"
ADDRESS_LINE = re.compile(r'^(Repository = )"[^"]*"$', re.M)
LINKS = re.compile(r"(?<=<!-- links: make address writes them -->\n).*?(?=<!-- /links -->)", re.S)
PATH = re.compile(r"(/[\w.-]+){2,}")


def checked(url: str) -> str:
    """An address as it is to be written; ends the program where it is none."""
    url = url.strip().removesuffix("/").removesuffix(".git")
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or not PATH.fullmatch(parts.path):
        sys.exit(f"{url!r} is no address of a repository; write https://github.com/OWNER/NAME")
    return url


def write() -> list[str]:
    """Bring README and notebooks in line with pyproject.toml; the files that changed."""
    changed = []
    text = README.read_text(encoding="utf-8")
    new = LINKS.sub(lambda _: links(), text)
    if new != text:
        README.write_text(new, encoding="utf-8")
        changed.append(README.name)
    for source in sorted((NOTEBOOKS / "src").glob("*.py")):
        path = NOTEBOOKS / f"{source.stem}.ipynb"
        if not path.exists():
            continue
        text = path.read_text(encoding="utf-8")
        recorded, wanted = nbformat.reads(text, as_version=4), read_source(source)
        if "xmodal_lab.door" not in recorded.cells[1].source:
            print(
                f"{path.name} has no first cell to replace: tools/record.py {path.stem} makes one"
            )
            continue
        new = nbformat.writes(with_new_door(recorded, wanted)) + "\n"
        if new != text:
            path.write_text(new, encoding="utf-8")
            changed.append(path.name)
    return changed


def with_new_door(recorded: NotebookNode, wanted: NotebookNode) -> NotebookNode:
    """A recorded notebook with the head and the first cell of its source; the rest as recorded."""
    for mine, theirs in zip(recorded.cells[:2], wanted.cells[:2], strict=True):
        mine.source, mine.id = theirs.source, theirs.id
    return recorded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", nargs="?", default="", help="https://github.com/OWNER/NAME")
    url = parser.parse_args().url
    if url:
        text = PYPROJECT.read_text(encoding="utf-8")
        PYPROJECT.write_text(ADDRESS_LINE.sub(rf'\1"{checked(url)}"', text), encoding="utf-8")
    changed = ", ".join(write()) or "nothing to change"
    print(f"{address()} (version {project()['version']}): {changed}")
    if NOBODY in address():
        print("This is a placeholder. Once the workbook has a home: make address URL=https://…")
    elif colab_link("") is None:
        print("Colab opens notebooks from GitHub only, so there are no badges.")


if __name__ == "__main__":
    main()
