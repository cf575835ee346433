"""One exam for every alignment: recall, attributes and minimal pairs, on the same scenes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from xmodal_lab.datasets import scenes
from xmodal_lab.joint.retrieval import choice_accuracy, recall_at_k, zero_shot
from xmodal_lab.joint.space import JointSpace

Map = Callable[..., Float[Tensor, "rows dim"]]
MODALITIES = ["text", "image"]


class Exam:
    """The questions, read once; any two maps can be marked on them.

    Args:
        read: list of captions → features of text.
        see: pictures (count, 3, 32, 32) of uint8 → features of pictures.
        split: where the gallery and the minimal pairs come from.
        count: scenes in the gallery; minimal pairs are four fifths as many.

    Attributes:
        text, image: the gallery's features; row i of both is one scene.
        right: (count, count) which pictures answer which caption.
    """

    def __init__(self, read: Callable, see: Callable, split: str = "test", count: int = 500):
        gallery = scenes.load(split, count, 1, MODALITIES, things=2)
        self.text, self.image = read(gallery.captions), see(torch.from_numpy(gallery.images))
        self.right = torch.from_numpy(gallery.matches())
        probe = scenes.probe(seed=100, modalities=["image"])
        self._shown = see(torch.from_numpy(probe.data.images))
        self._names = {
            attribute: (
                [read(captions) for captions in scenes.prompts(attribute)],
                torch.tensor(probe.labels[attribute]),
            )
            for attribute in ("colour", "shape")
        }
        self._swaps = {}
        for attribute in ("colour", "relation"):
            pairs = scenes.minimal_pairs(attribute, count * 4 // 5, 0, split, MODALITIES)
            self._swaps[attribute] = (
                see(torch.from_numpy(pairs.true.images)),
                read(pairs.true.captions),
                read(pairs.foil.captions),
            )

    @torch.no_grad()
    def marks(self, text: Map, image: Map) -> dict[str, float]:
        """Per cent in each subject.

        R@1 and R@5 on the gallery; colour and shape named zero-shot on pictures of one thing, by
        the best prompt; and how often the true caption is nearer than the swapped one.

        Args:
            text, image: features → points of the shared space, of any length.
        """
        captions, pictures = text(self.text).cpu(), image(self.image).cpu()
        there = recall_at_k(captions, pictures, (1, 5), self.right)
        back = recall_at_k(pictures, captions, 1, self.right.T)
        table = {
            "text→image R@1": there[1],
            "text→image R@5": there[5],
            "image→text R@1": back[1],
        }
        shown = image(self._shown).cpu()
        for attribute, (classes, labels) in self._names.items():
            found = zero_shot(shown, [text(prompts).cpu() for prompts in classes])
            table[attribute] = (found == labels).double().mean().item()
        for attribute, (seen, true, foil) in self._swaps.items():
            points = image(seen).cpu(), text(true).cpu(), text(foil).cpu()
            table[f"{attribute} swapped"] = choice_accuracy(*points)
        return {subject: 100 * share for subject, share in table.items()}

    def marks_of(self, space: JointSpace) -> dict[str, float]:
        """The marks of a joint space, where ``read`` and ``see`` gave what its encoders read."""

        def points(modality: str) -> Map:
            return lambda x: space.embed_all({modality: x})[modality]

        return self.marks(points("text"), points("image"))

    def chance(self) -> dict[str, float]:
        """What guessing scores, in per cent; R@5 by its first term, five times R@1."""
        once = 100 * (self.right.sum(dim=1) / len(self.right)).mean().item()
        return {
            "text→image R@1": once,
            "text→image R@5": 5 * once,
            "image→text R@1": once,
            "colour": 12.5,
            "shape": 12.5,
            "colour swapped": 50.0,
            "relation swapped": 50.0,
        }
