"""Word2Vec: words that keep the same company get similar vectors (Mikolov et al. 2013)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from xmodal_lab.encoders.text import sampling
from xmodal_lab.encoders.text.negative_sampling import (
    cbow_loss,
    pull_and_push,
    shared_noise_loss,
    skip_gram_loss,
)
from xmodal_lab.encoders.text.progress import (
    Progress,
    Reports,
    check_fit,
    check_sizes,
    check_words,
)
from xmodal_lab.encoders.text.sampling import Examples
from xmodal_lab.encoders.text.vectors import WordVectors

__all__ = ["Word2Vec", "cbow_loss", "skip_gram_loss"]

EXAMPLES = {
    "skip-gram": sampling.skip_gram_examples,
    "cbow": sampling.cbow_examples,
}
LEARNING_RATES = {"skip-gram": 0.025, "cbow": 0.1}
# All examples of so many tokens are made at once: half a million pairs, however long the corpus.
CHUNK = 50_000
SHARED_NOISE = 32
# A word met n times in a batch is moved n times from one and the same place. Up to so many times
# that is as good as one after the other; beyond, the sum is scaled down to as many.
TOGETHER = 32
LAST_RATE = 0.004
LOSS_EVERY = 16


class Word2Vec:
    """Skip-gram or CBOW with negative sampling, trained by gradient descent on plain tensors.

    ``model = Word2Vec(documents, vocabulary=400)``, ``for progress in model.fit(epochs=10): ...``,
    ``model.vectors(words)``. Word by word it is what word2vec.c and gensim do; here a batch of
    pairs moves at once and shares its noise words, and CBOW follows its true gradient.

    Args:
        documents: word ids in reading order; no window leaves its document.
        vocabulary: how many ids there are.
        dim: length of the vectors.
        architecture: 'skip-gram' or 'cbow'.
        window: the farthest neighbours that a word may see; each draws 1 … window.
        negatives: noise words for every true neighbour.
        subsample: threshold of ``sampling.keep_probability``, by the program's formula; None to
            keep all words.
        noise_power: see ``sampling.noise_distribution``.
        seed: same seed, same vectors: bit for bit on one CPU thread.
        device: where the vectors live.

    Attributes:
        words: (vocabulary, dim) the word vectors.
        contexts: (vocabulary, dim) the vectors that words have as somebody's neighbour.

    Raises:
        ValueError: for an unknown architecture, sizes below 1, a vocabulary of fewer than two
            words, ids outside of it, or documents without two words to be neighbours.
    """

    def __init__(
        self,
        documents: Sequence[Tensor],
        vocabulary: int,
        dim: int = 64,
        architecture: str = "skip-gram",
        window: int = 5,
        negatives: int = 5,
        subsample: float | None = 1e-3,
        noise_power: float = 0.75,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ):
        if architecture not in EXAMPLES:
            raise ValueError(f"architecture must be one of {list(EXAMPLES)}, got {architecture!r}")
        check_sizes(dim=dim, window=window, negatives=negatives)
        self._tokens, self._document = _joined(documents, vocabulary)
        self._architecture, self._window, self._negatives = architecture, window, negatives
        self._generator = torch.Generator().manual_seed(seed)
        counts = torch.bincount(self._tokens, minlength=vocabulary).double()
        self._noise = sampling.noise_distribution(counts, noise_power)
        self._keep = torch.ones_like(counts)
        if subsample is not None:
            self._keep = sampling.keep_probability(counts, subsample, program=True)
        kept = counts * self._keep
        self._frequency = kept / kept.sum()
        start = torch.rand(vocabulary, dim, generator=self._generator) - 0.5
        self.words: Float[Tensor, "vocabulary dim"] = (start / dim).to(device)
        self.contexts = torch.zeros_like(self.words)

    def fit(
        self,
        epochs: int = 10,
        learning_rate: float | None = None,
        reports: int = 1,
        batch_size: int = 1024,
    ) -> Iterator[Progress]:
        """Train, yielding progress: break, look, plot, as you like; what is learned stays.

        The learning rate falls in a straight line to almost nothing. Calling again trains on.

        Args:
            epochs: how often the corpus is read.
            learning_rate: at the start, for one example; by default 0.025 for skip-gram and 0.1
                for CBOW, whose neighbours share one gradient among them.
            reports: how many in every epoch.
            batch_size: examples in a step; pairs in skip-gram, tokens in CBOW.

        Raises:
            ValueError: for numbers below 1, a learning rate that is not above 0, a loss that is no
                number any more, or where subsampling leaves no neighbours.
        """
        if learning_rate is None:
            learning_rate = LEARNING_RATES[self._architecture]
        check_fit(epochs, learning_rate, reports)
        check_sizes(batch_size=batch_size)
        return self._fit(epochs, learning_rate, Reports(self.vectors, reports), batch_size)

    def vectors(self, words: Sequence[str]) -> WordVectors:
        """A copy of the word vectors, ``words[i]`` for id i."""
        check_words(words, len(self.words))
        return WordVectors(tuple(words), self.words.cpu().clone())

    def _fit(
        self, epochs: int, learning_rate: float, reports: Reports, batch_size: int
    ) -> Iterator[Progress]:
        shares = self._shares(batch_size)
        for epoch in range(epochs):
            number = 0
            for done, examples, noise in self._batches(batch_size):
                falling = 1 - (epoch + done) / epochs
                measure = number % LOSS_EVERY == 0 or reports.empty
                loss = self._step(
                    examples, noise, learning_rate * max(falling, LAST_RATE), shares, measure
                )
                if loss is not None:
                    reports.add(loss)
                number += 1
                if (progress := reports.due(epoch + done)) is not None:
                    yield progress
            if not number:
                raise ValueError("subsampling left no two neighbours: raise subsample or pass None")

    def _batches(self, size: int) -> Iterator[tuple[float, Examples, Tensor]]:
        """One epoch of examples and noise, with the share of the epoch that they complete."""
        tokens, device = len(self._tokens), self.words.device
        chunk = math.ceil(tokens / math.ceil(tokens / CHUNK))
        for start in range(0, tokens, chunk):
            stop = min(start + chunk, tokens)
            examples = self._shuffled_examples(slice(start, stop))
            if not len(examples.targets):
                continue
            batches = list(zip(*(part.to(device).split(size) for part in examples), strict=True))
            drawn = torch.multinomial(
                self._noise,
                len(batches) * SHARED_NOISE,
                replacement=True,
                generator=self._generator,
            )
            noise = drawn.to(device).split(SHARED_NOISE)
            for number, batch in enumerate(batches):
                done = start + (stop - start) * (number + 1) / len(batches)
                yield done / tokens, Examples(*batch), noise[number]

    def _shuffled_examples(self, part: slice) -> Examples:
        """The examples of a part of the corpus: subsampled first, so that windows reach farther."""
        words, document = self._tokens[part], self._document[part]
        kept = torch.rand(len(words), generator=self._generator) < self._keep[words]
        words, document = words[kept], document[kept]
        positions, seen = sampling.neighbours(document, self._window, self._generator)
        examples = EXAMPLES[self._architecture](words, positions, seen)
        order = torch.randperm(len(examples.targets), generator=self._generator)
        return Examples(*(column[order] for column in examples))

    def _step(
        self, examples: Examples, noise: Tensor, rate: float, shares: _Shares, measure: bool
    ) -> Tensor | None:
        """Move the rows of this batch; the loss before, if it is to be measured."""
        inputs, weights, targets = examples
        for_words, for_contexts = (rate * share for share in shares)
        query = _gather(self.words, inputs, weights)
        target, noisy = (self.contexts.index_select(0, ids) for ids in (targets, noise))
        loss = None
        if measure:
            loss = shared_noise_loss(query, target, noisy, self._negatives)
        for_query, for_target, for_noise = pull_and_push(query, target, noisy, self._negatives)
        _scatter(self.words, inputs, -for_words[inputs] * weights, for_query)
        _scatter(self.contexts, targets[:, None], -for_contexts[targets, None], for_target)
        _scatter(self.contexts, noise[:, None], -for_contexts[noise, None], for_noise)
        return loss

    def _shares(self, batch_size: int) -> _Shares:
        """What share of its summed gradient each word follows: all of it, unless it is frequent."""
        asks = self._frequency * (1 + self._negatives)
        answers = self._frequency + self._negatives * self._noise
        # Every part of the batch pulls or pushes: how often does a word take part?
        return tuple(
            (TOGETHER / (batch_size * times)).clamp(max=1).to(self.words)
            for times in (asks, answers)
        )


_Shares = tuple[Tensor, ...]


def _gather(table: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
    """Row b: the sum over w of ``weights[b, w]`` times row ``ids[b, w]`` of the table."""
    if ids.shape[1] == 1:  # skip-gram: one word asks, with all its weight
        return table.index_select(0, ids[:, 0])
    rows = table.index_select(0, ids.flatten()).unflatten(0, ids.shape)
    return torch.einsum("bw,bwd->bd", weights, rows)


def _scatter(table: Tensor, ids: Tensor, weights: Tensor, rows: Tensor) -> None:
    """Add ``weights[b, w]`` times ``rows[b]`` to row ``ids[b, w]`` of the table."""
    if ids.shape[1] == 1:
        table.index_add_(0, ids[:, 0], rows * weights)
    else:
        table.index_add_(0, ids.flatten(), (weights[..., None] * rows[:, None]).flatten(0, 1))


def _joined(documents: Sequence[Tensor], vocabulary: int) -> tuple[Tensor, Tensor]:
    """All tokens in one row, and the number of each one's document."""
    if vocabulary < 2:
        raise ValueError(f"a vocabulary of two words or more is needed, got {vocabulary}")
    documents = [document.cpu() for document in documents]
    if not any(len(document) > 1 for document in documents):
        raise ValueError(
            f"no document has two words or more, so nothing has a neighbour: got {len(documents)} "
            "documents"
        )
    tokens = torch.cat(documents)
    if tokens.is_floating_point():
        raise ValueError(f"word ids must be whole numbers, got {tokens.dtype}")
    tokens = tokens.long()
    low, high = tokens.min().item(), tokens.max().item()
    if low < 0 or high >= vocabulary:
        raise ValueError(f"ids must lie in 0 … {vocabulary - 1}, got {low} … {high}")
    lengths = torch.tensor([len(document) for document in documents])
    return tokens, torch.repeat_interleave(torch.arange(len(documents)), lengths)
