"""What the pretrained encoders share: where they come from, being frozen, and files that fail."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xmodal_lab.batch import Padded
from xmodal_lab.encoders.encoder import Encoder
from xmodal_lab.encoders.image.picture import evaluating
from xmodal_lab.encoders.pretrained.weights import Published, digest, find, unusable
from xmodal_lab.runtime import current

# Nothing is fetched behind our back, and no code that comes with a model is run.
SAFE = {"local_files_only": True, "trust_remote_code": False}


class PretrainedEncoder(Encoder):
    """An encoder whose weights others trained, found again by their name and SHA-256.

    It is frozen unless asked: without gradient, and in evaluation mode whatever is trained around
    it. A frozen one is not written into checkpoints; its name and its weights' SHA-256 are.

    A subclass says what is ``published``, and in ``opened(folder)`` how it is read.

    Args:
        name: of a published model.
        folder: where its files lie. By default ``$XMODAL_MODELS/name``, an installed package, the
            hub's cache and the hub are tried, in this order.
        frozen: False to train it further.
        revision: SHA-256 that the file of its weights must have; None for any.

    Attributes:
        name: as given.
        source: in words, where the weights came from.
        model: that of ``transformers``, or our own.

    Raises:
        WeightsMissing: in one line, what was looked for where, and how to get it; also where a
            file is damaged, weights are lacking or no numbers, or those of another revision.
        ValueError: for an unknown name.
    """

    published: dict[str, Published]
    model: nn.Module
    # Parts of the names of weights that are not used here; a file may lack them.
    unused: tuple[str, ...] = ("pooler",)

    def __init__(
        self,
        name: str,
        folder: str | Path | None = None,
        frozen: bool = True,
        revision: str | None = None,
    ) -> None:
        super().__init__()
        if name not in self.published:
            raise ValueError(f"unknown model {name!r}: choose one of {', '.join(self.published)}")
        self.name = name
        self._place, self.source = find(name, self.published[name], folder)
        if revision is not None and revision != self.revision:
            raise self.unusable(
                f"its weights are others, with SHA-256 {self.revision}, wanted {revision}"
            )
        self.model = self.opened(self._place)
        self.model.to(current().device).requires_grad_(not frozen)
        self.eval()

    def opened(self, folder: Path) -> nn.Module:
        """The model whose files lie in a folder."""
        raise NotImplementedError(f"{type(self).__name__} has no opened(folder)")

    @property
    def config(self) -> dict[str, Any]:
        """Not the folder: on another machine the weights lie elsewhere."""
        return {"name": self.name, "frozen": self.frozen, "revision": self.revision}

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
            raise self.unusable(f"it has changed since it was read ({error})") from error

    @property
    def dim(self) -> int:
        """Size of every vector."""
        return self.output_dim

    def train(self, mode: bool = True) -> PretrainedEncoder:
        """Where frozen, the mode stays that of evaluation: no dropout."""
        return super().train(mode and not self.frozen)

    def unusable(self, why: str) -> Exception:
        """The error for files that are there and no good."""
        return unusable(self.name, self.published[self.name], self._place, why)

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """What goes wrong while files are read, as ``WeightsMissing`` in one line.

        Quiet, too: no progress bar and no list of unused heads, so that a notebook's output stays
        the same.
        """
        from safetensors import SafetensorError

        try:
            for file in self.published[self.name].files:
                if file.endswith(".json"):  # the error of a damaged one says the place
                    json.loads((self._place / file).read_text(encoding="utf-8"))
            with _quiet():
                yield
        except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
            line = (str(error).strip().splitlines() or [""])[0][:200]
            why = f"a file is damaged or of another kind of model ({type(error).__name__}: {line})"
            raise self.unusable(why) from error

    def complete(self, model: nn.Module, lacking: Iterable[str]) -> nn.Module:
        """The model, where its file held every weight that is used.

        Weights that a file lacks would be random numbers, and nothing would tell.

        Args:
            lacking: names of weights that the file lacks. Those that are not used here may be
                among them, as the pooler, a layer behind [CLS].
        """
        if lacking := sorted(k for k in lacking if not any(part in k for part in self.unused)):
            raise self.unusable(f"it lacks {len(lacking)} weights, as {lacking[0]}")
        if not all(parameter.isfinite().all() for parameter in model.parameters()):
            raise self.unusable("some of its weights are no numbers")
        return model


class PreparedEncoder(PretrainedEncoder):
    """One whose inputs are prepared as they were in training, by a class of ``transformers``.

    Attributes:
        processor: an object of that class, with the numbers of the model's own
            ``preprocessor_config.json``.
    """

    def architecture(self) -> tuple[Any, Any]:
        """The classes of ``transformers`` that prepare inputs and read them."""
        raise NotImplementedError(f"{type(self).__name__} has no architecture()")

    def opened(self, folder: Path) -> nn.Module:
        with self.explained():
            # By its class: published files name classes that have gone since.
            processor, network = self.architecture()
            self.processor = processor.from_pretrained(folder, **SAFE)
            model, loaded = network.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, **SAFE
            )
        return self.complete(model, loaded["missing_keys"])

    def embedded(
        self, several: Any, read: Callable[[Any], Tensor | Padded], chunk: int
    ) -> Float[Tensor, "count dim"]:
        """One vector for each of several things in a row, without gradient, a chunk at a time."""
        parts = [several[i : i + chunk] for i in range(0, len(several), chunk)]
        device = next(self.model.parameters()).device
        with evaluating(self), torch.no_grad():
            return torch.cat([self(read(part).to(device)).cpu() for part in parts])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
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
