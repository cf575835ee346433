"""Hubs: gallery rows that answer far too many queries, and two ways to make them quieter.

All functions read a table of similarities (queries, gallery), so that one can be measured after
the other. A correction needs to know which gallery rows are popular: ask that of a *bank* of
queries from the training data. Taking the test queries themselves works too, but then a query is
answered with the help of all others, which a search engine does not have.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from xmodal_lab.alignment.checks import check_k, check_table


def k_occurrences(
    similarity: Float[Tensor, "queries gallery"], k: int = 10
) -> Int64[Tensor, " gallery"]:
    """In how many queries' lists of k nearest each gallery row stands; k · queries / gallery on
    average.

    Raises:
        ValueError: for an empty table, NaN, or a k outside 1 … gallery.
    """
    check_table(similarity)
    check_k(k, similarity.shape[1], "gallery rows")
    lists = similarity.topk(k, dim=1).indices
    return torch.bincount(lists.flatten(), minlength=similarity.shape[1])


def hubness(similarity: Float[Tensor, "queries gallery"], k: int = 10) -> float:
    """Skewness of the k-occurrences: does a small part of the gallery answer most queries?

        N_g = #{ i : g among the k nearest of query i },   S = mean (N - μ)³ / σ³

    Args:
        similarity: the larger, the nearer; cosines, or what ``csls`` makes of them.
        k: length of the lists.

    Returns:
        0 where all rows are as popular, above 1 where there are clear hubs. Lists drawn at random
        give (1 - 2p) / √(queries p (1 - p)) with p = k / gallery, a little above 0.

    Raises:
        ValueError: as ``k_occurrences``.

    Source: Radovanović et al. 2010.
    """
    from scipy.stats import skew  # here: it takes a second to import

    counts = k_occurrences(similarity, k)
    # Where all rows are as popular there is no spread to divide by.
    return float(skew(counts.cpu().numpy())) if counts.unique().numel() > 1 else 0.0


def csls(
    similarity: Float[Tensor, "queries gallery"],
    k: int = 10,
    bank: Float[Tensor, "bank gallery"] | None = None,
) -> Float[Tensor, "queries gallery"]:
    """Cross-domain similarity local scaling: near to you, but not near to everybody.

        csls_ij = 2 cos(q_i, g_j) - r(q_i) - r(g_j)

    where r is the mean similarity to the k nearest of the other side. r(q_i) changes no query's
    list; it makes figures of different queries comparable.

    Args:
        similarity: cosines.
        k: neighbours to average over.
        bank: similarities of other queries (from the training data) with the same gallery, for
            r(g_j); None asks the queries themselves.

    Returns:
        From -4 to 4; above 0 where the two are nearer to each other than to their neighbours.

    Raises:
        ValueError: for an empty table, NaN, another gallery in the bank, or a k out of range.

    Source: Conneau et al. 2018.
    """
    bank = _checked_bank(similarity, bank)
    check_k(k, min(len(bank), similarity.shape[1]), "rows on the smaller side")
    queries = similarity.topk(k, dim=1).values.mean(1, keepdim=True)
    gallery = bank.topk(k, dim=0).values.mean(0)
    return 2 * similarity - queries - gallery


def inverted_softmax(
    similarity: Float[Tensor, "queries gallery"],
    temperature: float = 0.05,
    bank: Float[Tensor, "bank gallery"] | None = None,
) -> Float[Tensor, "queries gallery"]:
    """Whom would the gallery row choose? A softmax over queries, in place of one over answers.

        s_ij = ln [ exp(cos(q_i, g_j) / τ) / Σ_b exp(cos(q_b, g_j) / τ) ]

    Args:
        similarity: cosines.
        temperature: τ > 0; the colder, the more only the nearest queries of the bank count.
        bank: similarities of other queries (from the training data) with the same gallery; None
            asks the queries themselves.

    Returns:
        Logarithms, so that nothing overflows: at most 0 without a bank, of any sign with one.

    Raises:
        ValueError: for an empty table, NaN, another gallery in the bank, or temperature ≤ 0.

    Source: Smith et al. 2017; with a bank of training queries, Bogolin et al. 2022 (QB-Norm).
    """
    bank = _checked_bank(similarity, bank)
    if not temperature > 0:
        raise ValueError(f"temperature must be > 0, got {temperature}")
    return similarity / temperature - (bank / temperature).logsumexp(0)


def _checked_bank(similarity: Tensor, bank: Tensor | None) -> Tensor:
    check_table(similarity)
    if bank is None:
        return similarity
    check_table(bank, "bank")
    if bank.shape[1] != similarity.shape[1]:
        raise ValueError(
            f"the bank must ask the same gallery of {similarity.shape[1]} rows, "
            f"got {tuple(bank.shape)}"
        )
    return bank
