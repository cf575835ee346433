"""Word vectors by counting: who stands near whom, more often than by chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor


def cooccurrence(
    documents: Sequence[Int[Tensor, " _"]],
    vocabulary: int,
    window: int = 5,
    weight: Literal["flat", "harmonic"] = "flat",
) -> Float[Tensor, "vocabulary vocabulary"]:
    """How often two words stand at most ``window`` places apart in the same document.

        N_ij = Σ_d≤window g(d) · #{places t with {w_t, w_t+d} = {i, j}},   g = 1 or 1/d

    A pair of neighbours counts for both of its words, so N is symmetric; two places of the same
    word count twice on the diagonal.

    Args:
        documents: word numbers, 0 … vocabulary − 1; no pair reaches from one into the next.
        vocabulary: number of words.
        window: largest distance.
        weight: "flat" counts every pair as 1, "harmonic" a pair d places apart as 1/d.

    Returns:
        (vocabulary, vocabulary) float32 counts.

    Raises:
        ValueError: for no words, word numbers outside the vocabulary, a window below 1, or an
            unknown weight.

    Source: harmonic weights, Pennington, Socher and Manning 2014 (GloVe).
    """
    if window < 1:
        raise ValueError(f"the window must be at least 1, got {window}")
    if weight not in ("flat", "harmonic"):
        raise ValueError(f"weight must be 'flat' or 'harmonic', got {weight!r}")
    if not documents or not any(len(document) for document in documents):
        raise ValueError("there is nothing to count: no document holds a word")
    words = torch.cat(list(documents))
    low, high = int(words.min()), int(words.max())
    if low < 0 or high >= vocabulary:
        raise ValueError(
            f"word numbers must lie in 0 … {vocabulary - 1}, got numbers from {low} to {high}"
        )
    lengths = torch.tensor([len(document) for document in documents], device=words.device)
    document = torch.repeat_interleave(torch.arange(len(documents), device=words.device), lengths)
    counts = torch.zeros(vocabulary * vocabulary, dtype=torch.float64, device=words.device)
    # One shift of the whole text for each distance instead of a loop over places.
    for distance in range(1, min(window, len(words) - 1) + 1):
        inside = document[distance:] == document[:-distance]
        pairs = (words[:-distance] * vocabulary + words[distance:])[inside]
        found = torch.bincount(pairs, minlength=len(counts))
        counts += found / distance if weight == "harmonic" else found
    square = counts.view(vocabulary, vocabulary)
    return (square + square.T).float()


def ppmi(
    counts: Float[Tensor, "words contexts"], smoothing: float = 0.75, shift: float = 0.0
) -> Float[Tensor, "words contexts"]:
    """Positive pointwise mutual information: how much more often than by chance, never below 0.

        PPMI_ij = max(0, ln P(i, j) / (P(i) P_α(j)) − shift),   P_α(j) = N_j^α / Σ_k N_k^α

    Args:
        counts: co-occurrence counts, none negative.
        smoothing: α; below 1, rare contexts count as less rare than they are, since by chance
            they would otherwise look the most telling.
        shift: ln k makes this the matrix that skip-gram with k noise words factorises.

    Raises:
        ValueError: for negative or no counts, NaN, or a smoothing outside 0 … 1.

    Source: Church and Hanks 1990; smoothing and shift, Levy, Goldberg and Dagan 2015.
    """
    if not 0 <= smoothing <= 1:
        raise ValueError(f"smoothing must lie in 0 … 1, got {smoothing}")
    if not counts.isfinite().all() or (counts < 0).any():
        raise ValueError("counts must be finite and not negative")
    total = counts.sum()
    if total == 0:
        raise ValueError("all counts are zero: the documents hold no two words together")
    word = counts.sum(1, keepdim=True) / total
    context = counts.sum(0, keepdim=True) ** smoothing
    context = torch.where(counts.sum(0, keepdim=True) > 0, context, 0.0)
    chance = word * (context / context.sum())
    information = torch.log(counts / total / chance) - shift
    # Cells never seen are ln 0; rows and columns never seen 0 / 0.
    return torch.where(counts > 0, information, 0.0).clamp(min=0)


def svd_vectors(
    matrix: Float[Tensor, "words contexts"], dim: int, power: float = 0.5
) -> Float[Tensor, "words dim"]:
    """The rows of a matrix in the few directions that hold most of it.

        M = U Σ Vᵀ,   X = U_dim Σ_dim^power

    Args:
        matrix: one row a word, for instance from ``ppmi``.
        dim: how many directions to keep.
        power: 1 keeps the rows' products, ½ (and 0) weighs small directions more, which serves
            similarity better.

    Raises:
        ValueError: for more directions than the matrix has.

    Source: Deerwester et al. 1990; the power, Levy, Goldberg and Dagan 2015.
    """
    if not 1 <= dim <= min(matrix.shape):
        raise ValueError(f"dim must lie in 1 … {min(matrix.shape)}, got {dim}")
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    # A direction and its opposite are the same answer: take the one that does not depend on
    # how the decomposition was computed.
    largest = right.abs().argmax(dim=1, keepdim=True)
    signs = right.gather(1, largest).squeeze(1).sign()
    return (left * signs)[:, :dim] * values[:dim] ** power
