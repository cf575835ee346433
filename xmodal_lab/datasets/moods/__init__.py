"""Moods: what the words say and what the voice says, and irony, their disagreement.

``load`` gives sentences with their recordings, ``speak`` says one, ``with_irony`` makes irony rare.
"""

from xmodal_lab.datasets.moods.bank import MOODS, speak
from xmodal_lab.datasets.moods.sentences import (
    ALL_TEMPLATES,
    BLAME,
    PRAISE,
    SENTIMENTS,
    TEMPLATES,
    THINGS,
    VERDICTS,
    WORD_IDS,
    WORDS,
    Sentence,
)
from xmodal_lab.datasets.moods.store import SPLITS, VOICES, MoodData, load, with_irony

__all__ = [
    "ALL_TEMPLATES",
    "BLAME",
    "MOODS",
    "PRAISE",
    "SENTIMENTS",
    "SPLITS",
    "TEMPLATES",
    "THINGS",
    "VERDICTS",
    "VOICES",
    "WORDS",
    "WORD_IDS",
    "MoodData",
    "Sentence",
    "load",
    "speak",
    "with_irony",
]
