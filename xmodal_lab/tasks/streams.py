"""The two classic architectures answer questions about crowds, and what they learn before.

A question's words and the cells of a picture are the tokens of one transformer; the answer is read
from its summary. Before that it learns from *statements*, a question with an answer behind it: to
fill in a hidden word, and to tell whether the statement is true of the picture.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int64
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Batch, Entries, Padded
from xmodal_lab.datasets.crowds.language import ANSWERS, ANSWERS_OF, WORDS
from xmodal_lab.datasets.crowds.questions import Questions
from xmodal_lab.datasets.shipped import shipped
from xmodal_lab.fusion.streams import SingleStream, TwoStream
from xmodal_lab.fusion.tokens import Fused, merge_neighbours
from xmodal_lab.objective import mean_over

# What stands in a statement: the questions' words under their own numbers, then the answers that
# are no such words, then what stands for a hidden word. Id 0 is padding.
TOKENS = (*WORDS, *(answer for answer in ANSWERS if answer not in WORDS), "[MASK]")
IDS = {token: number for number, token in enumerate(TOKENS, start=1)}
ANSWER_TOKENS = tuple(IDS[answer] for answer in ANSWERS)
MASK = IDS["[MASK]"]
LONGEST = 12
CELLS, GRID = 64, (8, 8)

# Equal parameters, within 3 %.
STANDARD: dict[str, dict[str, Any]] = {
    "single_stream": {"dim": 64, "layers": 4, "heads": 4},
    "two_stream": {"dim": 64, "layers": 2, "heads": 4, "own": {"text": 1}, "hidden": 100},
}


class StreamAnswerer(nn.Module):
    """Words and cells → tokens → a transformer → one answer of 23.

        cells' tokens = norm [4 neighbours' vectors],   l = W summary + b

    Args:
        name: 'single_stream' or 'two_stream'.
        cell_dim: size of a cell's vector, as the trunk gives it.
        architecture: arguments of ``SingleStream`` or ``TwoStream``; those of ``STANDARD`` unless
            given.

    Attributes:
        config: arguments that make the same model; JSON can hold them.

    Raises:
        ValueError: for another name.
    """

    def __init__(self, name: str, cell_dim: int = 64, **architecture: Any) -> None:
        super().__init__()
        if name not in STANDARD:
            raise ValueError(f"unknown architecture {name!r}: choose {' or '.join(STANDARD)}")
        architecture = STANDARD[name] | architecture
        self.config = {"name": name, "cell_dim": cell_dim, **architecture}
        dim = architecture["dim"]
        self.words = nn.Embedding(len(TOKENS) + 1, dim, padding_idx=0)
        self.norm = nn.LayerNorm(4 * cell_dim)
        made = SingleStream if name == "single_stream" else TwoStream
        lines, columns = GRID
        self.stream = made(
            {"text": dim, "image": 4 * cell_dim},
            places={"text": LONGEST, "image": (lines // 2, columns // 2)},
            **architecture,
        )
        self.answer = nn.Linear(dim, len(ANSWERS))
        self.word, self.match = nn.Linear(dim, len(TOKENS) + 1), nn.Linear(dim, 1)

    def forward(self, batch: Entries) -> Float[Tensor, "batch answers"]:
        """Logits of the answers; see ``fused`` for what the batch holds."""
        return self.answer(self.fused(batch).summary)

    def fused(self, batch: Entries) -> Fused:
        """Summary, states and every head's weights.

        Args:
            batch: 'words', ids of the question, and 'cells', states of the trunk
                (batch, 64, cell_dim) in any precision; or one of the two.

        Raises:
            ValueError: for neither of them, or a question that is too long.
        """
        tokens = {}
        if "words" in batch:
            ids = batch["words"]
            tokens["text"] = Padded(self.words(ids.values), ids.lengths)
        if "cells" in batch:
            cells = batch["cells"].to(self.norm.weight.dtype)
            full = torch.full((len(cells),), cells.shape[1], device=cells.device)
            merged = merge_neighbours(Padded(cells, full), GRID)
            tokens["image"] = Padded(self.norm(merged.values), merged.lengths)
        return self.stream(tokens)

    @torch.no_grad()
    def predict(self, data: Entries, chunk: int = 500) -> Int64[Tensor, " rows"]:
        """The most probable answer of every row, in evaluation mode; on the CPU."""
        data, device, was_training = Batch(data), self.norm.weight.device, self.training
        self.eval()
        try:
            parts = torch.arange(data.size).split(chunk)
            found = [self(data.rows(part).to(device)).argmax(dim=1).cpu() for part in parts]
        finally:
            self.train(was_training)
        return torch.cat(found)


class Pretraining(nn.Module):
    """An answerer as it learns before there are questions: hidden words, and true or not.

    Args:
        answerer: trained itself, not a copy.
    """

    def __init__(self, answerer: StreamAnswerer) -> None:
        super().__init__()
        self.answerer = answerer

    def forward(self, batch: Entries) -> dict[str, Tensor]:
        """'words': scores where one was hidden (hidden, tokens + 1); 'match': logits of the rest."""
        fused, hidden = self.answerer.fused(batch), batch["hidden"].values > 0
        return {
            "words": self.answerer.word(fused.states["text"].values[hidden]),
            "match": self.answerer.match(fused.summary)[~hidden.any(1), 0],
        }


def _terms(batch: Batch) -> dict[str, int]:
    hidden = int((batch["hidden"].values > 0).sum())
    whole = batch.size - hidden
    return {"masked words": hidden, "word found": hidden, "match": whole, "told": whole}


@mean_over(_terms)
def two_losses(outputs: Mapping[str, Tensor], batch: Entries) -> dict[str, Float[Tensor, ""]]:
    """The losses of both tasks in nats, and the shares of right answers.

        L = − 1/|M| Σ_{t∈M} ln p(w_t | statement, picture)  −  1/|W| Σ_{i∈W} ln p(true_i | summary_i)

    with a hidden word t in each row of M, and whole statements in the rows of W.

    Args:
        outputs: what ``Pretraining`` gave.
        batch: what ``statements`` made.

    Source: Li et al. 2019; Tan and Bansal 2019.
    """
    hidden = batch["hidden"].values
    labels, true = hidden[hidden > 0], batch["true"][~(hidden > 0).any(1)]
    return {
        "masked words": F.cross_entropy(outputs["words"], labels),
        "match": F.binary_cross_entropy_with_logits(outputs["match"], true.to(outputs["match"])),
        "word found": (outputs["words"].argmax(-1) == labels).float().mean(),
        "told": ((outputs["match"] > 0) == true).float().mean(),
    }


def statements(words: Padded, answers: Int64[Tensor, " rows"], generator: torch.Generator) -> Batch:
    """Questions with an answer behind them: every other one has a gap, the rest may be false.

    The answer is the hidden word half of the time, as the other words are easier to guess. A false
    statement has another answer of the same kind, so that the words alone do not give it away; nor
    does a gap, as whether a statement with a gap is true is never asked.

    Args:
        words: ids of questions.
        answers: their numbers among ``ANSWERS``.
        generator: chooses, on the CPU.

    Returns:
        'words': ids, one more a row; 'hidden': the id of the hidden word at its place, else 0;
        'true': (rows,).
    """
    at, lengths = torch.arange(len(answers)), words.lengths
    gap = at % 2 == 0
    true = gap | (torch.rand(len(at), generator=generator) < 0.5)
    said = torch.where(true, answers, another(answers, generator))
    ids = words.widened(words.values.shape[1] + 1).values.clone()
    ids[at, lengths] = torch.tensor(ANSWER_TOKENS)[said]
    anywhere = (torch.rand(len(at), generator=generator) * lengths).long()
    behind = torch.rand(len(at), generator=generator) < 0.5
    place = torch.where(behind, lengths, anywhere)[gap]
    hidden = torch.zeros_like(ids)
    hidden[at[gap], place] = ids[at[gap], place]
    ids[hidden > 0] = MASK
    return Batch(words=Padded(ids, lengths + 1), hidden=Padded(hidden, lengths + 1), true=true)


# Of every answer, its own group: those that could stand in its place.
_GROUPS = [[ANSWERS.index(a) for a in group] for group in dict.fromkeys(ANSWERS_OF.values())]


def another(answers: Int64[Tensor, " rows"], generator: torch.Generator) -> Int64[Tensor, " rows"]:
    """Another answer of the same kind, each of them as likely."""
    found = answers.clone()
    for group in _GROUPS:
        mine = (answers >= group[0]) & (answers <= group[-1])
        step = torch.randint(1, len(group), answers.shape, generator=generator)
        found[mine] = group[0] + (answers[mine] - group[0] + step[mine]) % len(group)
    return found


def save(path: str | Path, model: StreamAnswerer, notes: Mapping[str, Any]) -> None:
    """Write weights, what rebuilds the model, and notes such as the curve of its training."""
    header = {"config": json.dumps(model.config), "notes": json.dumps(notes)}
    tensors = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    save_file(tensors, path, header)


def load(name: str) -> StreamAnswerer:
    """The trained model that ships: 'single_stream' or 'two_stream'; in evaluation mode.

    Raises:
        ValueError: for another name.
        DamagedFileError: where the file is missing or not what was shipped.
    """
    config, _ = _header(name)
    model = StreamAnswerer(**config)
    with safe_open(shipped(f"{name}.safetensors"), framework="pt") as file:
        model.load_state_dict({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
    return model.eval()


def notes(name: str) -> dict[str, Any]:
    """How a model that ships was trained, with the curve.

    Raises:
        ValueError: for another name.
        DamagedFileError: where the file is missing or not what was shipped.
    """
    return _header(name)[1]


def _header(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if name not in STANDARD:
        raise ValueError(f"unknown architecture {name!r}: choose {' or '.join(STANDARD)}")
    with safe_open(shipped(f"{name}.safetensors"), framework="pt") as file:
        header = file.metadata()
    return json.loads(header["config"]), json.loads(header["notes"])


Maker = Callable[[int], Batch]


def asked(
    cells: Tensor, questions: Questions, batch_size: int, seed: int, stated: bool = False
) -> Maker:
    """A maker of batches for ``fit``: other questions at every step, each as likely.

    The states of a picture are kept once, however many questions ask about it.

    Args:
        cells: states of the pictures that the questions ask about (pictures, 64, cell_dim).
        questions: to choose from.
        batch_size: questions a step.
        seed: with the step's number it decides the choice.
        stated: True for ``statements``.
    """

    def make(step: int) -> Batch:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        index = torch.randint(len(questions), (batch_size,), generator=generator)
        words, answers = questions.words.rows(index), questions.answers[index]
        seen = {"cells": cells[questions.rows[index]]}
        if stated:
            return Batch(seen | statements(words, answers, generator))
        return Batch(seen, words=words, labels=answers)

    return make
