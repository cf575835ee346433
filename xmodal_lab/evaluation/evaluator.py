"""One evaluator for every alignment: recall, attributes and minimal pairs, on the same scenes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from xmodal_lab.datasets import scenes
from xmodal_lab.encoders.text import read_captions
from xmodal_lab.evaluation.spaces import attribute_accuracy, chance_recalls, recalls
from xmodal_lab.joint.retrieval import choice_accuracy
from xmodal_lab.joint.space import JointSpace

Map = Callable[..., Float[Tensor, "rows dim"]]
MODALITIES = ["text", "image"]
NAMED, SWAPPED = ("colour", "shape"), ("colour", "relation")


class Evaluator:
    """The questions, read once; any two maps can be scored on them.

    Args:
        read: list of captions → features of text; word ids by default.
        see: pictures (count, 3, 32, 32) of uint8 → features of pictures; as they are by default.
        split: where the gallery and the minimal pairs come from.
        count: scenes in the gallery; minimal pairs are four fifths as many.

    Attributes:
        gallery: the scenes, with their captions and pictures.
        text, image: the gallery's features; row i of both is one scene.
    """

    def __init__(
        self,
        read: Callable = read_captions,
        see: Callable = lambda images: images,
        split: str = "test",
        count: int = 500,
    ) -> None:
        self.gallery = scenes.load(split, count, 1, MODALITIES, things=2)
        self.text = read(self.gallery.captions)
        self.image = see(torch.from_numpy(self.gallery.images))
        probe = scenes.probe(seed=100, modalities=["image"])
        self._shown = see(torch.from_numpy(probe.data.images))
        self._named = {
            attribute: (
                [read(captions) for captions in scenes.prompts(attribute)],
                torch.tensor(probe.labels[attribute]),
            )
            for attribute in NAMED
        }
        self._swaps = {}
        for attribute in SWAPPED:
            pairs = scenes.minimal_pairs(attribute, split, count * 4 // 5, 0, MODALITIES)
            self._swaps[attribute] = (
                see(torch.from_numpy(pairs.true.images)),
                read(pairs.true.captions),
                read(pairs.foil.captions),
            )

    @torch.no_grad()
    def scores(self, text: Map, image: Map) -> dict[str, float]:
        """Per cent of right answers, by question.

        R@1 and R@5 on the gallery; colour and shape named zero-shot on pictures of one thing, by
        the best prompt; and how often the true caption is nearer than the swapped one.

        Args:
            text, image: features → points of the shared space, of any length.
        """
        points = {"text": text(self.text), "image": image(self.image)}
        found, shown = self._recalls(recalls, points), image(self._shown).cpu()
        for attribute, (classes, labels) in self._named.items():
            prompts = [text(captions).cpu() for captions in classes]
            found[attribute] = attribute_accuracy(shown, prompts, labels)
        for attribute, (seen, true, foil) in self._swaps.items():
            nearer = choice_accuracy(image(seen).cpu(), text(true).cpu(), text(foil).cpu())
            found[f"{attribute} swapped"] = 100 * nearer
        return found

    def scores_of(self, space: JointSpace) -> dict[str, float]:
        """The scores of a joint space, where ``read`` and ``see`` gave what its encoders read."""

        def points(modality: str) -> Map:
            return lambda x: space.embed_all({modality: x})[modality]

        return self.scores(points("text"), points("image"))

    def chance(self) -> dict[str, float]:
        """What guessing scores, in per cent."""
        named = {attribute: 100 / len(scenes.CLASSES[attribute]) for attribute in NAMED}
        swapped = {f"{attribute} swapped": 50.0 for attribute in SWAPPED}
        return self._recalls(chance_recalls) | named | swapped

    def _recalls(self, recalls: Callable, *given) -> dict[str, float]:
        """R@1 and R@5 from text to pictures, R@1 back."""
        there, back = ("text", "image"), ("image", "text")
        return recalls(*given, self.gallery, [there]) | recalls(*given, self.gallery, [back], 1)
