"""A typed question: the answer, and where the network looked for it."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from xmodal_lab.batch import Batch, pad
from xmodal_lab.datasets import crowds
from xmodal_lab.datasets.crowds import CrowdData
from xmodal_lab.encoders.image import GridCNN
from xmodal_lab.tasks.questions import Answerer, cells_of
from xmodal_lab.workbook.charts.fusing import spotlights

LOOKS = ("first look", "second look", "third look")


class Asking:
    """Pictures that may be asked anything that ``crowds.parse`` can read.

    Args:
        trunk: makes the cells.
        answerer: looks at them.
        data: pictures to choose from.
    """

    def __init__(self, trunk: GridCNN, answerer: Answerer, data: CrowdData) -> None:
        self.trunk, self.answerer, self.data = trunk, answerer, data

    @torch.no_grad()
    def ask(
        self, question: str = "What colour is the thing left of the moon?", picture: int = 0
    ) -> Figure:
        """A picture, lit where the network looks; its answer, how sure it is, and the true one.

        Where the truth is open to dispute, or there is no such thing, that is said in its place.

        Raises:
            ValueError: for a text that is no question; the message says what can be asked.
        """
        words = pad([crowds.encode(question)])
        image = self.data.images[picture : picture + 1]
        batch = Batch(text=words, image=cells_of(self.trunk, image)).to(self.trunk.device)
        chances = self.answerer(batch)[0].softmax(0)
        maps = self.answerer.looks(batch)[0].cpu().unflatten(1, self.trunk.grid)
        looks = {name: part[None].numpy() for name, part in zip(LOOKS, maps, strict=False)}
        said = crowds.ANSWERS[int(chances.argmax())]
        sure, truth = f"by {100 * float(chances.max()):.0f} %", self._truth(question, picture)
        note = f"answer: {said}, {sure}   {truth}"
        text = crowds.parse(question).text
        return spotlights(image, looks, [text], [note])

    def _truth(self, question: str, picture: int) -> str:
        try:
            return f"true: {crowds.answer(self.data.crowds[picture], question)}"
        except ValueError as reason:
            return str(reason)
