"""The head viewer: choose a network, a question, a layer, a head and a word; see where it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from torch import Tensor

from xmodal_lab.datasets.crowds import ANSWERS, Questions
from xmodal_lab.tasks.streams import StreamAnswerer
from xmodal_lab.workbook.charts.blocks import looking_around

CELLS = (4, 4)  # a token is 2 × 2 neighbours of the trunk's 8 × 8


class HeadViewer:
    """Attention weights of words, asked for one head at a time.

    Args:
        models: name → network, single-stream or two-stream, with merged cells.
        questions: to choose from.
        cells: of each of their crowds, as the trunk gives them.
        images: of each of their crowds.
    """

    def __init__(
        self,
        models: Mapping[str, StreamAnswerer],
        questions: Questions,
        cells: Float[Tensor, "crowds 64 dim"],
        images: UInt8[Tensor, "crowds 3 size size"],
    ) -> None:
        self.models, self.questions = dict(models), questions
        self.cells, self.images = cells, images

    @torch.no_grad()
    def look(
        self, network: str = "", question: int = 0, layer: int = 1, head: int = 1, word: int = 1
    ) -> Figure:
        """Where a word looks: at the picture's cells, and at the words of its question.

        Args:
            network: one of ``models``; the first by default.
            question: number of the question.
            layer: from 1, as often as the network looks.
            head: from 1.
            word: of the question, from 1; past its end the last one.

        Raises:
            ValueError: for a layer or a head that is not there.
        """
        model = self.models[network or next(iter(self.models))].eval()
        batch = self.questions.batch(self.cells, torch.tensor([question]))
        fused = model.fused(batch.to(next(model.parameters()).device))
        text = self.questions.texts[question]
        words = text.rstrip("?").split()
        number = min(word, len(words))
        if not 1 <= layer <= len(fused.weights):
            raise ValueError(f"there is no layer {layer}: this network has {len(fused.weights)}")
        if not 1 <= head <= (heads := next(iter(fused.weights[0].values())).shape[1]):
            raise ValueError(f"there is no head {head}: a layer has {heads}")
        cells, tokens = looks(fused.weights[layer - 1], head - 1, number - 1, words)
        said = ANSWERS[int(model.answer(fused.summary).argmax())]
        return looking_around(
            self.images[self.questions.rows[question]].cpu().numpy(),
            cells.unflatten(0, CELLS).cpu().numpy(),
            tokens,
            f"“{text}”   word {number}, “{words[number - 1]}”",
            f"answer: {said}",
        )


def looks(
    weights: Mapping[tuple[str, str], Float[Tensor, "1 heads asking looked_at"]],
    head: int,
    word: int,
    words: Sequence[str],
) -> tuple[Float[Tensor, " cells"], dict[str, float]]:
    """One word's weights in a layer: at the cells, and at the other tokens by name.

    The weights of a single stream sum to 1 over both; of two streams, at the picture's tokens and
    at the question's, each for itself.
    """
    # A stream's own token comes before its words or cells.
    seen = {who: w[0, head, -len(words) :][word] for (asks, who), w in weights.items()
            if asks == "text"}  # fmt: skip
    cells, own = seen["image"][-CELLS[0] * CELLS[1] :], len(seen["text"]) - len(words)
    tokens = {"[CLS]": seen["summary"]} if "summary" in seen else {}
    if own:
        tokens = {"[own], picture": seen["image"][0], "[own], text": seen["text"][0]}
    tokens |= {f"{place} {name}": seen["text"][own + place - 1]
               for place, name in enumerate(words, start=1)}  # fmt: skip
    return cells, {name: float(weight) for name, weight in tokens.items()}
