"""A tiny BERT, trained in front of you: a Transformer encoder that reads in both directions.

The model is that of the library ``transformers``, some hundred times smaller than the published
one. What makes it BERT are its two tasks (see ``bert_tasks``), and those are written out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertConfig, BertForPreTraining
from transformers.modeling_outputs import BaseModelOutputWithPoolingAndCrossAttentions

from xmodal_lab.batch import Batch, Entries
from xmodal_lab.encoders.text.bert_tasks import IGNORED, Pages, Sentence, pages, word_places
from xmodal_lab.encoders.text.wordpiece import PAD, WordPiece
from xmodal_lab.objective import mean_over


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


class TwoTasks(nn.Module):
    """A BERT with both heads as ``training.fit`` wants a model: a batch goes in, scores come out.

    Pieces are scored only where one was hidden, a seventh of the work.

    Args:
        bert: with both of its heads; it is trained itself, not a copy.
    """

    def __init__(self, bert: BertForPreTraining) -> None:
        super().__init__()
        self.bert = bert

    def forward(self, batch: Entries) -> dict[str, Tensor]:
        """'words': (hidden, pieces) scores where a piece was hidden; 'follows': (batch, 2).

        Raises:
            ValueError: for pages that are longer than the model reads.
        """
        seen = read(self.bert, Pages(batch["pages"], batch["kinds"].values))
        states = seen.last_hidden_state[batch["labels"].values != IGNORED]
        return {
            "words": self.bert.cls.predictions(states),
            "follows": self.bert.cls.seq_relationship(seen.pooler_output),
        }


def _terms(batch: Batch) -> dict[str, int]:
    hidden = int((batch["labels"].values != IGNORED).sum())
    return {"masked words": hidden, "hidden piece found": hidden, "next sentence": batch.size}


@mean_over(_terms)
def two_losses(outputs: Mapping[str, Tensor], batch: Entries) -> dict[str, Float[Tensor, ""]]:
    """The losses of BERT's two tasks, and the share of right answers in each.

        L = − 1/|M| Σ_{t∈M} ln p(w_t | hidden text)  −  1/B Σ_i ln p(follows_i | [CLS]_i)

    Equal to what ``transformers`` returns as its loss where it is given the labels.

    Args:
        outputs: what ``TwoTasks`` gave.
        batch: what ``bert_tasks.Pretraining`` made.
    """
    words, verdict = outputs["words"], outputs["follows"]
    labels = batch["labels"].values
    hidden = labels[labels != IGNORED]
    # The library's convention: class 0 is 'it follows', class 1 'it is a stranger'.
    stranger = (~batch["follows"]).long()
    return {
        "masked words": F.cross_entropy(words, hidden),
        "next sentence": F.cross_entropy(verdict, stranger),
        "hidden piece found": (words.argmax(-1) == hidden).float().mean(),
        "next sentence right": (verdict.argmax(-1) == stranger).float().mean(),
    }


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
