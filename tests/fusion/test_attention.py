"""Attention equals torch's, minds its mask, and never gives NaN."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from xmodal_lab.fusion.attention import (
    MultiHeadAttention,
    ScaledDotProductAttention,
    scaled_dot_product_attention,
    split_heads,
)


def parts(queries=4, keys=6, dim=8, value=5, batch=(3,)):
    return (torch.randn(*batch, n, d) for n, d in ((queries, dim), (keys, dim), (keys, value)))


def some_mask(*shape):
    mask = torch.rand(*shape) > 0.5
    mask[..., 0] = True  # everybody has something to look at
    return mask


def torchs(own: MultiHeadAttention, dim: int) -> nn.MultiheadAttention:
    """The library's layer with our weights."""
    theirs = nn.MultiheadAttention(dim, own.heads, batch_first=True)
    blocks = (own.query, own.key, own.value)
    theirs.in_proj_weight.data = torch.cat([block.weight.data for block in blocks])
    theirs.in_proj_bias.data = torch.cat([block.bias.data for block in blocks])
    theirs.out_proj.load_state_dict(own.output.state_dict())
    return theirs


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_equals_torchs(masked, batch):
    q, k, v = parts(batch=batch)
    mask = some_mask(*batch, 4, 6) if masked else None
    found, weights = scaled_dot_product_attention(q, k, v, mask)
    wanted = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
    torch.testing.assert_close(weights.sum(-1), torch.ones(*batch, 4), atol=1e-6, rtol=0)
    assert ScaledDotProductAttention()(q, k, v, mask)[0].equal(found)


def test_attention_is_the_mean_that_its_formula_says():
    q, k, v = (part.double() for part in parts(batch=()))
    found, _ = scaled_dot_product_attention(q, k, v)
    for query in range(4):
        scores = [math.exp(float(q[query] @ k[key]) / math.sqrt(8)) for key in range(6)]
        wanted = sum(score * v[key] for key, score in enumerate(scores)) / sum(scores)
        torch.testing.assert_close(found[query], wanted, atol=1e-6, rtol=0)


def test_the_root_keeps_the_spread_of_scores_at_one():
    for dim in (4, 400):
        q, k, _ = parts(queries=100, keys=100, dim=dim)
        # Weights are exponentials of scores: their logarithm spreads as scores do.
        _, weights = scaled_dot_product_attention(q, k, k)
        assert weights.log().std(-1).mean().item() == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("heads", [1, 4])
def test_several_heads_equal_torchs(heads, masked):
    own = MultiHeadAttention(8, heads)
    x, context = torch.randn(3, 5, 8), torch.randn(3, 7, 8)
    mask = some_mask(3, 7) if masked else None
    found, weights = own(x, context, mask)
    wanted, theirs = torchs(own, 8)(
        x,
        context,
        context,
        key_padding_mask=None if mask is None else ~mask,
        average_attn_weights=False,
    )
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
    torch.testing.assert_close(weights, theirs, atol=1e-6, rtol=0)


def test_each_query_may_have_a_mask_of_its_own():
    own, x = MultiHeadAttention(8, 2), torch.randn(3, 5, 8)
    mask = torch.ones(3, 5, 5, dtype=torch.bool).tril()
    wanted, _ = torchs(own, 8)(x, x, x, attn_mask=~mask[0])
    torch.testing.assert_close(own(x, mask=mask)[0], wanted, atol=1e-6, rtol=0)


def test_gradients_equal_torchs():
    own, x = MultiHeadAttention(8, 2), torch.randn(3, 5, 8)
    theirs, mask = torchs(own, 8), some_mask(3, 5)
    own(x.where(mask[..., None], 0), mask=mask)[0][mask].square().sum().backward()
    theirs(*3 * [x], key_padding_mask=~mask)[0][mask].square().sum().backward()
    blocks = torch.cat([block.weight.grad for block in (own.query, own.key, own.value)])
    torch.testing.assert_close(blocks, theirs.in_proj_weight.grad, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        own.output.weight.grad, theirs.out_proj.weight.grad, atol=1e-5, rtol=0
    )


def test_permuting_what_is_looked_at_changes_nothing():
    own, x, context = MultiHeadAttention(8, 2), torch.randn(3, 5, 8), torch.randn(3, 7, 8)
    mask, order = some_mask(3, 7), torch.randperm(7)
    found, weights = own(x, context, mask)
    again, permuted = own(x, context[:, order], mask[:, order])
    torch.testing.assert_close(again, found, atol=1e-6, rtol=0)
    torch.testing.assert_close(permuted, weights[..., order], atol=1e-6, rtol=0)


def test_permuting_who_asks_permutes_what_is_found():
    own, x, order = MultiHeadAttention(8, 2), torch.randn(3, 5, 8), torch.randperm(5)
    torch.testing.assert_close(own(x[:, order])[0], own(x)[0][:, order], atol=1e-6, rtol=0)


@pytest.mark.parametrize("rubbish", [0.0, 7.0, torch.nan, torch.inf])
def test_padding_never_matters_in_value_or_gradient(rubbish):
    own, mask = MultiHeadAttention(8, 2), some_mask(3, 6)
    clean = torch.randn(3, 6, 8).masked_fill(~mask[..., None], 1.0)
    found = []
    for filling in (1.0, rubbish):
        x = clean.masked_fill(~mask[..., None], filling).requires_grad_()
        own.zero_grad()
        out, _ = own(x, mask=mask)
        out[mask].square().sum().backward()
        found.append((out[mask].detach(), x.grad[mask], *(p.grad for p in own.parameters())))
        assert not x.grad[~mask].any()
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, atol=1e-6, rtol=0)


def test_a_row_with_nothing_to_look_at_is_named():
    mask = torch.ones(3, 6, dtype=torch.bool)
    mask[1] = False
    with pytest.raises(ValueError, match=r"row 1 has nothing to look at.*all 6 keys"):
        MultiHeadAttention(8, 2)(torch.randn(3, 6, 8), mask=mask)
    with pytest.raises(ValueError, match="row 2 has nothing to look at"):
        each = torch.ones(3, 4, 6, dtype=torch.bool)
        each[2, 3] = False
        scaled_dot_product_attention(*parts(), each)


def test_an_empty_sequence_is_refused():
    with pytest.raises(ValueError, match="has nothing to look at"):
        MultiHeadAttention(8, 2)(torch.randn(3, 4, 8), torch.randn(3, 0, 8))


def test_heads_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="8 dimensions cannot be shared out to 3 heads"):
        MultiHeadAttention(8, 3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_near_and_finite(dtype):
    q, k, v = (100 * part for part in parts())  # q kᵀ is beyond 65,504 before the root
    mask = some_mask(3, 1, 6)
    wanted, _ = scaled_dot_product_attention(*(p.to(dtype).float() for p in (q, k, v)), mask)
    found, weights = scaled_dot_product_attention(*(p.to(dtype) for p in (q, k, v)), mask)
    assert found.dtype == weights.dtype == dtype and found.isfinite().all()
    torch.testing.assert_close(found.float(), wanted, atol=3, rtol=0.02)


def test_heads_get_neighbouring_dimensions():
    x = torch.arange(2 * 3 * 4.0).reshape(2, 3, 4)
    assert split_heads(x, 2)[1, 1, 2].tolist() == x[1, 2, 2:].tolist()
