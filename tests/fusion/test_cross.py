"""Words ask, places answer: any modalities, any order, and no padding."""

import pytest
import torch
from torch import nn

from xmodal_lab.batch import Padded
from xmodal_lab.fusion.cross import CrossAttentionFusion


def states(dim, *lengths):
    return Padded(torch.randn(len(lengths), max(lengths), dim), torch.tensor(lengths))


@pytest.fixture
def fusion():
    return CrossAttentionFusion(5, {"image": 7, "audio": 3}, 8, heads=2)


def test_a_vector_asks_and_one_vector_comes_back(fusion):
    query, seen = torch.randn(3, 5), {"image": states(7, 4, 2, 3), "audio": states(3, 1, 5, 2)}
    assert fusion(query, seen).shape == (3, fusion.output_dim)
    weights = fusion.weights(query, seen)
    assert weights["image"].shape == (3, 2, 1, 4) and weights["audio"].shape == (3, 2, 1, 5)
    together = weights["image"].sum(-1) + weights["audio"].sum(-1)
    torch.testing.assert_close(together, torch.ones(3, 2, 1), atol=1e-6, rtol=0)
    assert not weights["image"][1, ..., 2:].any() and not weights["audio"][0, ..., 1:].any()


def test_it_is_the_librarys_attention_with_a_residual_and_a_norm():
    fusion = CrossAttentionFusion(5, 7, 8, heads=2)
    words, seen = states(5, 2, 4, 3), states(7, 4, 2, 3)
    theirs, own = nn.MultiheadAttention(8, 2, batch_first=True), fusion.attention
    blocks = (own.query, own.key, own.value)
    theirs.in_proj_weight.data = torch.cat([block.weight.data for block in blocks])
    theirs.in_proj_bias.data = torch.cat([block.bias.data for block in blocks])
    theirs.out_proj.load_state_dict(own.output.state_dict())
    asked, places = fusion.question(words.values), fusion.places["of "](seen.values)
    found, _ = theirs(asked, places, places, key_padding_mask=~seen.mask)
    fused = fusion(words, seen)
    assert fused.lengths.equal(words.lengths)
    wanted = fusion.norm(asked + found)
    torch.testing.assert_close(fused.values[words.mask], wanted[words.mask], atol=1e-6, rtol=0)


def test_each_word_asks_on_its_own(fusion):
    words, seen = states(5, 3, 3), {"image": states(7, 4, 2)}
    fused = fusion(words, seen).values
    for word in range(3):
        alone = fusion(words.values[:, word], seen)
        torch.testing.assert_close(alone, fused[:, word], atol=1e-6, rtol=0)


def test_the_order_of_modalities_never_counts(fusion):
    query, image, audio = torch.randn(3, 5), states(7, 4, 2, 3), states(3, 1, 5, 2)
    one = fusion(query, {"image": image, "audio": audio})
    assert fusion(query, {"audio": audio, "image": image}).equal(one)


def test_a_modality_of_length_0_is_as_good_as_absent(fusion):
    query, image, audio = torch.randn(2, 5), states(7, 4, 2), states(3, 0, 5)
    found = fusion(query, {"image": image, "audio": audio})
    alone = fusion(query, {"image": image})
    torch.testing.assert_close(found[0], alone[0], atol=1e-6, rtol=0)
    assert not torch.allclose(found[1], alone[1], atol=1e-2)


@pytest.mark.parametrize("rubbish", [9.0, torch.nan])
def test_padding_never_matters_in_value_or_gradient(fusion, rubbish):
    words, image = states(5, 2, 4), states(7, 3, 1)
    found = []
    for filling in (0.0, rubbish):
        asks, seen = (
            Padded(x.values.masked_fill(~x.mask[..., None], filling), x.lengths)
            for x in (words, image)
        )
        fusion.zero_grad()
        out = fusion(asks, {"image": seen}).values[words.mask]
        out.square().sum().backward()
        found.append([out.detach(), *(p.grad for p in fusion.parameters() if p.grad is not None)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, atol=1e-6, rtol=0)


def test_nothing_to_look_at_is_refused(fusion):
    query = torch.randn(2, 5)
    with pytest.raises(ValueError, match=r"nothing to look at: give one of \['image', 'audio'\]"):
        fusion(query, {})
    with pytest.raises(ValueError, match="row 1 has nothing to look at"):
        fusion(query, {"image": states(7, 4, 0)})
    with pytest.raises(ValueError, match=r"no such modality here: \['smell'\]"):
        fusion(query, {"smell": states(7, 4, 1)})


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_near(fusion, dtype):
    query, image = torch.randn(2, 5), states(7, 4, 2)
    wanted = fusion(query, {"image": image})
    small = {"image": Padded(image.values.to(dtype), image.lengths)}
    found = fusion.to(dtype)(query.to(dtype), small)
    torch.testing.assert_close(found.float(), wanted, atol=0.05, rtol=0)
