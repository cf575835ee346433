"""Late fusions: any subset of modalities, by masks; what is missing never matters."""

from itertools import combinations

import pytest
import torch

from xmodal_lab.fusion import (
    AttentionFusion,
    BilinearFusion,
    ConcatFusion,
    GatedFusion,
    MeanFusion,
    WeightedSumFusion,
)

DIMS = {"text": 3, "image": 5, "audio": 4}
LATE = {
    "mean": MeanFusion,
    "weighted sum": WeightedSumFusion,
    "concatenation": ConcatFusion,
    "gates": GatedFusion,
    "attention": AttentionFusion,
    "low rank": lambda dims, dim: BilinearFusion(dims, dim, rank=3),
    "whole tensor": lambda dims, dim: BilinearFusion(dims, dim, rank=None),
}
every_fusion = pytest.mark.parametrize("name", LATE)
SUBSETS = [names for count in (1, 2, 3) for names in combinations(DIMS, count)]


def made(name, dims=DIMS, dim=6):
    """A fusion none of whose parameters is 0: a stand-in that is 0 would hide what reads it."""
    torch.manual_seed(0)
    fusion = LATE[name](dims, dim)
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter.add_(torch.randn(parameter.shape) / 5)
    return fusion


def vectors(rows=7, dims=DIMS, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(rows, dim, generator=generator) for name, dim in dims.items()}


def some_missing(rows=7):
    """Every subset of three once: row i has the modalities of ``SUBSETS[i]``."""
    return {n: torch.tensor([n in subset for subset in SUBSETS])[:rows] for n in DIMS}


@every_fusion
@pytest.mark.parametrize("subset", SUBSETS)
def test_any_subset_is_fused_and_an_absent_key_is_a_mask_of_false(name, subset):
    fusion, given = made(name), vectors()
    found = fusion({n: given[n] for n in subset})
    assert found.shape == (7, fusion.output_dim) and found.isfinite().all()
    masks = {n: torch.full((7,), n in subset) for n in DIMS}
    torch.testing.assert_close(fusion(given, masks), found)


@every_fusion
@pytest.mark.parametrize("junk", [0.0, 1e4, torch.nan, torch.inf])
def test_what_stands_in_a_missing_row_matters_neither_to_value_nor_to_gradient(name, junk):
    fusion, given, present = made(name), vectors(), some_missing()
    spoilt = {n: rows.masked_fill(~present[n][:, None], junk) for n, rows in given.items()}
    answers, gradients = [], []
    for some in (given, spoilt):
        leaves = {n: rows.clone().requires_grad_() for n, rows in some.items()}
        fusion.zero_grad()
        answers.append(fusion(leaves, present))
        answers[-1].square().sum().backward()
        gradients.append([p.grad.clone() for p in fusion.parameters()])
        for n, rows in leaves.items():
            assert (rows.grad[~present[n]] == 0).all()
    assert answers[0].equal(answers[1])
    assert all(a.equal(b) for a, b in zip(*gradients, strict=True))


@every_fusion
def test_missing_is_not_the_same_as_zeros(name):
    fusion, given = made(name), vectors()
    zeros = given | {"image": torch.zeros(7, 5)}
    missing = fusion({n: given[n] for n in ("text", "audio")})
    assert (fusion(zeros) - missing).abs().amax() > 1e-3


@every_fusion
def test_the_order_of_modalities_does_not_matter(name):
    fusion, given, present = made(name), vectors(), some_missing()
    backwards = dict(reversed(given.items()))
    assert fusion(backwards, dict(reversed(present.items()))).equal(fusion(given, present))
    other = LATE[name](dict(reversed(DIMS.items())), 6)
    other.load_state_dict(fusion.state_dict())
    assert other(given, present).equal(fusion(given, present))


@every_fusion
def test_rows_do_not_see_each_other(name):
    fusion, given, present = made(name), vectors(), some_missing()
    whole = fusion(given, present)
    for row in range(7):
        alone = {n: rows[[row]] for n, rows in given.items()}
        masks = {n: mask[[row]] for n, mask in present.items()}
        torch.testing.assert_close(fusion(alone, masks), whole[[row]])


@every_fusion
def test_every_modality_that_is_there_counts(name):
    fusion, given = made(name), vectors()
    for changed in DIMS:
        other = given | {changed: -given[changed]}
        assert (fusion(other) - fusion(given)).abs().amax(1).min() > 1e-4


@every_fusion
def test_one_modality_is_enough_to_make_a_fusion(name):
    fusion = made(name, {"text": 3})
    assert fusion({"text": torch.randn(2, 3)}).shape == (2, 6)


@every_fusion
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_near_and_finite(name, kind):
    fusion, given, present = made(name), vectors(), some_missing()
    spoilt = {n: rows.masked_fill(~present[n][:, None], torch.inf) for n, rows in given.items()}
    exact = fusion(spoilt, present)
    near = {"rtol": 0.03, "atol": 0.05}
    with torch.autocast("cpu", dtype=kind):
        torch.testing.assert_close(fusion(spoilt, present).float(), exact, **near)
    halved = {n: rows.to(kind) for n, rows in spoilt.items()}
    found = fusion.to(kind)(halved, present)
    assert found.dtype == kind
    torch.testing.assert_close(found.float(), exact, **near)
    found.float().square().sum().backward()
    assert all(p.grad.isfinite().all() for p in fusion.parameters())


@every_fusion
def test_float64_stays_float64(name):
    given = {n: rows.double() for n, rows in vectors().items()}
    assert made(name).double()(given).dtype == torch.float64


@every_fusion
def test_gradients_pass_torchs_own_check(name):
    fusion, present = made(name).double(), some_missing()
    leaves = [rows.double().requires_grad_() for rows in vectors().values()]
    assert torch.autograd.gradcheck(
        lambda *rows: fusion(dict(zip(DIMS, rows, strict=True)), present), leaves
    )


def test_a_mean_of_equal_points_is_each_of_them():
    fusion, given = made("mean"), vectors()
    with torch.no_grad():
        for layer in fusion.meta.values():
            layer.weight.zero_()
            layer.bias.fill_(2.0)
    wanted = torch.nn.functional.gelu(torch.full((7, 6), 2.0))
    torch.testing.assert_close(fusion(given, some_missing()), wanted)


def test_a_mean_counts_those_that_are_there():
    fusion, given, present = made("mean"), vectors(), some_missing()
    found = fusion(given, present)
    for row, subset in enumerate(SUBSETS):
        alone = [fusion({n: given[n]})[row] for n in subset]
        torch.testing.assert_close(found[row], torch.stack(alone).mean(0))


def test_weights_of_attention_add_up_to_one_over_those_that_are_there():
    fusion, given, present = made("attention"), vectors(), some_missing()
    weights = fusion.weights(given, present)
    torch.testing.assert_close(sum(weights.values()), torch.ones(7))
    for name, mask in present.items():
        assert (weights[name][~mask] == 0).all() and (weights[name][mask] > 0).all()
    alone = {name: fusion({name: given[name]}) for name in DIMS}
    wanted = sum(weights[name][:, None] * alone[name] for name in DIMS)
    torch.testing.assert_close(fusion(given, present), wanted)


def test_a_modality_that_left_does_not_change_how_the_others_stand_to_each_other():
    fusion, given = made("attention"), vectors()
    three, two = fusion.weights(given), fusion.weights({n: given[n] for n in ("text", "image")})
    torch.testing.assert_close(
        three["text"] / three["image"], two["text"] / two["image"], rtol=1e-4, atol=1e-5
    )
    assert (two["audio"] == 0).all()


def test_a_weighted_sum_is_a_mean_before_it_has_learned():
    torch.manual_seed(0)
    fusion, given = WeightedSumFusion(DIMS, 6), vectors()
    mean = MeanFusion(DIMS, 6)
    mean.load_state_dict(fusion.state_dict(), strict=False)
    torch.testing.assert_close(fusion(given, some_missing()), mean(given, some_missing()))


def test_closed_gates_let_nothing_through():
    fusion, given = made("gates"), vectors()
    with torch.no_grad():
        fusion.gates.bias.fill_(-100.0)
    assert fusion(given).abs().max() < 1e-6


@every_fusion
def test_bad_input_is_refused_by_name(name, unchecked):
    fusion, given = made(name), vectors()
    with pytest.raises(ValueError, match="nothing to fuse"):
        fusion({})
    with pytest.raises(ValueError, match=r"unknown modalities \['touch'\]: .* audio, image, text"):
        fusion(given | {"touch": torch.zeros(7, 2)})
    with pytest.raises(ValueError, match=r"expected one number of rows and shapes .*\(7, 5\)"):
        fusion(given | {"image": torch.zeros(7, 6)})
    with pytest.raises(ValueError, match="one number of rows"):
        fusion(given | {"image": torch.zeros(3, 5)})
    with pytest.raises(ValueError, match="no rows to fuse"):
        fusion({n: rows[:0] for n, rows in given.items()})
    nothing = {n: torch.arange(7) != 4 for n in DIMS}
    with pytest.raises(ValueError, match=r"nothing is there in rows \[4\] of 7"):
        fusion(given, nothing)
    with pytest.raises(
        ValueError, match=r"present\['text'\] of bool and shape \(7,\), got torch.f"
    ):
        fusion(given, {"text": torch.ones(7)})
    with pytest.raises(ValueError, match=r"\['text'\] are there, but there are no vectors"):
        fusion({"image": given["image"]}, {"text": torch.ones(7, dtype=torch.bool)})


@every_fusion
def test_sizes_must_be_sizes(name):
    with pytest.raises(ValueError, match="sizes from 1 up"):
        LATE[name]({}, 4)
    with pytest.raises(ValueError, match="sizes from 1 up"):
        LATE[name]({"text": 0}, 4)
