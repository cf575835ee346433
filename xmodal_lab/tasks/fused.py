"""One answer from several modalities: encoders, if they still learn, a fusion, a linear head."""

from __future__ import annotations

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Batch, Entries
from xmodal_lab.fusion.late import LateFusion
from xmodal_lab.objective import mean_over
from xmodal_lab.tasks.classification import Judge


class FusedClassifier(Judge):
    """l = W fusion({ f_m(x_m) : m there }) + b

    Reads the batch's entries of the fusion's modalities. An entry 'text:present' of True and False
    says in which rows the text is there; a modality without an entry is missing in all. An encoder
    reads missing rows, too: they must hold numbers, though it does not matter which.

    Args:
        fusion: of vectors, see ``fusion``.
        classes: how many there are.
        encoders: modality → encoder; one without gives its vectors as they are, made beforehand.
    """

    def __init__(
        self,
        fusion: LateFusion,
        classes: int,
        encoders: Mapping[str, nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.fusion, self.encoders = fusion, nn.ModuleDict(encoders or {})
        self.head = nn.Linear(fusion.output_dim, classes)

    def forward(self, batch: Entries) -> Float[Tensor, "batch classes"]:
        """Logits."""
        there = [name for name in self.fusion.dims if name in batch]
        vectors = {
            name: self.encoders[name](batch[name]) if name in self.encoders else batch[name]
            for name in there
        }
        masks = {n: batch[f"{n}:present"] for n in self.fusion.dims if f"{n}:present" in batch}
        return self.head(self.fusion(vectors, masks))


class SummedClassifier(Judge):
    """Every modality's encoder and linear head, their logits added up.

        l = Σ_m W_m f_m(x_m) + b_m

    The same as one linear layer on the concatenated vectors, with each modality's part in sight.

    Args:
        encoders: modality → encoder.
        classes: how many there are.
    """

    def __init__(self, encoders: Mapping[str, nn.Module], classes: int) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(encoders)
        self.heads = nn.ModuleDict(
            {name: nn.Linear(encoder.output_dim, classes) for name, encoder in encoders.items()}
        )

    def forward(self, batch: Entries) -> dict[str, Float[Tensor, "batch classes"]]:
        """Each modality's part of the logits, of those in the batch."""
        return {n: h(self.encoders[n](batch[n])) for n, h in self.heads.items() if n in batch}

    def logits(self, batch: Entries) -> Float[Tensor, "batch classes"]:
        return sum(self(batch).values())


@mean_over()
def summed_cross_entropy(
    parts: Mapping[str, Float[Tensor, "batch classes"]], batch: Entries, own: float = 0.0
) -> Float[Tensor, ""]:
    """L = H(Σ_m l_m) + own · Σ_m H(l_m), H a cross-entropy with the 'labels'; in nats.

    With a loss of its own a modality goes on learning when another has answered already.
    """
    labels = batch["labels"]
    together = F.cross_entropy(sum(parts.values()), labels)
    return together + own * sum(F.cross_entropy(part, labels) for part in parts.values())


def with_presence(batch: Entries, present: Mapping[str, Tensor]) -> Batch:
    """The batch with masks of the modalities beside it, as ``FusedClassifier`` reads them."""
    return Batch({**batch, **{f"{name}:present": mask for name, mask in present.items()}})
