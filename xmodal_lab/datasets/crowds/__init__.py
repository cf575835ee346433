"""The second level of the scene world: crowds of three to five things, and questions about them.

``sample_crowds`` decides what there is, ``draw`` shows it, ``load`` gives whole data sets, and
``questions`` asks what can be answered from the picture alone, and only with the picture.
"""

from xmodal_lab.datasets.crowds.answers import answer
from xmodal_lab.datasets.crowds.captions import captions, encode_caption, wrong_captions
from xmodal_lab.datasets.crowds.chance import stated_chance
from xmodal_lab.datasets.crowds.drawing import boxes, draw, masks
from xmodal_lab.datasets.crowds.factors import SPLITS, Crowd, Placed, sample_crowds, split_of
from xmodal_lab.datasets.crowds.language import (
    ANSWER_IDS,
    ANSWERS,
    ANSWERS_OF,
    KINDS,
    WORD_IDS,
    WORDS,
    Asked,
    encode,
    parse,
)
from xmodal_lab.datasets.crowds.questions import Question, Questions, questions
from xmodal_lab.datasets.crowds.store import CrowdData, from_crowds, load

__all__ = [
    "ANSWERS",
    "ANSWERS_OF",
    "ANSWER_IDS",
    "KINDS",
    "SPLITS",
    "WORDS",
    "WORD_IDS",
    "Asked",
    "Crowd",
    "CrowdData",
    "Placed",
    "Question",
    "Questions",
    "answer",
    "boxes",
    "captions",
    "draw",
    "encode",
    "encode_caption",
    "from_crowds",
    "load",
    "masks",
    "parse",
    "questions",
    "sample_crowds",
    "split_of",
    "stated_chance",
    "wrong_captions",
]
