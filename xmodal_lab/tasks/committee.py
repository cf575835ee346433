"""A committee: networks that hear the same saying in different ways, and their mean opinion.

What a voice has that no training voice had misleads each network in its own way. Where they err
differently, their mean errs less often than any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from xmodal_lab.batch import Batch, Padded
from xmodal_lab.encoders.audio.recurrent import AudioEncoder
from xmodal_lab.tasks.classification import Classifier
from xmodal_lab.tasks.recognition import Variation, heard, sayings

THROATS, SPEEDS = (0.85, 1.18), (0.8, 1.25)
# Five ways to hear a digit, chosen on two speakers of the spoken digits (george, jackson).
DIGITS = (
    Variation(views=("limited",)),
    Variation(views=("limited",), depth=4.0),
    Variation(speed=SPEEDS, throat=THROATS, views=("limited",)),
    Variation(speed=SPEEDS, throat=THROATS, views=("limited, standard",)),
    Variation(speed=SPEEDS, throat=THROATS, colour=0.3, views=("plain", "standard")),
)


class Committee(nn.Module):
    """Classifiers of sayings, each with its own view of them.

        p(c | x) = mean_m softmax(l_m(view_m(x)))_c

    Args:
        classes: how many there are.
        variations: one a member: how its sayings are varied, and what it reads of them.

    Source: Hansen and Salamon 1990.
    """

    def __init__(self, classes: int, variations: Sequence[Variation] = DIGITS) -> None:
        super().__init__()
        self.variations = tuple(variations)
        self.members = nn.ModuleList(
            Classifier(AudioEncoder(variation.bands), classes, "audio") for variation in variations
        )

    def lessons(
        self,
        waveforms: Padded,
        labels: Int64[Tensor, " count"],
        batch_size: int = 64,
        seed: int = 0,
    ) -> Iterator[tuple[Classifier, Callable[[int], Batch]]]:
        """Each member with what it is trained on: the function of the step that ``fit`` takes.

        ``for member, batch in jury.lessons(x, y)``: ``fit(member, cross_entropy, batch)``, and on.

        Args:
            waveforms: 16-bit samples at 8 kHz (count, samples).
            labels: what is said.
            batch_size: sayings a step.
            seed: of the sayings and their variation; each member draws its own.
        """
        for number, (member, variation) in enumerate(self):
            own = 100 * seed + number
            yield member, sayings(waveforms, labels, variation, batch_size, own)

    @torch.no_grad()
    def probabilities(self, waveforms: Padded, chunk: int = 500) -> Float[Tensor, "rows classes"]:
        """The mean opinion about each saying, in evaluation mode; on the CPU."""
        self.eval()
        parts = [waveforms.rows(r) for r in torch.arange(len(waveforms.lengths)).split(chunk)]
        return torch.cat([torch.stack(self.opinions(part)).mean(0) for part in parts])

    def opinions(self, waveforms: Padded) -> list[Float[Tensor, "rows classes"]]:
        """Each member's probabilities; on the CPU."""
        device = next(self.parameters()).device
        return [
            member(Batch(audio=heard(waveforms, variation)).to(device)).softmax(dim=1).cpu()
            for member, variation in self
        ]

    def __iter__(self) -> Iterator[tuple[Classifier, Variation]]:
        return zip(self.members, self.variations, strict=True)
