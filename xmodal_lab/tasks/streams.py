"""The classic architectures answer questions about crowds, and what they learn before.

A question's words and the cells of a picture are the tokens of one transformer; the answer is read
from its summary. Before that it learns from *statements*, a question with an answer behind it: to
fill in a hidden word, and to tell whether the statement is true of the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Batch, Entries, Padded
from xmodal_lab.datasets.crowds.language import ANSWERS, ANSWERS_OF, WORDS
from xmodal_lab.datasets.crowds.questions import Questions
from xmodal_lab.fusion.bottleneck import BottleneckFusion
from xmodal_lab.fusion.streams import SingleStream, TwoStream
from xmodal_lab.fusion.tokens import Fused, merge_neighbours
from xmodal_lab.objective import mean_over
from xmodal_lab.tasks import shipping

# What stands in a statement: the questions' words under their own numbers, then the answers that
# are no such words, then what stands for a hidden word. Id 0 is padding.
TOKENS = (*WORDS, *(answer for answer in ANSWERS if answer not in WORDS), "[MASK]")
IDS = {token: number for number, token in enumerate(TOKENS, start=1)}
ANSWER_TOKENS = tuple(IDS[answer] for answer in ANSWERS)
MASK = IDS["[MASK]"]
LONGEST = 12
GRID = (8, 8)

# The first two with equal parameters, within 3 %.
STANDARD: dict[str, dict[str, Any]] = {
    "single_stream": {"dim": 64, "layers": 4, "heads": 4},
    "two_stream": {"dim": 64, "layers": 2, "heads": 4, "hidden": 128},
    "bottleneck": {"dim": 64, "layers": 3, "heads": 4, "latents": 16},
}
MADE = {"single_stream": SingleStream, "two_stream": TwoStream, "bottleneck": BottleneckFusion}


class StreamAnswerer(nn.Module):
    """Words and cells → tokens → a transformer → one answer of 23.

        a picture's token = norm [4 neighbouring cells],   l = W summary + b

    Args:
        name: 'single_stream', 'two_stream' or 'bottleneck'.
        cell_dim: size of a cell's vector, as the trunk gives it.
        merged: False for a token a cell: 64 of them in place of 16.
        architecture: arguments of ``SingleStream``, ``TwoStream`` or ``BottleneckFusion``; those of
            ``STANDARD`` unless given.

    Attributes:
        config: arguments that make the same model; JSON can hold them.

    Raises:
        ValueError: for another name.
    """

    def __init__(
        self, name: str, cell_dim: int = 64, merged: bool = True, **architecture: Any
    ) -> None:
        super().__init__()
        _check(name)
        architecture = STANDARD[name] | architecture
        self.config = {"name": name, "cell_dim": cell_dim, "merged": merged, **architecture}
        self.merged, dim = merged, architecture["dim"]
        width, side = (4 * cell_dim, 2) if merged else (cell_dim, 1)
        self.words = nn.Embedding(len(TOKENS) + 1, dim, padding_idx=0)
        self.norm = nn.LayerNorm(width)
        places = {"text": LONGEST, "image": tuple(cells // side for cells in GRID)}
        self.stream = MADE[name]({"text": dim, "image": width}, places=places, **architecture)
        self.answer = nn.Linear(dim, len(ANSWERS))
        self.word, self.match = nn.Linear(dim, len(TOKENS) + 1), nn.Linear(dim, 1)

    def forward(self, batch: Entries) -> Float[Tensor, "batch answers"]:
        """Logits of the answers; see ``fused`` for what the batch holds."""
        return self.answer(self.fused(batch).summary)

    def fused(self, batch: Entries) -> Fused:
        """Summary, states and every head's weights.

        Args:
            batch: 'text', ids of the question, and 'image', states of the trunk
                (batch, 64, cell_dim) in any precision; or one of the two.

        Raises:
            ValueError: for neither of them, or a question that is too long.
        """
        tokens = {}
        if "text" in batch:
            ids = batch["text"]
            tokens["text"] = Padded(self.words(ids.values), ids.lengths)
        if "image" in batch:
            cells = batch["image"].to(self.norm.weight.dtype)
            full = torch.full((len(cells),), cells.shape[1], device=cells.device)
            states = Padded(cells, full)
            states = merge_neighbours(states, GRID) if self.merged else states
            tokens["image"] = Padded(self.norm(states.values), states.lengths)
        return self.stream(tokens)


class Pretraining(nn.Module):
    """An answerer as it learns before there are questions: hidden words, and true or not.

    Args:
        answerer: trained itself, not a copy; not a bottleneck, which keeps no words.
    """

    def __init__(self, answerer: StreamAnswerer) -> None:
        super().__init__()
        self.answerer = answerer

    def forward(self, batch: Entries) -> dict[str, Tensor]:
        """'words': scores of what is hidden (hidden, tokens + 1); 'match': logits of the rest."""
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

        L = − 1/|M| Σ_{t∈M} ln p(w_t | the rest)  −  1/|W| Σ_{i∈W} ln p(true_i | statement, picture)

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
        'text': ids, one more a row; 'hidden': the id of the hidden word at its place, else 0;
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
    return Batch(text=Padded(ids, lengths + 1), hidden=Padded(hidden, lengths + 1), true=true)


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


def load(name: str) -> StreamAnswerer:
    """The trained model that ships: 'single_stream' or 'two_stream'; in evaluation mode.

    ``shipping.about(f"{name}.safetensors")`` says how it learned: its 'curve' and its 'recipe'.

    Raises:
        ValueError: for another name.
        DamagedFileError: where the file is missing or not what was shipped.
    """
    _check(name)
    file = f"{name}.safetensors"
    return shipping.filled(file, StreamAnswerer(**shipping.about(file)["config"]))


def _check(name: str) -> None:
    if name not in STANDARD:
        raise ValueError(f"unknown architecture {name!r}: choose {', '.join(STANDARD)}")


Maker = Callable[[int], Batch]


def asked(
    states: Tensor, questions: Questions, batch_size: int, seed: int, stated: bool = False
) -> Maker:
    """A maker of batches for ``fit``: other questions at every step, each as likely.

    The states of a picture are kept once, however many questions ask about it.

    Args:
        states: of the pictures that the questions ask about (pictures, 64, cell_dim).
        questions: to choose from.
        batch_size: questions a step.
        seed: with the step's number it decides the choice.
        stated: True for ``statements``.
    """

    def make(step: int) -> Batch:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        index = torch.randint(len(questions), (batch_size,), generator=generator)
        batch = questions.batch(states, index)
        if stated:
            batch |= statements(batch["text"], batch.pop("labels"), generator)
        return Batch(batch)

    return make
