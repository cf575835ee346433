"""Two ways from words to one vector for a sentence, and a question that tells them apart.

The mean of the word vectors cannot know which word came first: 'a star above a moon' and 'a moon
above a star' are one and the same to it. A recurrent network reads the words in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Padded
from xmodal_lab.datasets.scenes import SHAPES, WORDS, Scene, describe, sample_scenes, stream
from xmodal_lab.encoders.pooling import masked_mean
from xmodal_lab.encoders.text.captions import WordEncoder, read_captions

FIRST = ("left of", "above")  # the relations in which a scene's first thing is the asked one


class MeanEncoder(WordEncoder):
    """Word ids → one vector: the mean of the word vectors, whatever their order.

        y = 1/T Σ_t E[w_t]

    Shapes: ``Padded`` ids (batch, time) → states (batch, time, output_dim) → (batch, output_dim).
    Padding has no influence. It can stand wherever a ``TextEncoder`` can.

    Args:
        vocabulary: the words, or only their number, padding not counted; see ``WordEncoder``.
        embedding_dim: size of a word vector and of the output.

    Source: the continuous bag of words, Mikolov et al. 2013; as a sentence encoder, Wieting et
    al. 2016.
    """

    def __init__(self, vocabulary: int | Sequence[str] = WORDS, embedding_dim: int = 128) -> None:
        super().__init__(vocabulary, embedding_dim)
        self.output_dim = embedding_dim

    def states(self, words: Padded) -> Padded:
        return Padded(self.embedding(words.values), words.lengths)

    def pool(self, states: Padded) -> Float[Tensor, "batch output_dim"]:
        return masked_mean(states.values, states.mask)

    def forward(self, words: Padded) -> Float[Tensor, "batch output_dim"]:
        # Sums of numbers depend on their order in the last digit. Read in the order of their ids,
        # equal bags of words give the very same vector.
        ids = words.values.masked_fill(~words.mask, 0).sort(dim=1, descending=True).values
        return super().forward(Padded(ids, words.lengths))


class OrderQuestions(NamedTuple):
    """Captions of two things, and the shape that stands on the left or above.

    Attributes:
        captions: ids of words.
        answers: (rows,) number of the shape, in the order of ``SHAPES``.
        named: (rows, 2) the two shapes that the caption names.
    """

    captions: Padded
    answers: Int64[Tensor, " rows"]
    named: Int64[Tensor, "rows 2"]


@dataclass(frozen=True)
class OrderScore:
    """How well an encoder answers on scenes that it was not trained on.

    Attributes:
        right: share of right answers; 1/8 by guessing, 1/2 for who knows both shapes.
        named: share of answers that are one of the two shapes named.
    """

    right: float
    named: float


def first_shape(scene: Scene) -> str:
    """The shape of the thing that stands on the left, or above."""
    if scene.relation is None:
        raise ValueError("a scene of one thing has nothing on its left: sample with things=2")
    return scene.things[0 if scene.relation in FIRST else 1].shape


@lru_cache(maxsize=4)  # every encoder is asked the same; do not change them in place
def order_questions(count: int, seed: int = 0, split: str = "train") -> OrderQuestions:
    """Scenes of two things, told in either order, with the question what stands first."""
    scenes = sample_scenes(count, seed, split, things=2)
    captions = [describe(scene, stream(seed, row, 7)) for row, scene in enumerate(scenes)]
    number = {shape: i for i, shape in enumerate(SHAPES)}
    return OrderQuestions(
        read_captions(captions),
        torch.tensor([number[first_shape(scene)] for scene in scenes]),
        torch.tensor([[number[thing.shape] for thing in scene.things] for scene in scenes]),
    )


def score_order(
    encoder: nn.Module, steps: int = 250, batch_size: int = 128, seed: int = 0
) -> OrderScore:
    """Train an encoder and a linear layer behind it to say which shape stands on the left or above.

    The encoder changes in place. Trained on the training split, scored on 1,000 scenes of the
    test split, whose meanings never occur in training.

    Args:
        encoder: maps ``Padded`` captions to vectors; has ``output_dim``.
        steps: of AdamW, learning rate 5·10⁻³ falling along half a cosine.
        batch_size: captions a step.
        seed: of scenes, order and linear layer.
    """
    train, test = order_questions(2500, seed), order_questions(1000, seed, "test")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = nn.Linear(encoder.output_dim, len(SHAPES))
    device = next(encoder.parameters()).device
    head.to(device)
    weights = [*encoder.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=5e-3)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    generator = torch.Generator().manual_seed(seed)
    encoder.train()
    for _ in range(steps):
        rows = torch.randint(len(train.answers), (batch_size,), generator=generator)
        scores = head(encoder(train.captions.rows(rows).to(device)))
        optimiser.zero_grad()
        F.cross_entropy(scores, train.answers[rows].to(device)).backward()
        optimiser.step()
        falling.step()
    encoder.eval()
    with torch.no_grad():
        guess = head(encoder(test.captions.to(device))).argmax(1).cpu()
    return OrderScore(
        right=(guess == test.answers).float().mean().item(),
        named=(guess[:, None] == test.named).any(1).float().mean().item(),
    )
