"""WordPiece: frequent words stay whole, rarer ones are cut into pieces that are shared.

A model with one vector per word cannot read a word it has never met. Cut into pieces it can:
'jumping' becomes 'jump' and '##ing', where '##' marks a piece that goes on from the one before.
The pieces are learned from a corpus by the library ``tokenizers``; how a word is cut with them is
one short rule, written out here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNK, CLS, SEP, MASK = range(len(SPECIAL))


def longest_match(word: str, pieces: Collection[str]) -> list[str]:
    """Cut a word into pieces: always take the longest one that fits, then go on behind it.

    Args:
        word: without spaces.
        pieces: the known ones; '##' in front marks a piece that does not begin a word.

    Returns:
        The pieces in order; ``['[UNK]']`` where some place fits none. It never looks back, so a
        word can be unknown although another cut exists.

    Source: Wu et al. 2016; as in BERT, Devlin et al. 2019.
    """
    found, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in pieces:
                break
        else:
            return ["[UNK]"]
        found.append(piece)
        start = end
    return found


@dataclass(frozen=True)
class WordPiece:
    """A vocabulary of pieces, and words as ids of pieces.

    Attributes:
        pieces: position = id; the five special ones first.
    """

    pieces: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.pieces[: len(SPECIAL)] != SPECIAL:
            raise ValueError(f"the first pieces must be {SPECIAL}, got {self.pieces[:5]}")
        if len(set(self.pieces)) != len(self.pieces):
            raise ValueError("some piece occurs twice")

    def __len__(self) -> int:
        return len(self.pieces)

    @cached_property
    def ids(self) -> dict[str, int]:
        return {piece: number for number, piece in enumerate(self.pieces)}

    @cached_property
    def _cut(self) -> dict[str, tuple[int, ...]]:
        return {}

    def cut(self, word: str) -> list[str]:
        """The pieces of one word."""
        return [self.pieces[number] for number in self.word_ids(word)]

    def word_ids(self, word: str) -> tuple[int, ...]:
        """The ids of one word's pieces; each word is cut only once."""
        if word not in self._cut:
            self._cut[word] = tuple(self.ids[piece] for piece in longest_match(word, self.ids))
        return self._cut[word]

    def encode(self, words: Sequence[str]) -> list[int]:
        """The ids of a sentence's pieces, without special ones around them.

        Raises:
            ValueError: for an empty sentence, an empty word, or one string instead of words.
        """
        if isinstance(words, str) or not words or not all(words):
            raise ValueError(f"expected words such as ('the', 'cat'), got {words!r}")
        return [number for word in words for number in self.word_ids(word)]


def learn(sentences: Iterable[Sequence[str]], size: int = 900) -> WordPiece:
    """Learn the pieces of a corpus: single letters, then again and again the most frequent pair.

    Args:
        sentences: words of each sentence.
        size: number of pieces, special ones and letters counted. Fewer come where the corpus has
            no more pairs to join.

    Returns:
        The same pieces for the same corpus, in every process.

    Raises:
        ValueError: for no words, or a size that does not hold the letters.

    Source: Schuster and Nakajima 2012. The library joins the most frequent pair (Sennrich et al.
    2016) rather than the pair that raises the likelihood most.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    counts = Counter(word for sentence in sentences for word in sentence)
    letters = sorted({letter for word in counts for letter in word})
    alphabet = [*letters, *(f"##{letter}" for letter in letters)]
    if not letters:
        raise ValueError("there are no words to learn pieces from")
    if size < (least := len(SPECIAL) + len(alphabet)):
        raise ValueError(f"size must hold the letters: at least {least}, got {size}")
    # Ties among pairs are broken by the letters' ids: given here, they are the same in every run.
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=[*SPECIAL, *alphabet], show_progress=False
    )
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words = (" ".join([word] * count) for word, count in sorted(counts.items()))
    tokenizer.train_from_iterator(words, trainer)
    ids = tokenizer.get_vocab()
    return WordPiece(tuple(sorted(ids, key=ids.get)))
