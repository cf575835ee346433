"""A corpus worth embedding: stories from a small world of which everything is known."""

from xmodal_lab.datasets.corpus.questions import (
    Analogy,
    OddOneOut,
    Questions,
    Similarity,
    questions,
)
from xmodal_lab.datasets.corpus.senses import SENSES
from xmodal_lab.datasets.corpus.stories import STORIES, Corpus, Occurrence, Story, load
from xmodal_lab.datasets.corpus.world import (
    CATEGORIES,
    FAMILIES,
    SIZE_GRADE,
    SIZES,
    SYNONYMS,
    TYPICAL_COLOUR,
)

__all__ = [
    "CATEGORIES",
    "FAMILIES",
    "SENSES",
    "SIZES",
    "SIZE_GRADE",
    "STORIES",
    "SYNONYMS",
    "TYPICAL_COLOUR",
    "Analogy",
    "Corpus",
    "Occurrence",
    "OddOneOut",
    "Questions",
    "Similarity",
    "Story",
    "load",
    "questions",
]
