"""Words and the regions of a picture as sets of vectors: a small network that keeps them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Batch, Entries, Padded
from xmodal_lab.datasets.scenes import WORDS
from xmodal_lab.objective import Objective

GRID = 4  # regions along each side of a picture
Score = Callable[..., Tensor]


class WordsAndRegions(nn.Module):
    """A vector for every word, whatever stands beside it, and one for each of 4 × 4 regions.

    Args:
        dim: of the vectors.
    """

    def __init__(self, dim: int = 48) -> None:
        super().__init__()
        self.words = nn.Embedding(len(WORDS) + 1, dim)
        layers: list[nn.Module] = []
        for before, after, kernel in ((3, 32, 5), (32, 64, 3), (64, 64, 3)):
            layers += [nn.Conv2d(before, after, kernel, 2, kernel // 2), nn.BatchNorm2d(after)]
            layers += [nn.ReLU()]
        self.regions = nn.Sequential(*layers, nn.Conv2d(64, dim, 1))
        self.log_temperature = nn.Parameter(torch.tensor(0.07).log())

    def read(
        self, captions: Padded
    ) -> tuple[Float[Tensor, "rows words dim"], Bool[Tensor, "rows words"]]:
        """Vectors of the words, and which of them are no padding."""
        return self.words(captions.values), captions.mask

    def forward(self, batch: Entries) -> dict[str, Tensor]:
        """'words', their 'mask', 'regions', and the 'temperature' of a contrast."""
        words, mask = self.read(batch["text"])
        return {
            "words": words,
            "mask": mask,
            "regions": self.see(batch["image"]),
            "temperature": self.log_temperature.exp(),
        }

    def see(self, images: UInt8[Tensor, "rows 3 32 32"]) -> Float[Tensor, "rows regions dim"]:
        """Vectors of the 16 regions, line by line."""
        return self.regions(images.float() / 127.5 - 1).flatten(2).transpose(1, 2)


def pooled_score(words: Tensor, regions: Tensor, word_mask: Tensor) -> Tensor:
    """One vector a side: the cosine of the mean word and the mean region."""
    units = F.normalize(words, dim=-1) * word_mask[..., None]
    return F.cosine_similarity(units.sum(-2), F.normalize(regions, dim=-1).sum(-2), dim=-1)


def contrast(score: Score) -> Objective:
    """InfoNCE on a score of all captions with all pictures of a batch, an objective for ``fit``.

    Args:
        score: maps words (…, words, dim), regions (…, regions, dim) and ``word_mask`` to (…).
    """

    def objective(outputs: Mapping[str, Tensor], batch: Batch) -> Float[Tensor, ""]:
        words, mask, regions = outputs["words"], outputs["mask"], outputs["regions"]
        scores = score(words[:, None], regions[None], word_mask=mask[:, None])
        logits = scores / outputs["temperature"]
        partner = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, partner) + F.cross_entropy(logits.T, partner)) / 2

    return objective


@torch.no_grad()
def score_table(
    net: WordsAndRegions, score: Score, data: Entries
) -> Float[Tensor, "captions pictures"]:
    """Every caption with every picture, a few captions at a time; on the CPU."""
    outputs = net(Batch(data).to(net.log_temperature.device))
    words, mask, regions = outputs["words"], outputs["mask"], outputs["regions"]
    parts = torch.arange(len(words)).split(20)
    found = [score(words[p, None], regions[None], word_mask=mask[p, None]) for p in parts]
    return torch.cat(found).cpu()


@torch.no_grad()
def word_cosines(net: WordsAndRegions, data: Entries, row: int) -> Float[Tensor, "words 16"]:
    """Cosines of one scene's words with its regions; on the CPU."""
    outputs = net(Batch(data).rows(torch.tensor([row])).to(net.log_temperature.device))
    words, regions = outputs["words"][0][outputs["mask"][0]], outputs["regions"][0]
    return (F.normalize(words, dim=1) @ F.normalize(regions, dim=1).T).cpu()
