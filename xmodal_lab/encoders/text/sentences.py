"""The plainest way from words to one vector for a sentence: their mean.

It cannot know which word came first: 'a star above a moon' and 'a moon above a star' are one and
the same to it.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from xmodal_lab.batch import Padded
from xmodal_lab.datasets.scenes import WORDS
from xmodal_lab.encoders.pooling import masked_mean
from xmodal_lab.encoders.text.captions import WordEncoder


class MeanEncoder(WordEncoder):
    """Word ids → one vector: the mean of the word vectors, whatever their order.

        y = 1/T Σ_t E[w_t]

    Shapes: ``Padded`` ids (batch, time) → states (batch, time, output_dim) → (batch, output_dim).
    Padding has no influence. It can stand wherever a ``TextEncoder`` can.

    Args:
        vocabulary: the words, or only their number, padding not counted; see ``WordEncoder``.
        embedding_dim: size of a word vector and of the output.

    Source: the continuous bag of words, Mikolov et al. 2013; as a sentence encoder, Wieting et
    al. 2016.
    """

    def __init__(self, vocabulary: int | Sequence[str] = WORDS, embedding_dim: int = 128) -> None:
        super().__init__(vocabulary, embedding_dim)
        self.output_dim = embedding_dim

    def states(self, words: Padded) -> Padded:
        return Padded(self.embedding(words.values), words.lengths)

    def pool(self, states: Padded) -> Float[Tensor, "batch output_dim"]:
        return masked_mean(states.values, states.mask)

    def forward(self, words: Padded) -> Float[Tensor, "batch output_dim"]:
        # Sums of numbers depend on their order in the last digit. Read in the order of their ids,
        # equal bags of words give the very same vector.
        ids = words.values.masked_fill(~words.mask, 0).sort(dim=1, descending=True).values
        return super().forward(Padded(ids, words.lengths))
