"""A pretrained BERT: sentences and words become vectors that took days to learn."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from xmodal_lab.encoders.pretrained.weights import Published, unusable
from xmodal_lab.runtime import current


@dataclass(frozen=True)
class PretrainedText:
    """A pretrained encoder of sentences and of words in their sentences.

    Attributes:
        name: as given to ``load``.
        source: in words, where the weights came from.
        model, tokenizer: those of ``transformers``.
    """

    name: str
    source: str
    model: Any
    tokenizer: Any

    @property
    def dim(self) -> int:
        """Size of every vector."""
        return self.model.config.hidden_size

    @property
    def longest(self) -> int:
        """Most pieces of a sentence, [CLS] and [SEP] counted."""
        return self.model.config.max_position_embeddings

    def tokens(self, sentence: str) -> list[str]:
        """The pieces as the model reads them, [CLS] and [SEP] included."""
        return self.tokenizer.convert_ids_to_tokens(self._read([sentence])["input_ids"][0])

    @torch.no_grad()
    def embed(
        self, sentences: Sequence[str], pool: Literal["mean", "cls"] = "mean", chunk: int = 64
    ) -> Float[Tensor, "sentences dim"]:
        """One vector for each sentence; not normalised.

        Args:
            sentences: any number of them, at least one.
            pool: 'mean' over all pieces, padding left out; 'cls' for the vector at [CLS].
            chunk: how many are read at a time.

        Raises:
            ValueError: for no sentence, an empty one, one that is too long, or an unknown pool.
        """
        if pool not in ("mean", "cls"):
            raise ValueError(f"pool must be 'mean' or 'cls', got {pool!r}")
        _check(sentences)
        found = []
        for start in range(0, len(sentences), chunk):
            batch = self._read(sentences[start : start + chunk], return_tensors="pt")
            states, mask = self._states(batch), batch["attention_mask"].bool()
            found.append(states[:, 0] if pool == "cls" else masked_mean(states, mask.to(states)))
        return torch.cat(found)

    @torch.no_grad()
    def words(self, sentence: str) -> tuple[list[str], Float[Tensor, "words dim"]]:
        """Every word of a sentence, and its vector in that sentence: the mean over its pieces.

        Punctuation marks count as words.
        """
        batch = self._read([sentence], return_tensors="pt")
        owners = batch.word_ids(0)
        spans = [
            batch.word_to_chars(0, word) for word in sorted({o for o in owners if o is not None})
        ]
        places = torch.tensor([-1 if owner is None else owner for owner in owners])
        states = self._states(batch)[0]
        vectors = [states[places.to(states.device) == word].mean(0) for word in range(len(spans))]
        return [sentence[span.start : span.end] for span in spans], torch.stack(vectors)

    def _states(self, batch: Any) -> Float[Tensor, "rows time dim"]:
        return self.model(**batch.to(self.model.device)).last_hidden_state

    def _read(self, sentences: Sequence[str], **options: Any) -> Any:
        _check(sentences)
        # The tokenizer's file may ask to cut what is long, without a word.
        batch = self.tokenizer(list(sentences), padding=True, truncation=False, **options)
        if (length := len(batch["input_ids"][0])) > self.longest:
            raise ValueError(
                f"a sentence has {length} pieces, {self.name} reads at most {self.longest}: cut it"
            )
        return batch


def masked_mean(
    states: Float[Tensor, "rows time dim"], mask: Float[Tensor, "rows time"]
) -> Float[Tensor, "rows dim"]:
    """The mean over the real steps: Σ_t m_t h_t / Σ_t m_t."""
    return (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)


def read(name: str, published: Published, folder: Path, source: str) -> PretrainedText:
    """The encoder whose files lie in a folder.

    Raises:
        WeightsMissing: where a file is damaged, or weights are lacking or no numbers.
    """
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer

    safe = {"local_files_only": True, "trust_remote_code": False}
    try:
        json.loads((folder / "config.json").read_text(encoding="utf-8"))  # its error says the place
        with _quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, **safe)
            model, loaded = AutoModel.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, **safe
            )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        line = str(error).strip().splitlines()[0] if str(error).strip() else ""
        why = f"a file is damaged or of another kind of model ({type(error).__name__}: {line})"
        raise unusable(name, published, folder, why) from error
    # Weights that a file lacks would be random numbers, and nothing would tell. The pooler, a
    # layer behind [CLS] that is not used here, may lack.
    if lacking := sorted(key for key in loaded["missing_keys"] if "pooler" not in key):
        raise unusable(name, published, folder, f"it lacks {len(lacking)} weights, as {lacking[0]}")
    if not all(parameter.isfinite().all() for parameter in model.parameters()):
        raise unusable(name, published, folder, "some of its weights are no numbers")
    if not tokenizer.is_fast:
        raise unusable(name, published, folder, "its tokenizer cannot tell which piece is whose")
    return PretrainedText(name, source, model.eval().to(current().device), tokenizer)


def _check(sentences: Sequence[str]) -> None:
    if isinstance(sentences, str):
        raise ValueError(f"expected a list of sentences, got one: write [{sentences!r}]")
    if not len(sentences) or not all(isinstance(s, str) and s.strip() for s in sentences):
        raise ValueError("there is no sentence, or one of them is empty")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No progress bar and no list of unused heads: a notebook's output stays the same."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
