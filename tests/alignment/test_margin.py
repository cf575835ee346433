"""The losses with a margin: where they stop, and whom each way of mining chooses."""

import math

import pytest
import torch

from xmodal_lab.alignment import margin
from xmodal_lab.alignment.losses import over_pairs, pair_loss, triplet_loss

MININGS = ("random", "semi-hard", "hard", "all")


def pairs(batch: int = 6, dim: int = 5, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    make = lambda: torch.randn(batch, dim, generator=generator, dtype=torch.float64)  # noqa: E731
    return make(), make()


def on_circle(*degrees: float) -> torch.Tensor:
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_pairs_that_lie_well_cost_nothing_and_are_left_alone():
    eye = torch.eye(5, dtype=torch.float64, requires_grad=True)
    for wide in (0.3, 1.0, 1.4):  # wrong ones are √2 apart
        loss = pair_loss(eye, eye, wide)
        assert loss.item() == pytest.approx(0, abs=1e-15)
        assert torch.autograd.grad(loss, eye)[0].abs().max() < 1e-12
    assert pair_loss(eye, eye, 1.5).item() == pytest.approx((1.5 - math.sqrt(2)) ** 2 / 2)


def test_a_pair_attracts_beyond_any_margin_and_a_wrong_one_repels_only_within():
    """Two pairs on a circle: the partners 40° apart, wrong ones far enough or too near."""
    a, far, near = on_circle(0, 180), on_circle(40, 220), on_circle(40, -40)
    attraction = 2 - 2 * math.cos(math.radians(40))
    assert pair_loss(a, far, 1.0).item() == pytest.approx(attraction / 2)
    assert pair_loss(a, near, 1.0).item() > pair_loss(a, near, 0.5).item()


def test_right_and_wrong_weigh_half_each_whatever_the_batch():
    for batch in (2, 5, 50):
        one, other = (x.expand(batch, 2) for x in (on_circle(0), on_circle(60)))
        # Everything is 60°, a distance of 1, apart: ½ · 1² for the pairs, ½ · (1.5 - 1)² else.
        assert pair_loss(one, other, 1.5).item() == pytest.approx((1 + 0.25) / 2)


@pytest.mark.parametrize("mining", MININGS)
def test_triplets_that_hold_the_margin_cost_nothing(mining):
    eye = torch.eye(5, dtype=torch.float64, requires_grad=True)
    loss = triplet_loss(eye, eye, 0.9, mining)
    assert loss.item() == 0 and torch.autograd.grad(loss, eye)[0].abs().max() == 0
    assert triplet_loss(eye, eye, 1.25, mining).item() == pytest.approx(0.25)
    assert triplet_loss(eye, eye.roll(1, 0), 0.2, "hard").item() == pytest.approx(1.2)


def test_whom_each_mining_chooses():
    """A caption at 0°, its picture at 30°; wrong pictures at 10° (harder), 50° and 120°."""
    cosine = lambda degrees: math.cos(math.radians(degrees))  # noqa: E731
    orders = [(30, 10, 50, 120), (10, 30, 50, 120), (10, 50, 30, 120), (10, 50, 120, 30)]
    # Four quizzes alike, but for the partner's place: the mean is what each of them costs.
    quizzes = torch.cat([on_circle(0) @ on_circle(*order).T for order in orders])
    wrong = {"hard": [10], "semi-hard": [50], "all": [10, 50, 120]}
    for mining, chosen in wrong.items():
        terms = [max(0, 0.5 + cosine(x) - cosine(30)) for x in chosen]
        found = margin._one_way(quizzes, 0.5, mining, None).item()
        assert found == pytest.approx(sum(terms) / len(terms), abs=1e-12)


def test_semi_hard_falls_back_on_the_farthest_where_all_are_nearer():
    """The partner is the worst of all; no wrong one is farther than it."""
    a, b = on_circle(0, 180), on_circle(90, 60)
    own, wrong = 0.0, math.cos(math.radians(60))
    row_one = max(0, 0.2 + wrong - own)
    s = a @ b.T
    row_two = max(0, 0.2 + s[1, 0].item() - s[1, 1].item())
    columns = [max(0, 0.2 + s[1, 0].item() - own), max(0, 0.2 + wrong - s[1, 1].item())]
    wanted = (row_one + row_two + sum(columns)) / 4
    assert triplet_loss(a, b, 0.2, "semi-hard").item() == pytest.approx(wanted)


def test_harder_mining_costs_more():
    a, b = pairs(32)
    cost = {m: triplet_loss(a, b, 0.5, m, generator(0)).item() for m in MININGS}
    assert cost["all"] < cost["hard"] and cost["semi-hard"] < cost["hard"]
    assert cost["random"] < cost["hard"]


def test_random_mining_is_the_mean_of_all_in_the_long_run_and_never_the_partner():
    a, b = pairs(5)
    source, drawn = generator(1), []
    for _ in range(3000):
        drawn.append(triplet_loss(a, b, 0.5, "random", source).item())
    assert sum(drawn) / len(drawn) == pytest.approx(triplet_loss(a, b, 0.5, "all").item(), rel=0.03)
    # The partner as its own wrong answer would cost the margin: here every wrong one costs nothing.
    eye = torch.eye(3)
    assert all(triplet_loss(eye, eye, 0.5, "random", source).item() == 0 for _ in range(50))


def test_random_mining_follows_its_dice_and_prefers_no_side():
    a, b = pairs(20)
    one = triplet_loss(a, b, 0.5, "random", generator(3)).item()
    assert triplet_loss(a, b, 0.5, "random", generator(3)).item() == one
    assert triplet_loss(b, a, 0.5, "random", generator(3)).item() == pytest.approx(one, abs=1e-12)
    assert triplet_loss(a, b, 0.5, "random", generator(4)).item() != one
    torch.manual_seed(3)
    assert triplet_loss(a, b, 0.5, "random").item() == one


@pytest.mark.parametrize("mining", MININGS)
def test_random_and_mined_gradients_pass_torchs_own_check(mining):
    a, b = (x.requires_grad_() for x in pairs(4, 3))
    loss = lambda a, b: triplet_loss(a, b, 0.5, mining, generator(0))  # noqa: E731
    assert torch.autograd.gradcheck(loss, (a, b))
    assert torch.autograd.gradcheck(lambda a, b: pair_loss(a, b, 1.3), (a, b))


@pytest.mark.parametrize("mining", MININGS)
def test_training_by_it_finds_the_pairs(mining):
    """60 free points on a sphere, moved by the loss alone, find their partners."""
    a, b = (x.float().requires_grad_() for x in pairs(30, 8))
    optimiser, source = torch.optim.Adam([a, b], 0.05), generator(0)
    for _ in range(200):
        optimiser.zero_grad()
        triplet_loss(a, b, 0.2, mining, source).backward()
        optimiser.step()
    assert ((a @ (b / b.norm(dim=1, keepdim=True)).T).argmax(1) == torch.arange(30)).all()


def test_unknown_mining_is_refused():
    with pytest.raises(ValueError, match="unknown mining 'hardest': choose one of random, semi-"):
        triplet_loss(*pairs(), 0.2, "hardest")


@pytest.mark.parametrize("loss", [pair_loss, triplet_loss])
def test_a_learned_margin_is_refused(loss):
    """``over_pairs`` hands the space's temperature over as third argument: no margin."""
    a, b = pairs()
    temperature = torch.tensor(0.07, requires_grad=True)
    with pytest.raises(ValueError, match="learned, it would shrink"):
        over_pairs({"text": a, "image": b}, loss=loss, temperature=temperature)
    assert (
        over_pairs({"text": a, "image": b}, loss=loss, temperature=0.2).item()
        == loss(a, b, 0.2).item()
    )
