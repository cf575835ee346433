"""Reading speech: the words of a caption, in order, trained on transcripts without times."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Batch, Entries, Padded, pad
from xmodal_lab.datasets.scenes.language import UNITS, split_units
from xmodal_lab.encoders.audio.transcript import greedy
from xmodal_lab.objective import mean_over

NUMBERS = {unit: number for number, unit in enumerate(UNITS, start=1)}  # 0 is the blank


def unit_numbers(texts: Sequence[str]) -> Padded:
    """The units of each text, (texts, units): 1 is the first of ``UNITS``, 0 is padding.

    Raises:
        ValueError: for a word that no voice has recorded.
    """
    return pad([[NUMBERS[unit] for unit in split_units(text)] for text in texts])


class Transcriber(nn.Module):
    """States of an encoder and a linear layer: at every place, which unit or none.

        ln p_t = log_softmax(W h_t + b),   h = encoder.states(x)

    The encoder needs more places than a transcript has units: ``AudioEncoder(halvings=2)`` gives
    one every 80 ms.

    Args:
        encoder: states as wide as ``output_dim``.
        units: what can be said; number 0 is kept for the blank.
        modality: the entry of the batch that the encoder reads.
    """

    def __init__(
        self, encoder: nn.Module, units: Sequence[str] = UNITS, modality: str = "audio"
    ) -> None:
        super().__init__()
        self.encoder, self.units, self.modality = encoder, tuple(units), modality
        self.head = nn.Linear(encoder.output_dim, 1 + len(units))

    def log_probabilities(self, heard: Padded) -> Padded:
        """(batch, places, 1 + units), with the real places of each row."""
        states = self.encoder.states(heard)
        return Padded(self.head(states.values).float().log_softmax(dim=2), states.lengths)

    def forward(self, batch: Entries) -> dict[str, Tensor]:
        """'log_probabilities' and 'lengths', the real places of each row."""
        values, lengths = self.log_probabilities(batch[self.modality])
        return {"log_probabilities": values, "lengths": lengths}

    @torch.no_grad()
    def read(self, data: Entries, chunk: int = 200) -> list[list[str]]:
        """The units heard in each row, by the most probable path; in evaluation mode."""
        data, device, was_training = Batch(data), self.head.weight.device, self.training
        self.eval()
        try:
            parts = [data.rows(some) for some in torch.arange(data.size).split(chunk)]
            paths = [greedy(self.log_probabilities(p.to(device)[self.modality])) for p in parts]
        finally:
            self.train(was_training)
        return [[self.units[number - 1] for number in row] for part in paths for row in part]


@mean_over()
def connectionist(outputs: dict[str, Tensor], batch: Entries) -> Float[Tensor, ""]:
    """The mean over rows of CTC's loss per unit; 'units' of the batch are the transcripts, ≥ 1.

    In nats. A row with fewer places than its transcript needs counts as 0: no path says it.

    Source: Graves et al. 2006.
    """
    units = batch["units"]
    return F.ctc_loss(
        outputs["log_probabilities"].transpose(0, 1),
        units.values,
        outputs["lengths"],
        units.lengths,
        zero_infinity=True,
    )


def word_error_rate(found: Sequence[Sequence[str]], said: Sequence[Sequence[str]]) -> float:
    """Substitutions, deletions and insertions, over the number of words that were said.

        WER = (S + D + I) / N;  0 is perfect, and more than 1 is possible

    Raises:
        ValueError: for different numbers of rows, or where nothing was said.

    Source: the distance, Levenshtein 1966.
    """
    total = sum(map(len, said))
    if len(found) != len(said) or not total:
        raise ValueError(f"{len(found)} readings for {len(said)} transcripts of {total} words")
    return sum(map(_distance, found, said)) / total


def _distance(found: Sequence[str], said: Sequence[str]) -> int:
    """Fewest words to change, drop or put in, to make one of the other."""
    row = list(range(len(said) + 1))
    for i, word in enumerate(found, start=1):
        above, row = row, [i]
        for j, wanted in enumerate(said, start=1):
            row.append(min(row[-1] + 1, above[j] + 1, above[j - 1] + (word != wanted)))
    return row[-1]
