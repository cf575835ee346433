"""Captions become vectors."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.batch import Padded, pad
from xmodal_lab.datasets.scenes import WORDS, encode
from xmodal_lab.encoders.pooling import masked_max, recurrent


def read_captions(captions: Sequence[str]) -> Padded:
    """Word ids of captions, padded with 0.

    Raises:
        ValueError: for unknown words, with the nearest known ones.
    """
    return pad([encode(caption) for caption in captions])


class TextEncoder(nn.Module):
    """Word ids → one vector: embedding, bidirectional GRU, maximum over time.

        e_t = E[w_t],   h_t = [GRU→(e_1 … e_t), GRU←(e_T … e_t)],   y_d = max_t h_{t,d}

    Shapes: ``Padded`` ids (batch, time) → (batch, output_dim). Padding has no influence.

    Args:
        vocabulary: number of words, padding not counted.
        embedding_dim: size of a word vector.
        hidden_dim: size of each direction's state; the output has twice that.

    Source: GRU, Cho et al. 2014; maximum over time, Collobert and Weston 2008.
    """

    def __init__(
        self, vocabulary: int = len(WORDS), embedding_dim: int = 64, hidden_dim: int = 64
    ) -> None:
        super().__init__()
        self.output_dim = 2 * hidden_dim
        self.embedding = nn.Embedding(vocabulary + 1, embedding_dim, padding_idx=0)
        self.gru = nn.GRU(embedding_dim, hidden_dim, batch_first=True, bidirectional=True)

    def forward(self, words: Padded) -> Float[Tensor, "batch output_dim"]:
        embedded = Padded(self.embedding(words.values), words.lengths)
        return masked_max(recurrent(self.gru, embedded), words.mask)
