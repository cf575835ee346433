"""Questions about pictures: a question, the cells of a picture, and a way to bring them together.

A batch has 'text', the question's word ids, and 'image', the states of a trunk's grid: the trunk is
frozen, looks at each picture once (``cells_of``), and what it saw is kept in half precision.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from xmodal_lab.batch import Entries, Padded
from xmodal_lab.datasets.crowds import ANSWERS, KINDS, WORDS, Questions
from xmodal_lab.encoders.image import GridCNN, PictureEncoder
from xmodal_lab.encoders.text import TextEncoder
from xmodal_lab.fusion import Hops, Tally
from xmodal_lab.tasks import shipping

TRUNK, ANSWERER = "crowd_trunk.safetensors", "answerer.safetensors"
QUERY = 64  # size of a question's vector
HIDDEN = 128  # of the layer before the answers


class Answerer(nn.Module):
    """A question encoder, fusions of its vector with a picture's cells, and a head for all answers.

        q = text(words),   l = W₂ relu( W₁ [f_1(q, cells), f_2(q, cells), …] + b₁ ) + b₂

    Args:
        fusions: by name; each maps a query (batch, 64) and ``Padded`` states to (batch,
            ``output_dim``).
    """

    def __init__(self, fusions: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.text = TextEncoder(WORDS, embedding_dim=32, hidden_dim=QUERY // 2)
        self.fusions = nn.ModuleDict(fusions)
        width = sum(fusion.output_dim for fusion in self.fusions.values())
        self.head = nn.Sequential(
            nn.Linear(width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, len(ANSWERS))
        )

    def forward(self, batch: Entries) -> Float[Tensor, "batch answers"]:
        """Logits of ``crowds.ANSWERS``.

        Raises:
            ValueError: for a question without words.
        """
        query, states = self.inputs(batch)
        return self.head(torch.cat([fuse(query, states) for fuse in self.fusions.values()], 1))

    def inputs(self, batch: Entries) -> tuple[Float[Tensor, "batch 64"], Padded]:
        """The question's vector and the picture's cells, as the fusions get them.

        Raises:
            ValueError: for a question without words.
        """
        words, cells = batch["text"], batch["image"]
        if (empty := words.lengths < 1).any():
            raise ValueError(f"row {int(empty.nonzero()[0])} asks nothing: it has no words")
        query = self.text(words)
        places = torch.full(cells.shape[:1], cells.shape[1], device=cells.device)
        return query, Padded(cells.to(query.dtype), places)

    @torch.no_grad()
    def looks(self, batch: Entries) -> Float[Tensor, "batch hops cells"]:
        """Where each look of its ``Hops`` goes; a look's weights sum to 1."""
        return self.fusions["hops"].looks(*self.inputs(batch))[1]


def hopping(hops: int = 2, relative: bool = True, tally: bool = True, dim: int = 64) -> Answerer:
    """An untrained answerer that looks at the cells, and counts them too if it may."""
    fusions: dict[str, nn.Module] = {"hops": Hops(QUERY, dim, hops, relative=relative)}
    return Answerer(fusions | ({"tally": Tally(QUERY, dim)} if tally else {}))


@torch.no_grad()
def cells_of(
    trunk: PictureEncoder, images: Tensor | np.ndarray, chunk: int = 250
) -> Float[Tensor, "count cells dim"]:
    """What a trunk sees in every picture, in half precision; on the CPU: 8 kB a picture.

    The trunk answers in the mode it is in: call ``eval()`` where it has been trained.
    """
    parts = torch.as_tensor(images).split(chunk)
    return torch.cat([trunk.states(p.to(trunk.device)).values.half().cpu() for p in parts])


@torch.no_grad()
def answered(
    model: nn.Module, questions: Questions, pictures: Tensor, chunk: int = 500
) -> Int64[Tensor, " questions"]:
    """The most probable answer to each question, as a number in ``crowds.ANSWERS``; on the CPU.

    Args:
        model: maps a batch to logits; it answers in evaluation mode.
        questions: about the rows of ``pictures``.
        pictures: what the model reads of each crowd: cells, or images.
        chunk: questions at a time.
    """
    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    try:
        parts = torch.arange(len(questions)).split(chunk)
        batches = (questions.batch(pictures, rows).to(device) for rows in parts)
        return torch.cat([model(batch).argmax(1).cpu() for batch in batches])
    finally:
        model.train(was_training)


def accuracy_by_kind(found: Int64[Tensor, " questions"], questions: Questions) -> dict[str, float]:
    """Share of right answers: 'all', and of each kind that was asked; 0 to 1.

    Raises:
        ValueError: where there are not as many answers as questions.
    """
    if len(found) != len(questions):
        raise ValueError(f"{len(found)} answers cannot be held against {len(questions)} questions")
    right = (found == questions.answers).double()
    kinds = {kind: torch.from_numpy(questions.kinds == kind) for kind in KINDS}
    shares = {kind: right[rows].mean().item() for kind, rows in kinds.items() if rows.any()}
    return {"all": right.mean().item()} | shares


def load_trunk() -> GridCNN:
    """The trunk that ships: it learned what stands in each cell, and stays as it is.

    Raises:
        DamagedFileError: where the file is missing or changed, with the way to mend it.
    """
    return shipping.filled(TRUNK, GridCNN()).requires_grad_(False)


def load_answerer() -> Answerer:
    """The two-hop answerer that ships, trained on cells of ``load_trunk``.

    Raises:
        DamagedFileError: where the file is missing or changed, with the way to mend it.
    """
    return shipping.filled(ANSWERER, hopping())
