"""Captions become vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.batch import Padded, pad
from xmodal_lab.datasets.scenes import WORDS, encode
from xmodal_lab.datasets.scenes.language import cut_words
from xmodal_lab.encoders.encoder import Encoder
from xmodal_lab.encoders.pooling import masked_max, recurrent


def read_captions(captions: Sequence[str]) -> Padded:
    """Word ids of captions over the words of the data world, padded with 0.

    Raises:
        ValueError: for unknown words, with the nearest known ones.
    """
    return pad([encode(caption) for caption in captions])


class WordEncoder(Encoder):
    """What encoders of sentences share: the words they know, and a vector for each.

    Args:
        vocabulary: the words, numbered from 1 in this order; or only how many there are, for an
            encoder that is given numbers and never text.
        embedding_dim: size of a word vector.

    Attributes:
        words: those it knows; None where it knows only their number.

    Raises:
        ValueError: for words that no text could hold, as ``read`` cuts it, or that come twice.
    """

    def __init__(self, vocabulary: int | Sequence[str], embedding_dim: int) -> None:
        super().__init__()
        known = None if isinstance(vocabulary, int) else _checked(vocabulary)
        self.words = known
        self._ids = {word: number for number, word in enumerate(known or (), start=1)}
        size = vocabulary if known is None else len(known)
        self.embedding = nn.Embedding(size + 1, embedding_dim, padding_idx=0)
        self.config = {
            "vocabulary": size if known is None else list(known),
            "embedding_dim": embedding_dim,
        }

    def read(self, captions: Sequence[str]) -> Padded:
        """Ids of the captions' words, padded with 0.

        Raises:
            ValueError: for unknown words, with the nearest known ones; for an encoder that knows
                no words.
        """
        if self.words is None:
            raise ValueError(
                "this encoder was given a number of words and cannot read: make it with the words "
                f"themselves, {type(self).__name__}(vocabulary=[…])"
            )
        return pad([encode(caption, self._ids) for caption in captions])


class TextEncoder(WordEncoder):
    """Word ids → one vector: embedding, bidirectional GRU, maximum over time.

        e_t = E[w_t],   h_t = [GRU→(e_1 … e_t), GRU←(e_T … e_t)],   y_d = max_t h_{t,d}

    Shapes: ``Padded`` ids (batch, time) → states (batch, time, output_dim) → (batch, output_dim).
    Padding has no influence.

    Args:
        vocabulary: the words, or only their number, padding not counted; see ``WordEncoder``.
        embedding_dim: size of a word vector.
        hidden_dim: size of each direction's state; the output has twice that.

    Source: GRU, Cho et al. 2014; maximum over time, Collobert and Weston 2008.
    """

    def __init__(
        self,
        vocabulary: int | Sequence[str] = WORDS,
        embedding_dim: int = 64,
        hidden_dim: int = 64,
    ) -> None:
        super().__init__(vocabulary, embedding_dim)
        self.output_dim = 2 * hidden_dim
        self.config["hidden_dim"] = hidden_dim
        self.gru = nn.GRU(embedding_dim, hidden_dim, batch_first=True, bidirectional=True)

    def states(self, words: Padded) -> Padded:
        embedded = Padded(self.embedding(words.values), words.lengths)
        return Padded(recurrent(self.gru, embedded), words.lengths)

    def pool(self, states: Padded) -> Float[Tensor, "batch output_dim"]:
        return masked_max(states.values, states.mask)


def _checked(vocabulary: Sequence[str]) -> tuple[str, ...]:
    """The words, each of them one that a text can hold."""
    if isinstance(vocabulary, str) or not len(vocabulary):
        raise ValueError(f"expected a list of words, or how many there are, got {vocabulary!r}")
    for word in vocabulary:
        if cut_words(str(word)) != [word]:
            raise ValueError(
                f"the vocabulary holds {word!r}, which is found in no text: words are lower case, "
                "without spaces, commas and full stops"
            )
    word, count = Counter(vocabulary).most_common(1)[0]
    if count > 1:
        raise ValueError(f"the vocabulary holds {word!r} {count} times")
    return tuple(vocabulary)
