"""Mood: what the words say, what the voice says, and whether the two disagree.

Praise in a sad voice, blame in a glad one: irony, here. Neither the text nor the voice tells.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Batch, Entries, Padded
from xmodal_lab.datasets.moods import WORDS, MoodData
from xmodal_lab.datasets.scenes import Waveforms
from xmodal_lab.encoders.audio import AudioCNN, LogMel
from xmodal_lab.encoders.encoder import Encoder
from xmodal_lab.encoders.inputs import log_mel
from xmodal_lab.encoders.text.sentences import MeanEncoder
from xmodal_lab.fusion import LateFusion
from xmodal_lab.objective import Objective, mean_over

# Question → the modalities that it is asked of. All are answered by 0 or 1.
QUESTIONS = {"sentiment": ("text",), "mood": ("audio",), "irony": ("text", "audio")}
BANDS = LogMel().mels + 1


def inputs(data: MoodData) -> Batch:
    """'text' (word ids), 'audio' (frames, see ``heard``), and an answer to each question."""
    answers = {name: getattr(data, name) for name in QUESTIONS}
    return Batch(text=data.tokens, audio=heard(data.waveforms), **answers)


def heard(waveforms: Waveforms) -> Padded:
    """Log-mel frames, and beside the 40 bands the level, which ``LogMel`` takes away.

        level_t = (ln(mean over the frame's samples of x² + 1e-6) + 6) / 3,   full scale is 1

    Shapes: waveforms at 8 kHz → ``Padded`` (count, frames, 41).
    """
    frames, ear = log_mel(waveforms), LogMel()
    level = frames.values.new_zeros(*frames.values.shape[:2], 1)
    for row in range(len(waveforms)):
        power = torch.from_numpy(waveforms[row]).float().div(32768).square()
        mean = power.unfold(0, ear.window, ear.hop).mean(1)
        level[row, : len(mean), 0] = ((mean + 1e-6).log() + 6) / 3
    return Padded(torch.cat([frames.values, level], dim=2), frames.lengths)


def small_encoders() -> dict[str, Encoder]:
    """Encoders of the text and of the voice that learn their task in seconds."""
    return {
        "text": MeanEncoder(WORDS, embedding_dim=64),
        "audio": AudioCNN(BANDS, width=32, output_dim=64, layers=1, halvings=1),
    }


class MoodModel(nn.Module):
    """Two encoders, a question to each of them, and one to both.

        l_sentiment = W_s f(text),   l_mood = W_m g(audio),   l_irony = h( fusion(f, g) )

    Shapes: batch → {question: (batch, 2)}.

    Args:
        fusion: of 'text' and 'audio'.
        encoders: of 'text' and 'audio'; ``nn.Identity`` where the batch holds vectors already.
        hidden: width of a hidden layer in h; with None h is linear. Behind a sum or a mean a linear
            h gives a sum of logits, which cannot say that two answers differ.
    """

    def __init__(
        self, fusion: LateFusion, encoders: Mapping[str, nn.Module], hidden: int | None = None
    ) -> None:
        super().__init__()
        self.encoders, self.fusion = nn.ModuleDict(encoders), fusion
        width = fusion.output_dim
        last = nn.Linear(hidden or width, 2)
        # GELU first: what comes out of a fusion is a sum, and has none behind it.
        layers = [nn.GELU(), nn.Linear(width, hidden), nn.GELU(), last] if hidden else [last]
        self.heads = nn.ModuleDict(
            {
                "sentiment": nn.Linear(fusion.dims["text"], 2),
                "mood": nn.Linear(fusion.dims["audio"], 2),
                "irony": nn.Sequential(*layers),
            }
        )

    def forward(self, batch: Entries) -> dict[str, Float[Tensor, "batch 2"]]:
        """Logits."""
        vectors = {name: encoder(batch[name]) for name, encoder in self.encoders.items()}
        fused = self.fusion(vectors)
        return {
            "sentiment": self.heads["sentiment"](vectors["text"]),
            "mood": self.heads["mood"](vectors["audio"]),
            "irony": self.heads["irony"](fused),
        }

    @torch.no_grad()
    def predict(self, data: Entries, chunk: int = 500) -> dict[str, Int64[Tensor, " rows"]]:
        """The more probable answer to every question for every row; on the CPU."""
        data, device, was_training = Batch(data), next(self.parameters()).device, self.training
        self.eval()
        try:
            parts = torch.arange(data.size).split(chunk)
            found = [self(data.rows(part).to(device)) for part in parts]
        finally:
            self.train(was_training)
        return {
            name: torch.cat([some[name].argmax(1).cpu() for some in found]) for name in found[0]
        }


def asked(*questions: str) -> Objective:
    """The objective that asks these questions: a cross-entropy for each, in nats.

    Raises:
        ValueError: for no question, or an unknown one.
    """
    if not questions or not set(questions) <= QUESTIONS.keys():
        raise ValueError(f"ask one or more of {', '.join(QUESTIONS)}, got {questions}")

    @mean_over()
    def objective(outputs: Mapping[str, Tensor], batch: Entries) -> dict[str, Float[Tensor, ""]]:
        return {name: F.cross_entropy(outputs[name], batch[name]) for name in questions}

    return objective
