"""Words and sentences become vectors."""

from xmodal_lab.encoders.text.captions import TextEncoder, read_captions
from xmodal_lab.encoders.text.counting import cooccurrence, ppmi, svd_vectors
from xmodal_lab.encoders.text.glove import GloVe
from xmodal_lab.encoders.text.vectors import WordVectors
from xmodal_lab.encoders.text.word2vec import Word2Vec

__all__ = [
    "GloVe",
    "TextEncoder",
    "Word2Vec",
    "WordVectors",
    "cooccurrence",
    "ppmi",
    "read_captions",
    "svd_vectors",
]
