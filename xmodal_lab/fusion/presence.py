"""Which modalities are there, row by row: checked once, in the same words for every fusion.

A modality is missing where its vectors are not given at all, or where ``present`` says False. What
stands in a missing row, NaN included, must never matter: it is replaced before anything is
computed, since 0 · NaN is NaN, in the gradient too.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Vectors = Mapping[str, Float[Tensor, "batch _dim"]]
Present = Mapping[str, Bool[Tensor, "batch"]]


def settled(
    dims: Mapping[str, int], vectors: Vectors, present: Present | None = None
) -> tuple[dict[str, Float[Tensor, "batch _dim"]], Bool[Tensor, "batch modalities"]]:
    """Vectors of every modality, zeros where it is missing, and where it is there.

    Args:
        dims: every modality's dimensions; the order of the answers.
        vectors: of those modalities that are there at all.
        present: False in the rows where a modality is missing; one left out is there in all rows.

    Raises:
        ValueError: for an unknown modality, shapes that do not fit, no rows, or a row in which
            nothing is there.
    """
    _check_names(dims, vectors, present or {})
    sizes = {name: tuple(rows.shape) for name, rows in vectors.items()}
    count = len(next(iter(vectors.values())))
    wanted = {name: (count, dims[name]) for name in vectors}
    if sizes != wanted:
        raise ValueError(f"expected one number of rows and shapes {wanted}, got {sizes}")
    if not count:
        raise ValueError(f"there are no rows to fuse: got {sizes}")
    like, there, values = next(iter(vectors.values())), [], {}
    for name, dim in dims.items():
        mask = like.new_full((count,), name in vectors, dtype=torch.bool)
        if name in (present or {}):
            mask = mask & _mask(name, present[name], count).to(like.device)
        rows = vectors.get(name, like.new_zeros(1, dim))
        values[name] = rows.where(mask[:, None], 0.0)
        there.append(mask)
    whole = torch.stack(there, dim=1)
    if not bool(whole.any(1).all()):
        empty = (~whole.any(1)).nonzero().flatten().tolist()
        raise ValueError(
            f"nothing is there in rows {empty[:8]}{' …' if len(empty) > 8 else ''} of {count}: "
            f"each row needs one of {', '.join(dims)}"
        )
    return values, whole


def modality_dropout(
    present: Present, share: float = 0.3, generator: torch.Generator | None = None
) -> dict[str, Bool[Tensor, "batch"]]:
    """Take modalities away at random, as training for their absence, but never a row's last one.

    Each modality of each row goes with probability ``share``; where all would go, one of those
    that were there stays, each as likely.

    Args:
        present: where each modality is there.
        share: from 0 to below 1.
        generator: draws; on the CPU.

    Returns:
        The masks that remain; a missing modality stays missing.

    Raises:
        ValueError: for a share outside 0 … 1, or no modality.

    Source: Neverova et al. 2016 (ModDrop).
    """
    if not 0 <= share < 1:
        raise ValueError(f"share must lie in 0 … 1, 1 excluded, got {share}")
    if not present:
        raise ValueError("there is no modality to take away: give where each one is there")
    there = torch.stack(list(present.values()), dim=1)
    draws = torch.rand(there.shape, generator=generator).to(there.device).where(there, -1.0)
    # A row's largest draw is the last to go: where it goes, all go.
    stays = there & ((draws >= share) | (draws == draws.amax(1, keepdim=True)))
    return dict(zip(present, stays.unbind(1), strict=True))


def _check_names(dims: Mapping[str, int], vectors: Vectors, present: Present) -> None:
    known = ", ".join(dims)
    if not vectors:
        raise ValueError(f"there is nothing to fuse: give vectors of one or more of {known}")
    if unknown := [name for name in {**vectors, **present} if name not in dims]:
        raise ValueError(f"unknown modalities {unknown}: this fusion was made for {known}")
    if lost := [name for name, mask in present.items() if name not in vectors and mask.any()]:
        raise ValueError(f"present says that {lost} are there, but there are no vectors of them")


def _mask(name: str, mask: Tensor, count: int) -> Tensor:
    if mask.dtype != torch.bool or mask.shape != (count,):
        raise ValueError(
            f"expected present[{name!r}] of bool and shape ({count},), got {mask.dtype} and "
            f"{tuple(mask.shape)}"
        )
    return mask
