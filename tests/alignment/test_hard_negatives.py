"""InfoNCE with foils: what they cost, whom they are asked of, and that CLIP's loss is the rest."""

import math

import pytest
import torch
from torch.nn import functional as F

from xmodal_lab.alignment.losses import info_nce, info_nce_with_foils

BATCH, FOILS, DIM = 6, 3, 5


def rows(seed: int = 0, foils: int = FOILS):
    """(a, b, foils): float64."""
    generator = torch.Generator().manual_seed(seed)
    make = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    return make(BATCH, DIM), make(BATCH, DIM), make(BATCH, foils, DIM)


def test_without_foils_it_is_info_nce():
    a, b, foils = rows()
    wanted = info_nce(a, b, 0.1).item()
    assert info_nce_with_foils(a, b, 0.1).item() == pytest.approx(wanted)
    assert info_nce_with_foils(a, b, 0.1, foils_b=foils).item() > wanted
    none = foils[:, :0]
    assert info_nce_with_foils(a, b, 0.1, foils_b=none).item() == pytest.approx(wanted)


def test_info_nce_equals_transformers_clip_loss():
    """CLIP's own model, tiny and random: its loss is ours of its embeddings."""
    from transformers import CLIPConfig, CLIPModel

    tiny = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    tiny |= {"num_attention_heads": 2}
    text = tiny | {"vocab_size": 20, "max_position_embeddings": 8, "eos_token_id": 19}
    vision = tiny | {"image_size": 8, "patch_size": 4}
    clip = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12))
    found = clip(
        input_ids=torch.randint(0, 19, (7, 6)),
        pixel_values=torch.randn(7, 3, 8, 8),
        return_loss=True,
    )
    temperature = 1 / clip.logit_scale.exp()
    ours = info_nce(found.text_embeds, found.image_embeds, temperature)
    torch.testing.assert_close(ours, found.loss)
    parts = [clip.logit_scale, clip.text_projection.weight, clip.visual_projection.weight]
    for x, y in zip(
        *(torch.autograd.grad(loss, parts, retain_graph=True) for loss in (ours, found.loss)),
        strict=True,
    ):
        torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("foils", [1, 4])
def test_the_level_is_ln_of_all_answers(foils):
    """Equal similarities: B + F answers one way, B the other."""
    same = torch.randn(1, DIM).expand(BATCH, DIM)
    more = same[:, None].expand(BATCH, foils, DIM)
    asked, plain = math.log(BATCH + foils), math.log(BATCH)
    found = info_nce_with_foils(same, same, 0.1, foils_b=more).item()
    assert found == pytest.approx((asked + plain) / 2, abs=1e-5)
    found = info_nce_with_foils(same, same, 0.1, foils_a=more, foils_b=more).item()
    assert found == pytest.approx(asked, abs=1e-5)


def test_sides_change_places_with_their_foils():
    a, b, foils = rows()
    one = info_nce_with_foils(a, b, 0.1, foils_b=foils).item()
    assert info_nce_with_foils(b, a, 0.1, foils_a=foils).item() == pytest.approx(one)
    assert info_nce_with_foils(a, b, 0.1, foils_a=foils).item() != pytest.approx(one, rel=1e-3)


def test_a_rows_foils_are_asked_of_that_row_alone():
    """Moving row 2's foils moves nothing but row 2 and what all rows share."""
    a, b, foils = (x.requires_grad_() for x in rows())
    (slope,) = torch.autograd.grad(info_nce_with_foils(a, b, 0.1, foils_b=foils), foils)
    for row in range(BATCH):
        (mine,) = torch.autograd.grad(_quiz_of(row, a, b, foils), foils)
        torch.testing.assert_close(slope[row], mine[row] / (2 * BATCH))
        assert mine[[r for r in range(BATCH) if r != row]].abs().max() == 0


def _quiz_of(row, a, b, foils):
    a, b, foils = F.normalize(a, dim=1), F.normalize(b, dim=1), F.normalize(foils, dim=2)
    answers = torch.cat([b, foils[row]]) @ a[row] / 0.1
    return answers.logsumexp(0) - answers[row]


def test_the_order_of_rows_and_foils_does_not_matter_but_whose_they_are_does():
    a, b, foils = rows()
    order = torch.tensor([3, 5, 0, 1, 4, 2])
    wanted = info_nce_with_foils(a, b, 0.1, foils_b=foils).item()
    together = info_nce_with_foils(a[order], b[order], 0.1, foils_b=foils[order]).item()
    assert together == pytest.approx(wanted)
    assert info_nce_with_foils(a, b, 0.1, foils_b=foils.flip(1)).item() == pytest.approx(wanted)
    apart = info_nce_with_foils(a, b, 0.1, foils_b=foils[order]).item()
    assert apart != pytest.approx(wanted, rel=1e-3)


def test_one_foil_a_row_needs_no_axis_of_its_own():
    a, b, foils = rows(foils=1)
    one = info_nce_with_foils(a, b, 0.1, foils_b=foils[:, 0]).item()
    assert one == info_nce_with_foils(a, b, 0.1, foils_b=foils).item()


def test_a_foil_equal_to_the_right_answer_can_never_be_told_apart():
    """Perfect pairs, but a coin to toss for each: ln 2 in one direction."""
    eye = torch.eye(BATCH, dtype=torch.float64)
    assert info_nce_with_foils(eye, eye, 0.02, foils_b=eye).item() == pytest.approx(math.log(2) / 2)


def test_gradients_pass_torchs_own_check():
    a, b, foils = (x.requires_grad_() for x in rows())
    temperature = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)

    def loss(a, b, temperature, foils_a, foils_b):
        return info_nce_with_foils(a, b, temperature, foils_a=foils_a, foils_b=foils_b)

    other = rows(1)[2].requires_grad_()
    assert torch.autograd.gradcheck(loss, (a, b, temperature, other, foils))


def test_no_nan_at_low_temperature_or_for_zeros():
    a, b, foils = (x.float() for x in rows())
    foils[0] = 0
    foils[1] = b[1]
    leaves = [x.requires_grad_() for x in (a, b, foils)]
    loss = info_nce_with_foils(a, b, 1e-3, foils_b=foils)
    loss.backward()
    assert loss.isfinite() and all(leaf.grad.isfinite().all() for leaf in leaves)


@pytest.mark.parametrize("shape", [(5, 3, 5), (6, 3, 4), (6, 4), (6,), (6, 1, 1, 5)])
def test_foils_that_do_not_fit_are_named(unchecked, shape):
    a, b, _ = rows()
    with pytest.raises(ValueError, match="expected foils_b of shape") as caught:
        info_nce_with_foils(a, b, 0.1, foils_b=torch.randn(shape))
    assert str(shape) in str(caught.value) and "(6, 5)" in str(caught.value)


@pytest.mark.parametrize("side", ["foils_a", "foils_b"])
def test_nan_in_a_foil_is_refused_with_its_row(side):
    a, b, foils = rows()
    foils[4, 1, 2] = torch.nan
    with pytest.raises(ValueError, match=rf"{side} holds NaN or infinity in rows \[4\] of 6"):
        info_nce_with_foils(a, b, 0.1, **{side: foils})
