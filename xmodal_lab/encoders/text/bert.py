"""A tiny BERT, trained in front of you: a Transformer encoder that reads in both directions.

The model is that of the library ``transformers``, some hundred times smaller than the published
one. What makes it BERT are its two tasks (see ``bert_tasks``), and those are written out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertConfig, BertForPreTraining, get_cosine_schedule_with_warmup
from transformers.modeling_outputs import BaseModelOutputWithPoolingAndCrossAttentions

from xmodal_lab.datasets.corpus import Story
from xmodal_lab.encoders.text.bert_tasks import (
    IGNORED,
    Pages,
    Sentence,
    SentencePair,
    mask_tokens,
    pages,
    sentence_pairs,
    word_places,
)
from xmodal_lab.encoders.text.wordpiece import PAD, WordPiece


@dataclass(frozen=True)
class Step:
    """What one step of training did, measured before its update.

    Attributes:
        number: 1 for the first step.
        steps: how many there will be.
        masked_loss, next_loss: of the two tasks, in nats.
        masked_right, next_right: share of right answers in this batch.
    """

    number: int
    steps: int
    masked_loss: float
    next_loss: float
    masked_right: float
    next_right: float

    @property
    def loss(self) -> float:
        return self.masked_loss + self.next_loss


def tiny_bert(
    pieces: int, hidden: int = 64, layers: int = 2, heads: int = 4, longest: int = 96, seed: int = 0
) -> BertForPreTraining:
    """An untrained BERT with both of its heads, in evaluation mode.

    Args:
        pieces: size of the vocabulary.
        hidden: size of each piece's vector; a multiple of ``heads``.
        layers, heads: of attention.
        longest: most pieces on a page.
        seed: of the weights.

    Source: Devlin et al. 2019.
    """
    # Without dropout: no text is read more than a few times, there is nothing to learn by heart.
    config = BertConfig(
        vocab_size=pieces,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=2 * hidden,
        max_position_embeddings=longest,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=PAD,
        # The published 0.02 suits vectors of 768 numbers; with 64 attention would begin blind.
        initializer_range=0.05,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BertForPreTraining(config).eval()


def read(model: BertForPreTraining, batch: Pages) -> BaseModelOutputWithPoolingAndCrossAttentions:
    """States of all pieces (``last_hidden_state``), and what stands at [CLS] (``pooler_output``).

    Raises:
        ValueError: for pages that are longer than the model reads.
    """
    length, longest = batch.ids.values.shape[1], model.config.max_position_embeddings
    if length > longest:
        raise ValueError(
            f"a page has {length} pieces, this model reads at most {longest}: "
            f"shorten the sentences or build it with longest={length}"
        )
    return model.bert(**batch.inputs())


def two_losses(
    model: BertForPreTraining,
    batch: Pages,
    labels: Tensor,
    follows: Bool[Tensor, " batch"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""], float, float]:
    """Losses of BERT's two tasks, and the share of right answers in each.

        L = − 1/|M| Σ_{t∈M} ln p(w_t | hidden text)  −  1/B Σ_i ln p(follows_i | [CLS]_i)

    Equal to what the model returns as its loss when it is given the labels; but the pieces are
    scored only where one was hidden, a seventh of the work.

    Args:
        batch: pages with hidden pieces.
        labels: (batch, time), −100 where nothing was hidden.
        follows: whether the second sentence is the true one.
    """
    seen = read(model, batch)
    hidden = labels != IGNORED
    scores = model.cls.predictions(seen.last_hidden_state[hidden])
    # The library's convention: class 0 is 'it follows', class 1 'it is a stranger'.
    verdict, truth = model.cls.seq_relationship(seen.pooler_output), (~follows).long()
    guessed_word, guessed_next = scores.argmax(-1) == labels[hidden], verdict.argmax(-1) == truth
    return (
        F.cross_entropy(scores, labels[hidden]),
        F.cross_entropy(verdict, truth),
        guessed_word.float().mean().item(),
        guessed_next.float().mean().item(),
    )


def train(
    model: BertForPreTraining,
    wordpiece: WordPiece,
    stories: Sequence[Story],
    steps: int = 2000,
    batch_size: int = 32,
    learning_rate: float = 4e-3,
    warmup: int = 100,
    share: float = 0.15,
    seed: int = 0,
) -> Iterator[Step]:
    """Train both tasks at once, yielding after every step; the model changes in place.

    ``for step in train(model, wordpiece, stories): ...`` — break, look, plot, as you like.

    Args:
        stories: what to read; every pass makes new pairs and hides other pieces.
        steps: how many in all. For the first few hundred the model only learns how frequent words
            are; then it discovers the context, and the loss falls again.
        batch_size: pairs of sentences a step.
        learning_rate: AdamW's at its highest, behind a linear rise, before half a cosine to zero.
        warmup: steps of the rise.
        share: of the pieces that are hidden.
        seed: decides pairs, order and hidden pieces.

    Raises:
        ValueError: for too few stories, or a batch that they do not fill.
    """
    device = next(model.parameters()).device
    optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.01)
    schedule = get_cosine_schedule_with_warmup(optimiser, warmup, steps)
    generator = torch.Generator().manual_seed(seed)
    batches = _batches(wordpiece, stories, batch_size, seed)
    model.train()
    try:
        for number in range(1, steps + 1):
            batch, follows = next(batches)
            hidden, labels = mask_tokens(batch.ids.values, len(wordpiece), generator, share)
            batch = Pages(batch.ids._replace(values=hidden), batch.kinds).to(device)
            masked, following, *right = two_losses(
                model, batch, labels.to(device), follows.to(device)
            )
            optimiser.zero_grad(set_to_none=True)
            (masked + following).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            yield Step(number, steps, masked.item(), following.item(), *right)
    finally:
        model.eval()


def _batches(
    wordpiece: WordPiece, stories: Sequence[Story], batch_size: int, seed: int
) -> Iterator[tuple[Pages, Tensor]]:
    """Batches of pairs without end; pairs of a batch have nearly the same length."""
    epoch = 0
    while True:
        pairs = sentence_pairs(stories, seed=seed * 10_007 + epoch)
        if len(pairs) < batch_size:
            raise ValueError(f"{len(pairs)} pairs do not fill a batch of {batch_size}")
        # Sorted by length within 16 batches: less padding, and still another mix in every pass.
        groups = [pairs[i : i + 16 * batch_size] for i in range(0, len(pairs), 16 * batch_size)]
        batches = [batch for group in groups for batch in _by_length(group, batch_size)]
        for i in torch.randperm(len(batches), generator=torch.Generator().manual_seed(epoch)):
            batch: list[SentencePair] = batches[i]
            follows = torch.tensor([pair.follows for pair in batch])
            yield pages(wordpiece, [(pair.first, pair.second) for pair in batch]), follows
        epoch += 1


def _by_length(pairs: list[SentencePair], size: int) -> list[list[SentencePair]]:
    pairs = sorted(pairs, key=lambda pair: len(pair.first) + len(pair.second))
    batches = [pairs[i : i + size] for i in range(0, len(pairs), size)]
    return [batch for batch in batches if len(batch) == size]


@torch.no_grad()
def contextual(
    model: BertForPreTraining, wordpiece: WordPiece, sentences: Sequence[Sentence], chunk: int = 256
) -> tuple[Float[Tensor, "words dim"], list[int]]:
    """A vector for every word *where it stands*: the mean over its pieces in the last layer.

    Args:
        model: trained or not.
        wordpiece: cuts the words.
        sentences: each read on its own.
        chunk: how many at a time.

    Returns:
        The vectors of all words of all sentences, and where each sentence begins among them:
        word i of sentence s is ``vectors[offsets[s] + i]``.
    """
    device, found = next(model.parameters()).device, []
    for start in range(0, len(sentences), chunk):
        some = [(sentence,) for sentence in sentences[start : start + chunk]]
        batch = pages(wordpiece, some).to(device)
        states = read(model, batch).last_hidden_state
        row, column, word = (place.to(device) for place in word_places(wordpiece, some))
        sums = states.new_zeros(int(word[-1]) + 1, states.shape[-1])
        sums.index_add_(0, word, states[row, column])
        found.append(sums / torch.bincount(word)[:, None])
    offsets = [0]
    for sentence in sentences:
        offsets.append(offsets[-1] + len(sentence))
    return torch.cat(found), offsets[:-1]


@torch.no_grad()
def sentence_vectors(
    model: BertForPreTraining,
    wordpiece: WordPiece,
    sentences: Sequence[Sentence],
    how: Literal["cls", "mean"] = "mean",
    chunk: int = 256,
) -> Float[Tensor, "sentences dim"]:
    """One vector for each sentence, pooled from the last layer."""
    device, found = next(model.parameters()).device, []
    for start in range(0, len(sentences), chunk):
        some = [(sentence,) for sentence in sentences[start : start + chunk]]
        batch = pages(wordpiece, some).to(device)
        found.append(pool(read(model, batch).last_hidden_state, batch.ids.mask, how))
    return torch.cat(found)


def pool(
    hidden: Float[Tensor, "batch time dim"],
    mask: Bool[Tensor, "batch time"],
    how: Literal["cls", "mean"] = "mean",
) -> Float[Tensor, "batch dim"]:
    """One vector for each row: at [CLS], or the mean over all real pieces.

        cls: y = h_0        mean: y = Σ_t m_t h_t / Σ_t m_t

    Args:
        hidden: states of the pieces.
        mask: True where a piece is real; [CLS] and [SEP] are, padding is not.
        how: 'cls' or 'mean'.

    Raises:
        ValueError: for another ``how``, or a row of padding alone.

    Source: Devlin et al. 2019 ([CLS]); Reimers and Gurevych 2019 (mean).
    """
    if how == "cls":
        return hidden[:, 0]
    if how != "mean":
        raise ValueError(f"how must be 'cls' or 'mean', got {how!r}")
    lengths = mask.sum(1, keepdim=True)
    if (lengths == 0).any():
        raise ValueError("a row holds nothing but padding: it has no mean")
    return hidden.masked_fill(~mask[:, :, None], 0).sum(1) / lengths
