"""What BERT learns from: sentences with words hidden, and pairs of sentences that may not belong.

Both tasks are made from plain text. Nobody has to label anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from xmodal_lab.batch import Batch, Padded, pad
from xmodal_lab.datasets.corpus import Story
from xmodal_lab.encoders.text.wordpiece import CLS, MASK, SEP, SPECIAL, WordPiece

IGNORED = -100  # what PyTorch's cross entropy leaves out
Sentence = Sequence[str]


class SentencePair(NamedTuple):
    """Two sentences, and whether the second one followed the first."""

    first: Sentence
    second: Sentence
    follows: bool


class Pages(NamedTuple):
    """Sentences as BERT reads them: [CLS] first [SEP] second [SEP], in pieces.

    Attributes:
        ids: (batch, time) ids of pieces, padded.
        kinds: (batch, time) 0 up to the first [SEP], 1 behind it; 0 for padding.
    """

    ids: Padded
    kinds: Int64[Tensor, "batch time"]

    def to(self, device: torch.device | str) -> Pages:
        return Pages(self.ids.to(device), self.kinds.to(device))

    def inputs(self) -> dict[str, Tensor]:
        """What a ``transformers`` BERT wants to be called with."""
        return {
            "input_ids": self.ids.values,
            "attention_mask": self.ids.mask.long(),
            "token_type_ids": self.kinds,
        }


def mask_tokens(
    ids: Int64[Tensor, "*shape"], vocabulary: int, generator: torch.Generator, share: float = 0.15
) -> tuple[Int64[Tensor, "*shape"], Int64[Tensor, "*shape"]]:
    """Hide some pieces; the model must say what stood there.

    Each piece is chosen with probability ``share``; of the chosen ones

        80 %  become [MASK],
        10 %  become any piece, so that the model cannot trust what it sees,
        10 %  stay, so that it must also describe what it does see.

    Args:
        ids: pieces; special ones and padding are never chosen.
        vocabulary: number of pieces.
        generator: decides; on the CPU.
        share: of the pieces that are chosen.

    Returns:
        The changed ids, and the labels: the true id where a piece was chosen, −100 elsewhere.

    Source: Devlin et al. 2019, section 3.1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie between 0 and 1, got {share}")
    ordinary = ids >= len(SPECIAL)
    chosen = ordinary & (torch.rand(ids.shape, generator=generator).to(ids.device) < share)
    fate = torch.rand(ids.shape, generator=generator).to(ids.device)
    others = torch.randint(len(SPECIAL), vocabulary, ids.shape, generator=generator).to(ids.device)
    hidden = torch.where(chosen & (fate < 0.8), MASK, ids)
    hidden = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), others, hidden)
    return hidden, torch.where(chosen, ids, IGNORED)


def sentence_pairs(stories: Sequence[Story], seed: int = 0) -> list[SentencePair]:
    """One pair for each sentence that has a successor: half with it, half with a stranger.

    The stranger is a successor in another story. So both halves draw their second sentences from
    the same ones, and the second sentence alone tells nothing.

    Args:
        stories: such as ``Corpus.stories``, or some of them.
        seed: decides which pairs are true, which sentence replaces, and the order.

    Raises:
        ValueError: where fewer than two stories have a second sentence.

    Source: Devlin et al. 2019, task 2.
    """
    places = [(s, t) for s, story in enumerate(stories) for t in range(1, len(story.sentences))]
    homes, generator = np.array([s for s, _ in places]), np.random.default_rng(seed)
    if len(np.unique(homes)) < 2:
        raise ValueError("strangers come from other stories: give at least two of ≥ 2 sentences")
    count = len(places)
    true = generator.permutation(count) < (count + 1) // 2
    second = np.where(true, np.arange(count), generator.integers(count, size=count))
    while (own := ~true & (homes[second] == homes)).any():
        second[own] = generator.integers(count, size=own.sum())
    pairs = []
    for i in generator.permutation(count):
        (s, t), (other, place) = places[i], places[second[i]]
        sentences = stories[s].sentences[t - 1], stories[other].sentences[place]
        pairs.append(SentencePair(*sentences, bool(true[i])))
    return pairs


def pages(wordpiece: WordPiece, rows: Sequence[Sequence[Sentence]]) -> Pages:
    """Rows of one or two sentences in BERT's form.

    Args:
        wordpiece: cuts the words.
        rows: each a tuple of one or two sentences.
    """
    ids, kinds = [], []
    for row in rows:
        row_ids, row_kinds = [CLS], [0]
        for kind, sentence in enumerate(row):
            numbers = [*wordpiece.encode(sentence), SEP]
            row_ids += numbers
            row_kinds += [kind] * len(numbers)
        ids.append(row_ids)
        kinds.append(row_kinds)
    return Pages(pad(ids), pad(kinds).values)


class Pretraining:
    """Batches for both tasks, made anew for every step: a function of the step's number alone.

    Every pass makes new pairs and hides other pieces. Pairs of a batch have nearly the same length:
    sorted within 16 batches there is less padding, and still another mix in every pass.

    Args:
        wordpiece: cuts the words.
        stories: what to read.
        batch_size: pairs of sentences a step.
        share: of the pieces that are hidden.
        seed: decides pairs, order and hidden pieces.

    Raises:
        ValueError: for too few stories, or a batch that they do not fill.
    """

    def __init__(
        self,
        wordpiece: WordPiece,
        stories: Sequence[Story],
        batch_size: int = 32,
        share: float = 0.15,
        seed: int = 0,
    ) -> None:
        self.wordpiece, self.stories, self.seed = wordpiece, stories, seed
        self.batch_size, self.share = batch_size, share
        self._pass, self._batches = 0, self._arranged(0)

    def __call__(self, step: int) -> Batch:
        """The batch of a step, from 0.

        Returns:
            'pages' with pieces hidden, their 'kinds', the 'labels' of the hidden ones (−100
            elsewhere), and whether the second sentence 'follows' the first.
        """
        number, place = divmod(step, len(self._batches))
        if number != self._pass:
            self._pass, self._batches = number, self._arranged(number)
        pairs = self._batches[place]
        page = pages(self.wordpiece, [(pair.first, pair.second) for pair in pairs])
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        hidden, labels = mask_tokens(page.ids.values, len(self.wordpiece), generator, self.share)
        return Batch(
            pages=page.ids._replace(values=hidden),
            kinds=Padded(page.kinds, page.ids.lengths),
            labels=Padded(labels, page.ids.lengths),
            follows=torch.tensor([pair.follows for pair in pairs]),
        )

    def _arranged(self, number: int) -> list[list[SentencePair]]:
        """The batches of one pass through the stories; as many in every pass."""
        pairs, size = sentence_pairs(self.stories, self.seed * 10_007 + number), self.batch_size
        if len(pairs) < size:
            raise ValueError(f"{len(pairs)} pairs do not fill a batch of {size}")
        groups = [pairs[i : i + 16 * size] for i in range(0, len(pairs), 16 * size)]
        batches = [batch for group in groups for batch in _by_length(group, size)]
        order = torch.randperm(len(batches), generator=torch.Generator().manual_seed(number))
        return [batches[i] for i in order]


def _by_length(pairs: list[SentencePair], size: int) -> list[list[SentencePair]]:
    pairs = sorted(pairs, key=lambda pair: len(pair.first) + len(pair.second))
    batches = [pairs[i : i + size] for i in range(0, len(pairs), size)]
    return [batch for batch in batches if len(batch) == size]


class WordPlaces(NamedTuple):
    """Where the pieces of words stand on pages, one entry for each piece.

    Attributes:
        rows, columns: place of the piece.
        words: number of the word it belongs to, counted through all pages.
    """

    rows: Int64[Tensor, " pieces"]
    columns: Int64[Tensor, " pieces"]
    words: Int64[Tensor, " pieces"]


def word_places(wordpiece: WordPiece, rows: Sequence[Sequence[Sentence]]) -> WordPlaces:
    """The places of all words on ``pages(wordpiece, rows)``."""
    found, word = [], 0
    for row, sentences in enumerate(rows):
        column = 1  # behind [CLS]
        for sentence in sentences:
            for text in sentence:
                length = len(wordpiece.word_ids(text))
                found += [(row, place, word) for place in range(column, column + length)]
                column, word = column + length, word + 1
            column += 1  # behind [SEP]
    return WordPlaces(*torch.tensor(found).T)
