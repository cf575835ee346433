"""What a joint space knows, in per cent: recall, and accuracy attribute by attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from xmodal_lab.alignment.closed_form import cca
from xmodal_lab.batch import Batch, Entries
from xmodal_lab.datasets import scenes
from xmodal_lab.datasets.scenes import SceneData
from xmodal_lab.encoders.inputs import readers
from xmodal_lab.encoders.untrained import untrained_features
from xmodal_lab.joint.retrieval import choice_accuracy, recall_at_k, zero_shot
from xmodal_lab.joint.space import JointSpace

Embeddings = Mapping[str, Float[Tensor, "rows dim"]]
DIRECTIONS = (("text", "image"), ("audio", "image"), ("audio", "text"))


def recalls(
    embeddings: Embeddings,
    gallery: SceneData,
    directions: Sequence[tuple[str, str]] = DIRECTIONS,
    k: int | Sequence[int] = (1, 5),
) -> dict[str, float]:
    """R@k in per cent, from text and speech to pictures and from speech to text.

    Two rows of one meaning answer each other (``SceneData.matches``).

    Args:
        embeddings: modality → one row a scene of the gallery, of any length.
        gallery: what the rows mean.
        directions: (source, goal); those of which a modality is missing are left out.
        k: one number or several.
    """
    targets, table = torch.from_numpy(gallery.matches()), {}
    for source, goal in directions:
        if source in embeddings and goal in embeddings:
            pair = embeddings[source].cpu(), embeddings[goal].cpu()
            table |= _named(source, goal, recall_at_k(*pair, k, targets))
    return table


def chance_recalls(
    gallery: SceneData,
    directions: Sequence[tuple[str, str]] = DIRECTIONS,
    k: int | Sequence[int] = (1, 5),
) -> dict[str, float]:
    """What ``recalls`` gives a model that guesses, in per cent.

    P(R@k) = 1 - C(n - m, k) / C(n, k),   averaged over queries with m right answers of n
    """
    from scipy.stats import hypergeom  # here: it takes a second to import

    right, table = gallery.matches().sum(1), {}
    wanted = [k] if isinstance(k, int) else k
    found = {one: hypergeom.sf(0, len(gallery), right, one).mean() for one in wanted}
    for source, goal in directions:
        table |= _named(source, goal, found)
    return table


def _named(source: str, goal: str, recall: Mapping[int, float]) -> dict[str, float]:
    return {f"{source}→{goal} R@{k}": 100 * float(share) for k, share in recall.items()}


def attributes(
    space: JointSpace, probe: scenes.Probe, modality: str = "image", pool: str = "best"
) -> dict[str, float]:
    """``attribute_accuracy`` of one-thing scenes for each attribute.

    The classes are told apart by captions alone, see ``scenes.prompts``.
    """
    found = space.embed_data(probe.data, modality)[modality]
    table = {}
    for attribute in scenes.CLASSES:
        classes = [embed_captions(space, captions) for captions in scenes.prompts(attribute)]
        labels = torch.tensor(probe.labels[attribute])
        table[attribute] = attribute_accuracy(found, classes, labels, pool)
    return table


def attribute_accuracy(
    queries: Float[Tensor, "queries dim"],
    prompts: Sequence[Float[Tensor, "_prompts dim"]],
    labels: Int64[Tensor, " queries"],
    pool: str = "best",
) -> float:
    """Per cent of queries whose class is named right by the prompts, see ``zero_shot``."""
    return 100 * (zero_shot(queries, prompts, pool).cpu() == labels).double().mean().item()


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
    read = readers(space.encoders)["text"]
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
