"""Keeps ``data/SHA256SUMS`` and the data card in step with the files that ship.

    python tools/checksums.py word_bank.ogg   # after changing (or adding) this file
    python tools/checksums.py                 # look at every listed file anew

Other tools call ``update`` after writing a file, and ``write_block`` to keep a part of the card.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from xmodal_lab.datasets.digest import sha256
from xmodal_lab.datasets.shipped import data_folder


def update(*names: str, folder: Path | None = None) -> None:
    """Enter the files' checksums in ``SHA256SUMS`` and rewrite the card's table of files.

    Args:
        names: of files in ``folder``; the lines of other files are kept. None: every listed file.
        folder: ``data/`` of the workbook unless given.

    Raises:
        FileNotFoundError: where a named or listed file does not exist; nothing is written then.
        ValueError: where the card lacks the markers around its table.
    """
    folder = folder or data_folder()
    listing = folder / "SHA256SUMS"
    lines = listing.read_text().splitlines() if listing.is_file() else []
    digests = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
    digests |= {name: sha256(folder / name) for name in names or tuple(digests)}
    rows = ["| file | bytes | SHA-256 |", "|---|---:|---|"]
    for name, digest in sorted(digests.items()):
        rows.append(f"| `{name}` | {(folder / name).stat().st_size:,} | `{digest}` |")
    # The card first: it refuses where its markers are lost, and then nothing has changed.
    write_block(folder / "README.md", "files", "\n".join(rows))
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    write_atomically(listing, text.encode())


def write_block(card: Path, name: str, body: str) -> None:
    """Replace what stands between ``<!-- name: … -->`` and ``<!-- end of name -->`` in a card.

    Raises:
        ValueError: where the card does not have these two markers exactly once.
    """
    pattern = rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end of {name} -->)"
    text, count = re.subn(
        pattern,
        lambda found: f"{found[1]}\n{body}\n\n{found[2]}",
        card.read_text(encoding="utf-8"),
        flags=re.S,
    )
    if count != 1:
        raise ValueError(
            f"{card} needs the lines '<!-- {name}: … -->' and '<!-- end of {name} -->' once, "
            f"around the part that is rewritten; found {count}"
        )
    write_atomically(card, text.encode())


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="files in data/ (default: all listed ones)")
    update(*parser.parse_args().names)
