"""The plainest way from words to one vector for a sentence: their mean.

It cannot know which word came first: 'a star above a moon' and 'a moon above a star' are one and
the same to it.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.batch import Padded
from xmodal_lab.datasets.scenes import WORDS


class MeanEncoder(nn.Module):
    """Word ids → one vector: the mean of the word vectors, whatever their order.

        y = 1/T Σ_t E[w_t]

    Shapes: ``Padded`` ids (batch, time) → (batch, output_dim). Padding has no influence. It can
    stand wherever a ``TextEncoder`` can.

    Args:
        vocabulary: number of words, padding not counted.
        embedding_dim: size of a word vector and of the output.

    Source: the continuous bag of words, Mikolov et al. 2013; as a sentence encoder, Wieting et
    al. 2016.
    """

    def __init__(self, vocabulary: int = len(WORDS), embedding_dim: int = 128) -> None:
        super().__init__()
        self.output_dim = embedding_dim
        self.embedding = nn.Embedding(vocabulary + 1, embedding_dim, padding_idx=0)

    def forward(self, words: Padded) -> Float[Tensor, "batch output_dim"]:
        # Sums of numbers depend on their order in the last digit. Sorted, equal bags of words
        # give the very same vector.
        ids = words.values.masked_fill(~words.mask, 0).sort(dim=1).values
        return self.embedding(ids).sum(1) / words.lengths[:, None]
