"""A block equals torch's layer, with the norm before or after; a context comes first."""

import pytest
import torch
from torch import nn

from xmodal_lab.fusion.transformer import TransformerBlock


def copied(own: TransformerBlock, theirs: nn.Module) -> nn.Module:
    """Our weights in the library's layer; a decoder's second attention is the one that crosses."""
    attentions = {"self_attn": own.attention} | ({"multihead_attn": own.cross} if own.cross else {})
    for name, attention in attentions.items():
        blocks, target = (attention.query, attention.key, attention.value), getattr(theirs, name)
        target.in_proj_weight.data = torch.cat([block.weight.data for block in blocks])
        target.in_proj_bias.data = torch.cat([block.bias.data for block in blocks])
        target.out_proj.load_state_dict(attention.output.state_dict())
    theirs.linear1.load_state_dict(own.feed[0].state_dict())
    theirs.linear2.load_state_dict(own.feed[2].state_dict())
    theirs.norm1.load_state_dict(own.attention_norm.state_dict())
    theirs.norm2.load_state_dict(own.feed_norm.state_dict())
    return theirs


def shaken(block: TransformerBlock) -> TransformerBlock:
    """Norms and biases that are not at their beginnings: a swap of two would show."""
    for parameter in block.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return block


@pytest.mark.parametrize("norm", ["before", "after"])
def test_a_block_equals_torchs_layer(norm):
    own = shaken(TransformerBlock(8, 2, norm, hidden=20))
    theirs = nn.TransformerEncoderLayer(
        8, 2, 20, 0.0, "gelu", batch_first=True, norm_first=norm == "before"
    )
    x, mask = torch.randn(3, 5, 8), torch.rand(3, 5) > 0.3
    mask[:, 0] = True
    wanted = copied(own, theirs)(x, src_key_padding_mask=~mask)
    found, weights = own(x, mask)
    torch.testing.assert_close(found[mask], wanted[mask], atol=1e-6, rtol=0)
    assert weights["self"].shape == (3, 2, 5, 5) and weights.keys() == {"self"}


@pytest.mark.parametrize("norm", ["before", "after"])
def test_a_block_that_crosses_looks_at_the_context_first(norm):
    own = shaken(TransformerBlock(8, 2, norm, hidden=20, cross=True))
    x, context = torch.randn(3, 5, 8), torch.randn(3, 7, 8)
    # The library's layer with its own attention silenced is a cross-attention with a feed-forward;
    # ours is that attention, followed by a block without a context.
    rest = TransformerBlock(8, 2, norm, hidden=20)
    rest.load_state_dict({n: w for n, w in own.state_dict().items() if "cross" not in n})
    asked = own.cross_norm(x) if norm == "before" else x
    looked = x + own.cross(asked, context)[0]
    wanted, _ = rest(looked if norm == "before" else own.cross_norm(looked))
    found, weights = own(x, None, context)
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
    assert weights["cross"].shape == (3, 2, 5, 7)


@pytest.mark.parametrize("rubbish", [5.0, torch.nan])
def test_padding_never_matters_in_value_or_gradient(rubbish):
    own = TransformerBlock(8, 2, cross=True)
    mask, seen = torch.tensor([[1, 1, 0], [1, 1, 1]]).bool(), torch.tensor([[1, 0], [1, 1]]).bool()
    clean, there = torch.randn(2, 3, 8), torch.randn(2, 2, 8)
    found = []
    for filling in (0.0, rubbish):
        own.zero_grad()
        x, context = (
            clean.masked_fill(~mask[..., None], filling),
            there.masked_fill(~seen[..., None], filling),
        )
        out, _ = own(x, mask, context, seen)
        out[mask].square().sum().backward()
        found.append([out[mask].detach(), *(p.grad for p in own.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, atol=1e-6, rtol=0)


def test_wrong_use_is_explained(unchecked):
    with pytest.raises(ValueError, match="norm must be 'before' or 'after', got 'pre'"):
        TransformerBlock(8, 2, "pre")
    with pytest.raises(ValueError, match="built to look at a context"):
        TransformerBlock(8, 2, cross=True)(torch.randn(1, 2, 8))
    with pytest.raises(ValueError, match="built to look at no context"):
        TransformerBlock(8, 2)(torch.randn(1, 2, 8), None, torch.randn(1, 2, 8))
