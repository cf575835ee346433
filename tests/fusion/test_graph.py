"""Messages along edges: attention where all are neighbours, masked attention where few are."""

import pytest
import torch

from xmodal_lab.fusion.attention import MultiHeadAttention
from xmodal_lab.fusion.graph import MessagePassing, complete_graph


@pytest.fixture
def pair():
    """One round of messages and one head of attention, with the same weights."""
    own, attention = MessagePassing(6), MultiHeadAttention(6, 1)
    own.load_state_dict(attention.state_dict())
    return own, attention


def test_on_a_complete_graph_it_is_attention(pair):
    own, attention = pair
    nodes = torch.randn(3, 5, 6)
    wanted, weights = attention(nodes)
    found, along = own(nodes, complete_graph(5))
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
    # The edges come source by source: a table of (from, to).
    torch.testing.assert_close(along.unflatten(-1, (5, 5)).mT, weights[:, 0], atol=1e-6, rtol=0)


def test_on_a_sparse_graph_it_is_attention_with_a_mask(pair):
    own, attention = pair
    nodes, mask = torch.randn(3, 7, 6), torch.rand(7, 7) > 0.7
    mask |= torch.eye(7).bool()
    target, source = mask.nonzero().T
    wanted, _ = attention(nodes, mask=mask.expand(3, 7, 7))
    found, weights = own(nodes, torch.stack([source, target]))
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
    assert weights.shape == (3, int(mask.sum()))


def test_one_node_by_hand():
    own = MessagePassing(2)
    for layer in (own.query, own.key, own.value, own.output):
        layer.weight.data, layer.bias.data = torch.eye(2), torch.zeros(2)
    nodes = torch.tensor([[2.0, 0.0], [1.0, 1.0], [0.0, 3.0]])
    found, weights = own(nodes, torch.tensor([[0, 1, 1, 2], [0, 0, 1, 2]]))
    scores = torch.tensor([4.0, 2.0]) / 2**0.5  # node 0 hears itself and node 1
    torch.testing.assert_close(weights[:2], scores.softmax(0))
    torch.testing.assert_close(found[0], scores.softmax(0) @ nodes[:2])
    assert weights[2:].tolist() == [1, 1] and found[2].tolist() == [0, 3]


def test_the_numbering_of_nodes_and_the_order_of_edges_never_count(pair):
    own, _ = pair
    nodes, edges = torch.randn(5, 6), complete_graph(5)[:, torch.randperm(25)[:20]]
    edges = torch.cat([edges, torch.arange(5).expand(2, 5)], 1)
    wanted, _ = own(nodes, edges)
    order, again = torch.randperm(5), torch.randperm(edges.shape[1])
    found, _ = own(nodes[order], order.argsort()[edges][:, again])
    torch.testing.assert_close(found, wanted[order], atol=1e-6, rtol=0)


def test_no_message_comes_from_where_no_edge_comes_from(pair):
    own, _ = pair
    nodes = torch.randn(4, 6, requires_grad=True)
    found, _ = own(nodes, torch.tensor([[0, 1, 1, 2, 3], [0, 0, 1, 2, 3]]))
    found[0].sum().backward()
    assert nodes.grad[:2].all() and not nodes.grad[2:].any()


def test_large_scores_and_half_precision_stay_finite(pair):
    own, _ = pair
    nodes = 40 * torch.randn(5, 6)
    wanted, _ = own(nodes, complete_graph(5))
    assert wanted.isfinite().all()
    found, _ = own.to(torch.bfloat16)(nodes.bfloat16(), complete_graph(5))
    assert found.dtype == torch.bfloat16 and found.isfinite().all()


def test_nodes_that_hear_nothing_or_are_not_there_are_named(pair):
    own, _ = pair
    with pytest.raises(ValueError, match="no edge reaches node 2"):
        own(torch.randn(3, 6), torch.tensor([[0, 1], [0, 1]]))
    with pytest.raises(ValueError, match="names node 3, but there are 3"):
        own(torch.randn(3, 6), torch.tensor([[0, 1, 3], [0, 1, 2]]))
