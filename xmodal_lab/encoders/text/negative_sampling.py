"""Negative sampling: is this word a true neighbour, or noise? The losses of Word2Vec."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F


def skip_gram_loss(
    centre: Float[Tensor, "batch dim"],
    context: Float[Tensor, "batch dim"],
    noise: Float[Tensor, "batch negatives dim"],
) -> Float[Tensor, ""]:
    """Skip-gram with negative sampling: tell a true neighbour from k words drawn as noise.

        L = -1/B Σ_i [ ln σ(u_i · v_i) + Σ_k ln σ(-u_i · n_ik) ]

    Args:
        centre: u, the word vectors of the words in the middle.
        context: v, the context vectors of one neighbour each.
        noise: n, the context vectors of k words each, drawn from the noise distribution.

    Returns:
        The mean loss in nats; (1 + k) ln 2 where nothing is known.

    Source: Mikolov et al. 2013b, equation 4.
    """
    true = (centre * context).sum(1)
    false = torch.einsum("bd,bkd->bk", centre, noise)
    # logsigmoid, not log(sigmoid): a score of -100 costs 100 nats, not infinity.
    return -(F.logsigmoid(true) + F.logsigmoid(-false).sum(1)).mean()


def cbow_loss(
    contexts: Float[Tensor, "batch width dim"],
    seen: Bool[Tensor, "batch width"],
    centre: Float[Tensor, "batch dim"],
    noise: Float[Tensor, "batch negatives dim"],
) -> Float[Tensor, ""]:
    """Continuous bag of words: the neighbours' mean must know the word in the middle.

        h_i = mean of contexts_ij over seen j
        L = -1/B Σ_i [ ln σ(h_i · v_i) + Σ_k ln σ(-h_i · n_ik) ]

    Args:
        contexts: the word vectors of all neighbours, in any order.
        seen: which of them count; at least one in every row.
        centre: v, the context vectors of the words in the middle.
        noise: n, the context vectors of k words each, drawn from the noise distribution.

    Returns:
        The mean loss in nats.

    Source: Mikolov et al. 2013a, with the negative sampling of 2013b.
    """
    return skip_gram_loss(masked_mean(contexts, seen), centre, noise)


def masked_mean(
    rows: Float[Tensor, "batch width dim"], seen: Bool[Tensor, "batch width"]
) -> Float[Tensor, "batch dim"]:
    """The mean of the rows that are seen."""
    weights = seen.to(rows.dtype) / seen.sum(1, keepdim=True)
    return torch.einsum("bw,bwd->bd", weights, rows)


def shared_noise_loss(
    query: Float[Tensor, "batch dim"],
    target: Float[Tensor, "batch dim"],
    noise: Float[Tensor, "shared dim"],
    negatives: int,
) -> Float[Tensor, ""]:
    """The same loss where a whole batch shares its noise words: the same mean, much less work.

        L = -1/B Σ_i [ ln σ(q_i · t_i) + k/N Σ_n ln σ(-q_i · n_n) ]

    Args:
        query: q, what asks: centre words in skip-gram, the neighbours' means in CBOW.
        target: t, the word that is right for each.
        noise: N words drawn from the noise distribution, for all rows of the batch.
        negatives: k, how many of them each row would have drawn for itself.

    Source: Ji et al. 2016, 'Parallelizing Word2Vec in Shared and Distributed Memory'.
    """
    true = (query * target).sum(1)
    false = query @ noise.T
    return -(F.logsigmoid(true) + F.logsigmoid(-false).sum(1) * (negatives / len(noise))).mean()


def pull_and_push(
    query: Float[Tensor, "batch dim"],
    target: Float[Tensor, "batch dim"],
    noise: Float[Tensor, "shared dim"],
    negatives: int,
) -> tuple[Float[Tensor, "batch dim"], Float[Tensor, "batch dim"], Float[Tensor, "shared dim"]]:
    """The gradients of B times ``shared_noise_loss``, by hand: they say what learning does.

        ∂/∂q_i = (σ(q_i · t_i) - 1) t_i + k/N Σ_n σ(q_i · n_n) n_n
        ∂/∂t_i = (σ(q_i · t_i) - 1) q_i,   ∂/∂n_n = k/N Σ_i σ(q_i · n_n) q_i

    Who belongs together is pulled together, the harder the less sure the model is; noise is pushed
    away, the harder the more it is mistaken for a neighbour. Autograd finds the same (a test says
    so) in twice the time.

    Returns:
        The gradients of query, target and noise, for a step in which every pair counts in full.
    """
    pull = torch.sigmoid((query * target).sum(1, keepdim=True)) - 1
    push = torch.sigmoid(query @ noise.T) * (negatives / len(noise))
    return torch.addmm(pull * target, push, noise), pull * query, push.T @ query
