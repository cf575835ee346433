"""Words and sentences become vectors."""

from xmodal_lab.encoders.text.captions import TextEncoder, read_captions
from xmodal_lab.encoders.text.counting import cooccurrence, ppmi, svd_vectors
from xmodal_lab.encoders.text.vectors import WordVectors

__all__ = [
    "TextEncoder",
    "WordVectors",
    "cooccurrence",
    "ppmi",
    "read_captions",
    "svd_vectors",
]
