"""The data world: spoken shape scenes, each to be seen, read and heard.

``sample_scenes`` decides what there is, ``draw``, ``describe`` and ``speak`` show it, ``load``
gives whole data sets, ``minimal_pairs`` and ``probe`` ask one question at a time.
"""

from xmodal_lab.datasets.scenes.data import MODALITIES, SceneData, Waveforms
from xmodal_lab.datasets.scenes.drawing import RGB, draw
from xmodal_lab.datasets.scenes.factors import (
    COLOURS,
    HELD_OUT_PAIRS,
    HELD_OUT_VOICES,
    RELATIONS,
    SHAPES,
    SIZES,
    SPLITS,
    SWAPS,
    TRAIN_VOICES,
    Scene,
    Thing,
    all_things,
    sample_scenes,
    split_of,
    stream,
    swapped,
)
from xmodal_lab.datasets.scenes.foils import foil_captions, twins
from xmodal_lab.datasets.scenes.galleries import (
    CLASSES,
    MinimalPairs,
    Probe,
    minimal_pairs,
    probe,
    prompts,
)
from xmodal_lab.datasets.scenes.language import WORD_IDS, WORDS, describe, encode, parse
from xmodal_lab.datasets.scenes.places import boxes, centres, masks
from xmodal_lab.datasets.scenes.speech import SAMPLE_RATE, natural_captions, speak
from xmodal_lab.datasets.scenes.store import from_scenes, load

__all__ = [
    "CLASSES",
    "COLOURS",
    "HELD_OUT_PAIRS",
    "HELD_OUT_VOICES",
    "MODALITIES",
    "RELATIONS",
    "RGB",
    "SAMPLE_RATE",
    "SHAPES",
    "SIZES",
    "SPLITS",
    "SWAPS",
    "TRAIN_VOICES",
    "WORDS",
    "WORD_IDS",
    "MinimalPairs",
    "Probe",
    "Scene",
    "SceneData",
    "Thing",
    "Waveforms",
    "all_things",
    "boxes",
    "centres",
    "describe",
    "draw",
    "encode",
    "foil_captions",
    "from_scenes",
    "load",
    "masks",
    "minimal_pairs",
    "natural_captions",
    "parse",
    "probe",
    "prompts",
    "sample_scenes",
    "speak",
    "split_of",
    "stream",
    "swapped",
    "twins",
]
