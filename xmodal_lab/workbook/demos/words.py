"""Maps of words that stay comparable, and methods that can be turned with sliders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from matplotlib.figure import Figure

from xmodal_lab.datasets.corpus import Corpus, Questions
from xmodal_lab.encoders.text import GloVe, Word2Vec, WordVectors, cooccurrence, ppmi, svd_vectors
from xmodal_lab.evaluation.words import score
from xmodal_lab.joint.atlas import Atlas
from xmodal_lab.workbook import charts
from xmodal_lab.workbook.kit.figures import described
from xmodal_lab.workbook.kit.style import COLOURS

# One member of each category is named on a map, and a few words whose neighbours are worth a look.
NAMED = (
    *("cat", "kitten", "duck", "duckling", "banana", "lemon", "rose", "tulip", "paris", "france"),
    *("rome", "italy", "red", "crimson", "yellow", "star", "circle", "painter", "brush", "baker"),
    *("oven", "car", "bus", "piano", "violin", "coat", "hat", "sofa"),
)


class WordAtlas:
    """Maps of the words of the categories, each turned onto the one before.

    Args:
        questions: their categories paint the map.
        method, seed: see ``Atlas``.
    """

    def __init__(self, questions: Questions, method: str = "umap", seed: int = 0) -> None:
        self.groups = questions.categories
        self.group_of: dict[str, str] = {}
        for group, members in self.groups.items():
            self.group_of.update(dict.fromkeys(members, group))
        self.words = tuple(self.group_of)
        # So many neighbours that no island is cut off and drawn far away from all others.
        self._atlas = Atlas(method, neighbours=120, seed=seed, min_dist=0.9)

    def places(self, vectors: WordVectors) -> np.ndarray:
        """One place for each of ``words``."""
        rows = [vectors.place(word) for word in self.words]
        return self._atlas.map({"word": vectors.matrix[rows]})["word"]

    def figure(self, vectors: WordVectors, title: str = "") -> Figure:
        """One large map."""
        return charts.word_map(self.places(vectors), self.words, self.groups, NAMED, title)

    def panels(self, vectors: Mapping[str, WordVectors]) -> Figure:
        """One small map a method."""
        maps = {name: self.places(found) for name, found in vectors.items()}
        return charts.word_maps(maps, self.words, self.groups)


def train(
    text: Corpus, method: str, window: int = 5, dim: int = 64, epochs: int = 10, seed: int = 0
) -> WordVectors:
    """Word vectors by one of the chapter's methods.

    Args:
        text: the corpus.
        method: 'PPMI + SVD', 'skip-gram', 'CBOW' or 'GloVe'.
        window: words to either side.
        dim: length of the vectors.
        epochs: passes over the corpus (GloVe: over the cells); counting needs none.
        seed: of the beginning.

    Raises:
        ValueError: for an unknown method.
    """
    documents, size = text.documents(), len(text.words)
    if method == "PPMI + SVD":
        matrix = ppmi(cooccurrence(documents, size, window))
        return WordVectors(text.words, svd_vectors(matrix, dim))
    if method == "GloVe":
        counts = cooccurrence(documents, size, window)
        model = GloVe(counts, dim, x_max=30, smoothing=1.0, seed=seed)
        return _finish(model, model.fit(epochs, learning_rate=0.07), text.words)
    if method not in ("skip-gram", "CBOW"):
        raise ValueError(
            f"unknown method {method!r}: choose 'PPMI + SVD', 'skip-gram', 'CBOW' or 'GloVe'"
        )
    model = Word2Vec(documents, size, dim, method.lower(), window, seed=seed)
    return _finish(model, model.fit(epochs), text.words)


def _finish(model, steps, words: Sequence[str]) -> WordVectors:
    for _ in steps:
        pass
    return model.vectors(words)


class WordBench:
    """What the sliders of the chapter turn: trains on demand, and remembers what it has trained.

    Args:
        text: the corpus.
        questions: its scoring set.
        given: vectors that exist already, by (method, window, dim, epochs).
    """

    def __init__(
        self,
        text: Corpus,
        questions: Questions,
        given: Mapping[tuple[str, int, int, int], WordVectors] | None = None,
    ) -> None:
        self.text, self.questions, self.given = text, questions, dict(given or {})
        self.atlases = {"UMAP": WordAtlas(questions), "PCA": WordAtlas(questions, "pca")}
        self.vectors: Callable[..., WordVectors] = lru_cache(maxsize=64)(self._vectors)

    def _vectors(self, method: str, window: int, dim: int, epochs: int) -> WordVectors:
        key = method, window, dim, epochs
        return self.given.get(key) or train(self.text, *key)

    def map(
        self,
        method: str = "skip-gram",
        window: int = 5,
        dim: int = 64,
        epochs: int = 10,
        layout: str = "UMAP",
    ) -> Figure:
        """A map of the vectors of these settings, with their scores below it."""
        vectors = self.vectors(method, window, dim, epochs)
        found = score(vectors, self.questions)
        fig = self.atlases[layout].figure(vectors, f"{layout} of {method}")
        keys = ("synonyms", "categories", "analogies")
        note = "   ".join(f"{key} {found[key]:.0f} %" for key in keys)
        fig.text(0.02, 0.01, note, fontsize=11, color=COLOURS["black"])
        return described(fig, f"{fig.alt} Scores: {note}.")
