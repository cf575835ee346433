"""A BERT to be asked: which word belongs into the gap?"""

from __future__ import annotations

import re

import torch
from matplotlib.figure import Figure
from transformers import BertForPreTraining

from xmodal_lab.encoders.text.bert_tasks import pages
from xmodal_lab.encoders.text.wordpiece import MASK, WordPiece
from xmodal_lab.workbook.charts import wording as say
from xmodal_lab.workbook.kit.figures import described
from xmodal_lab.workbook.kit.style import COLOURS


class GapFiller:
    """Fills gaps with a trained BERT.

    Args:
        model: as trained by ``bert.train``.
        wordpiece: its pieces.
    """

    def __init__(self, model: BertForPreTraining, wordpiece: WordPiece) -> None:
        self.model, self.wordpiece = model, wordpiece

    @torch.no_grad()
    def fill(self, sentence: str, k: int = 5) -> list[tuple[str, float]]:
        """The most probable pieces in place of the question mark, with their probabilities.

        Raises:
            ValueError: where the sentence has no gap, or more than one.
        """
        words = re.findall(r"[a-z]+|\?", sentence.lower())
        if words.count("?") != 1:
            raise ValueError("write exactly one ? where a word is missing")
        gap = sum(len(self.wordpiece.word_ids(word)) for word in words[: words.index("?")])
        # Any word of one piece keeps the place of the gap, until the mask takes it.
        words[words.index("?")] = "a"
        batch = pages(self.wordpiece, [(words,)])
        batch.ids.values[0, 1 + gap] = MASK  # behind [CLS]
        batch = batch.to(next(self.model.parameters()).device)
        state = self.model.bert(**batch.inputs()).last_hidden_state[0, 1 + gap]
        best = self.model.cls.predictions(state).softmax(-1).topk(k)
        names = (self.wordpiece.pieces[i] for i in best.indices.tolist())
        return list(zip(names, best.values.tolist(), strict=True))

    def guess(self, sentence: str = "the ? slept near the barn") -> Figure:
        """``fill`` as bars."""
        found = self.fill(sentence)
        fig = Figure(figsize=(6.4, 2.6))
        axis = fig.subplots()
        axis.barh(range(len(found)), [100 * p for _, p in found], color=COLOURS["blue"], height=0.7)
        axis.set_yticks(range(len(found)), [piece for piece, _ in found])
        axis.invert_yaxis()
        axis.set(
            xlabel="probability / %",
            ylabel="piece",
            xlim=(0, 100),
            title=sentence.replace("?", "▁▁▁"),
        )
        best = say.values((piece for piece, _ in found), (100 * p for _, p in found))
        return described(
            fig, f"Bars: the most probable pieces for the gap in “{sentence}”, in per cent: {best}."
        )
