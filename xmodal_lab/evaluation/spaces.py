"""One table that tells what a joint space knows: recall, and accuracy attribute by attribute."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from xmodal_lab.alignment.closed_form import cca
from xmodal_lab.batch import Batch, Entries
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes import SceneData
from xmodal_lab.encoders.text import read_captions
from xmodal_lab.encoders.untrained import untrained_features
from xmodal_lab.joint.retrieval import choice_accuracy, recall_at_k, zero_shot
from xmodal_lab.joint.space import JointSpace

Embeddings = Mapping[str, Float[Tensor, "rows dim"]]
DIRECTIONS = (("text", "image"), ("audio", "image"), ("audio", "text"))


def recalls(embeddings: Embeddings, gallery: SceneData) -> dict[str, float]:
    """R@1 and R@5 in per cent, from text and speech to pictures and from speech to text.

    Two rows of one meaning answer each other (``SceneData.matches``).
    """
    targets = torch.from_numpy(gallery.matches())
    table = {}
    for source, goal in DIRECTIONS:
        if source in embeddings and goal in embeddings:
            found = recall_at_k(embeddings[source].cpu(), embeddings[goal].cpu(), (1, 5), targets)
            table |= {f"{source}→{goal} R@{k}": 100 * share for k, share in found.items()}
    return table


def chance_recalls(gallery: SceneData) -> dict[str, float]:
    """What ``recalls`` gives a model that guesses, in per cent.

    P(R@k) = 1 - Π_{i<k} (n - m - i) / (n - i),   averaged over queries with m right answers of n
    """
    right = torch.from_numpy(gallery.matches()).sum(dim=1).double()
    count, table = len(gallery), {}
    for k in (1, 5):
        missed = torch.ones_like(right)
        for i in range(k):
            missed *= (count - right - i).clamp(min=0) / (count - i)
        for source, goal in DIRECTIONS:
            table[f"{source}→{goal} R@{k}"] = 100 * float(1 - missed.mean())
    names = [f"{source}→{goal} R@{k}" for source, goal in DIRECTIONS for k in (1, 5)]
    return {name: table[name] for name in names}


def attributes(
    space: JointSpace, probe: scenes.Probe, modality: str = "image", pool: str = "best"
) -> dict[str, float]:
    """Zero-shot accuracy in per cent for each attribute of one-thing scenes.

    The classes are told apart by captions alone, see ``scenes.prompts``.
    """
    found = space.embed_data(probe.data, modality)[modality]
    table = {}
    for attribute in scenes.CLASSES:
        classes = [embed_captions(space, captions) for captions in scenes.prompts(attribute)]
        right = torch.tensor(probe.labels[attribute], device=found.device)
        table[attribute] = 100 * (zero_shot(found, classes, pool) == right).double().mean().item()
    return table


def swaps(
    space: JointSpace, pairs: scenes.MinimalPairs, source: str = "image", goal: str = "text"
) -> float:
    """Per cent of scenes that are nearer to their own caption than to the swapped one."""
    true = space.embed_data(pairs.true, source, goal)
    foil = space.embed_data(pairs.foil, goal)
    return 100 * choice_accuracy(true[source], true[goal], foil[goal])


def embed_captions(space: JointSpace, captions: list[str]) -> Float[Tensor, "captions dim"]:
    """Unit vectors of captions.

    Raises:
        ValueError: for unknown words, with the nearest known ones.
    """
    read = getattr(space.encoders["text"], "read", read_captions)
    return space.embed_all({"text": read(captions)})["text"]


def closed_form_recalls(train: Entries, test: Entries, gallery: SceneData) -> dict[str, float]:
    """Recalls of CCA on features that nothing was trained for: the bar that training must clear.

    Args:
        train: pairs to fit the linear maps on.
        test: what the encoders read of ``gallery``.
        gallery: what the rows of ``test`` mean.
    """
    # On the CPU: CCA wants float64, which not every device has.
    x, y = (untrained_features(Batch(batch).to("cpu")) for batch in (train, test))
    table = {}
    for source, goal in DIRECTIONS:
        if source not in x or goal not in x:
            continue
        # The slices of a spectrogram outnumber what they tell: a stronger ridge.
        fitted = cca(x[source], x[goal], dim=40, ridge=1e-1 if "audio" in (source, goal) else 1e-4)
        projected = {source: fitted.project_x(y[source]), goal: fitted.project_y(y[goal])}
        table |= recalls(projected, gallery)
    return table
