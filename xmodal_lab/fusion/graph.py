"""A graph: modalities and their parts are nodes, and messages travel along edges."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn


class MessagePassing(nn.Module):
    """One round: every node takes the mean of its neighbours' messages, by how well they fit.

        h_i' = W_o Σ_{j → i} a_ij W_v h_j,   a_ij = softmax_{j → i}( W_q h_i · W_k h_j / √dim )

    On a complete graph (every node has an edge from every node, itself included) this *is*
    self-attention of one head; on a sparse graph it is attention with a mask. The names of the
    weights are those of ``MultiHeadAttention(dim, 1)``, which can be loaded. Only edges are
    computed: with few of them it costs less than a table of all pairs.

    Args:
        dim: size of a node.

    Source: Gilmer et al. 2017 (message passing); softmax over neighbours, Veličković et al. 2018;
    with these scores, Shi et al. 2021.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.value, self.output = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(
        self, nodes: Float[Tensor, "*batch nodes dim"], edges: Int64[Tensor, "2 edges"]
    ) -> tuple[Float[Tensor, "*batch nodes dim"], Float[Tensor, "*batch edges"]]:
        """The nodes after one round, and every edge's weight; those that reach a node sum to 1.

        Args:
            nodes: one or more sets of them, with the same edges.
            edges: from (first line) and to (second line).

        Raises:
            ValueError: for an edge to or from a node that is not there, or a node that no edge
                reaches.
        """
        count = nodes.shape[-2]
        _check(edges, count)
        source, target = edges
        sent, asked = self.key(nodes)[..., source, :], self.query(nodes)[..., target, :]
        scores = (asked * sent).sum(-1).float() / math.sqrt(nodes.shape[-1])
        weights = _softmax_by(target, scores, count).to(nodes.dtype)
        messages = weights[..., None] * self.value(nodes)[..., source, :]
        return self.output(torch.zeros_like(nodes).index_add(-2, target, messages)), weights


def complete_graph(nodes: int) -> Int64[Tensor, "2 edges"]:
    """An edge from every node to every node, itself included."""
    return torch.cartesian_prod(torch.arange(nodes), torch.arange(nodes)).T


def _softmax_by(
    group: Int64[Tensor, " edges"], scores: Float[Tensor, "*batch edges"], groups: int
) -> Float[Tensor, "*batch edges"]:
    """A softmax among the edges of each group."""
    index = group.expand_as(scores)
    empty = scores.new_full((*scores.shape[:-1], groups), -torch.inf)
    highest = empty.scatter_reduce(-1, index, scores.detach(), "amax")
    grown = (scores - highest.gather(-1, index)).exp()
    sums = torch.zeros_like(empty).scatter_add(-1, index, grown)
    return grown / sums.gather(-1, index)


def _check(edges: Tensor, nodes: int) -> None:
    strange = (edges < 0) | (edges >= nodes)
    if strange.any():
        raise ValueError(f"an edge names node {edges[strange][0].item()}, but there are {nodes}")
    alone = torch.bincount(edges[1], minlength=nodes) == 0
    if alone.any():
        raise ValueError(
            f"no edge reaches node {alone.nonzero()[0].item()}: it would hear nothing. "
            "Give it one from itself"
        )
