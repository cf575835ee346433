"""How each modality becomes vectors. What needs transformers is no name of this face: bert, …"""

from xmodal_lab.encoders.audio import AudioEncoder, LogMel
from xmodal_lab.encoders.encoder import Encoder
from xmodal_lab.encoders.image import DeepCNN, PictureEncoder, ResNet, SmallCNN
from xmodal_lab.encoders.inputs import inputs_of, log_mel
from xmodal_lab.encoders.text import (
    GloVe,
    TextEncoder,
    Word2Vec,
    WordVectors,
    cooccurrence,
    ppmi,
    read_captions,
    svd_vectors,
)
from xmodal_lab.encoders.untrained import bag_of_words, random_convolution, untrained_features

__all__ = [
    "AudioEncoder",
    "DeepCNN",
    "Encoder",
    "GloVe",
    "LogMel",
    "PictureEncoder",
    "ResNet",
    "SmallCNN",
    "TextEncoder",
    "Word2Vec",
    "WordVectors",
    "bag_of_words",
    "cooccurrence",
    "inputs_of",
    "log_mel",
    "ppmi",
    "random_convolution",
    "read_captions",
    "svd_vectors",
    "untrained_features",
]
