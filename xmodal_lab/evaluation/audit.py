"""How much of an answer does each modality carry? Take its news away, and see what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Int64
from torch import Tensor

from xmodal_lab.batch import Batch, Entries
from xmodal_lab.tasks.classification import accuracy

Predict = Callable[[Batch], Int64[Tensor, " rows"]]


def fusion_audit(
    predict: Predict,
    batch: Entries,
    labels: Int64[Tensor, " rows"],
    modalities: Iterable[str],
    seed: int = 0,
    repeats: int = 5,
) -> dict[str, float]:
    """Accuracy as it is, and with one modality's rows exchanged among each other.

        lost_m = accuracy(x) - mean over shuffles π of accuracy(…, x_m[π], …)

    A shuffled modality still looks like data, noise and all, but says nothing about its row. What
    is lost is what the model, as it was trained, takes from that modality and from no other: two
    that know the same may both lose nothing.

    Args:
        predict: classes of a batch, such as ``FusedClassifier.predict``.
        batch: all rows; an entry 'text:present' moves with 'text'.
        labels: right classes.
        modalities: which are shuffled, one at a time.
        seed: of the shuffles.
        repeats: shuffles a modality.

    Returns:
        'as it is' and each modality → share of right answers.

    Raises:
        KeyError: for a modality that the batch does not have.

    Source: permutation importance, Breiman 2001, of a whole modality; Fisher et al. 2019.
    """
    rows, generator = Batch(batch), torch.Generator().manual_seed(seed)
    found = {"as it is": accuracy(predict(rows), labels)}
    for name in modalities:
        own = [entry for entry in rows if entry == name or entry.startswith(f"{name}:")]
        moved = rows.select(own or [name])
        right = []
        for _ in range(repeats):
            order = torch.randperm(rows.size, generator=generator)
            right.append(accuracy(predict(Batch({**rows, **moved.rows(order)})), labels))
        found[name] = sum(right) / repeats
    return found
