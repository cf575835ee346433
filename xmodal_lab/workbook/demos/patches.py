"""Words and the regions of a picture as sets of vectors: a small network, and where words point."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from xmodal_lab.batch import Batch, Padded
from xmodal_lab.datasets.scenes import COLOURS, WORDS, Scene
from xmodal_lab.datasets.scenes.language import COLOUR_WORDS

GRID = 4  # regions along each side of a picture


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

    def see(self, images: UInt8[Tensor, "rows 3 32 32"]) -> Float[Tensor, "rows regions dim"]:
        """Vectors of the 16 regions, line by line."""
        return self.regions(images.float() / 127.5 - 1).flatten(2).transpose(1, 2)


def pooled_score(words: Tensor, regions: Tensor, word_mask: Tensor) -> Tensor:
    """One vector a side: the cosine of the mean word and the mean region."""
    units = F.normalize(words, dim=-1) * word_mask[..., None]
    return F.cosine_similarity(units.sum(-2), F.normalize(regions, dim=-1).sum(-2), dim=-1)


def train(
    net: WordsAndRegions, score: Callable, data: Batch, steps: int, batch: int
) -> list[float]:
    """InfoNCE on a score of all captions with all pictures of a batch; the loss of every step."""
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, steps)
    partner, losses = torch.arange(batch, device=data["image"].device), []
    net.train()
    for _ in range(steps):
        rows = torch.randint(len(data["image"]), (batch,), device=data["image"].device)
        words, mask = net.read(data["text"].rows(rows))
        regions = net.see(data["image"][rows])
        scores = score(words[:, None], regions[None], word_mask=mask[:, None])
        logits = scores / net.log_temperature.exp()
        loss = (F.cross_entropy(logits, partner) + F.cross_entropy(logits.T, partner)) / 2
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rates.step()
        losses.append(loss.item())
    net.eval()
    return losses


@torch.no_grad()
def scores(
    net: WordsAndRegions, score: Callable, data: Batch
) -> Float[Tensor, "captions pictures"]:
    """Every caption with every picture, a few captions at a time."""
    words, mask = net.read(data["text"])
    regions, parts = net.see(data["image"]), torch.arange(len(words)).split(20)
    return torch.cat([score(words[p, None], regions[None], word_mask=mask[p, None]) for p in parts])


def recall(
    net: WordsAndRegions, score: Callable, data: Batch, right: Bool[Tensor, "rows rows"]
) -> float:
    """R@1 in per cent, captions looking for pictures; ties count as misses."""
    return table_r1(scores(net, score, data), right)


def table_r1(table: Float[Tensor, "rows columns"], right: Bool[Tensor, "rows columns"]) -> float:
    """R@1 in per cent of a table of scores; ties count as misses."""
    best = table.masked_fill(~right, -torch.inf).amax(dim=1, keepdim=True)
    return 100 * ((table >= best) & ~right).any(dim=1).logical_not().double().mean().item()


@torch.no_grad()
def table(net: WordsAndRegions, data: Batch, row: int) -> Float[Tensor, "words 16"]:
    """Cosines of one scene's words with its regions."""
    words, mask = net.read(data["text"].rows(torch.tensor([row])))
    regions = net.see(data["image"][row : row + 1])
    return F.normalize(words[0][mask[0]], dim=1) @ F.normalize(regions[0], dim=1).T


def pointing(plans: Sequence[Tensor], captions: Padded, shown: Sequence[Scene]) -> float:
    """Share of colour words whose first region lies in the half where their thing stands.

    Which half that is the relation tells: of 'a red box left of a blue star', red is in the left
    half and blue in the right one. Guessing scores 0.5.

    Args:
        plans: for each scene (words, 16), any measure of who belongs to whom.
        captions: word ids of the scenes' captions.
        shown: scenes of two things.
    """
    means = {word: colour for colour in COLOURS for word in COLOUR_WORDS[colour]}
    hits = []
    for plan, ids, scene in zip(plans, captions.values.tolist(), shown, strict=True):
        for number, region in zip(ids, plan.argmax(1).tolist(), strict=False):
            colour = means.get(WORDS[number - 1])
            if colour is None:
                continue
            sideways = scene.relation in ("left of", "right of")
            place = region % GRID if sideways else region // GRID
            first = scene.things[0].colour == colour
            hits.append((place < GRID // 2) == (first == (scene.relation in ("left of", "above"))))
    return sum(hits) / len(hits)
