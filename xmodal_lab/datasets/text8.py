"""text8: the first hundred million letters of the English Wikipedia, cleaned. Real words, optional.

Lower-case letters and single spaces, numbers spelt digit by digit, no sentences: 17,005,207 words.
"""

from __future__ import annotations

import zipfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from xmodal_lab.datasets.download import fetch

URL = "https://mattmahoney.net/dc/text8.zip"
# Of the archive (31,344,016 bytes). The MD5 that its author publishes is that of the unpacked text
# (100,000,000 bytes; 3bea1919949baf155f99411df5fada7e), so it cannot check the download.
SHA256 = "a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232"


@dataclass(frozen=True)
class Text8:
    """The beginning of text8, as ids of its frequent words.

    Attributes:
        words: the vocabulary by falling count, ties alphabetical.
        ids: the text; rarer words are left out, as Word2Vec does.
    """

    words: tuple[str, ...]
    ids: Int64[Tensor, " tokens"]

    def documents(self, length: int = 1000) -> list[Int64[Tensor, " _length"]]:
        """The text cut into pieces of ``length`` words: it has no sentences of its own."""
        return list(self.ids.split(length))


def load(words: int | None = 1_000_000, least: int = 5, folder: str | Path | None = None) -> Text8:
    """The first ``words`` words of text8, downloaded once (31 MB).

    Args:
        words: how many; None for all 17 million.
        least: words that occur less often among these are left out.
        folder: where text8.zip lies or shall lie; the user's cache by default.

    Raises:
        DownloadFailed: without network and without a copy, with the way to get one.
        ValueError: where ``words`` or ``least`` is below 1, or no word is frequent enough.

    Source: M. Mahoney, About the test data, 2011 (mattmahoney.net/dc/textdata).
    """
    if least < 1 or (words is not None and words < 1):
        raise ValueError(f"words and least must be at least 1, got {words} and {least}")
    path = fetch(URL, sha256=SHA256, folder=folder)
    numbers: dict[str, int] = {}
    # An array of numbers takes 4 bytes a word; a list of strings would take 60.
    text = array("i")
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
        for some in _blocks(file):
            text.extend([numbers.setdefault(word, len(numbers)) for word in some])
            if words is not None and len(text) >= words:
                break
    return _frequent(np.frombuffer(text, dtype=np.int32)[:words], list(numbers), least)


def _blocks(file, size: int = 2**20) -> Iterator[list[str]]:
    """The words of a file, block by block; a word cut by a block's end waits for the next one."""
    rest = ""
    while block := file.read(size).decode("ascii"):
        *whole, rest = (rest + block).split(" ")
        yield [word for word in whole if word]
    yield rest.split()


def _frequent(text: np.ndarray, words: list[str], least: int) -> Text8:
    counts = np.bincount(text, minlength=len(words))
    kept = sorted(np.flatnonzero(counts >= least), key=lambda i: (-counts[i], words[i]))
    if not kept:
        raise ValueError(f"no word occurs {least} times among the first {len(text)}: ask for more")
    ids = np.full(len(words), -1)
    ids[kept] = np.arange(len(kept))
    text = ids[text]
    return Text8(tuple(words[i] for i in kept), torch.from_numpy(text[text >= 0]).long())
