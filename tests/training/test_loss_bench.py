"""The ward: trainings are what they say, repeatable, and look at scenes never seen."""

import pytest
import torch
from torch import nn

from xmodal_lab.alignment.losses import info_nce
from xmodal_lab.training.loss_bench import Ward, r1


@pytest.fixture(scope="module")
def ward():
    return Ward(200, seed=3)


def healthy(a, b):
    return info_nce(a, b, 0.1)


def test_features_are_centred_and_scaled_on_the_scenes_to_learn_from(ward):
    for features in ward.learn.values():
        torch.testing.assert_close(
            features.mean(0), torch.zeros(features.shape[1]), atol=1e-4, rtol=0
        )
        # A little below 1, since nothing is divided by 0: a word may never occur.
        assert features.std(0).max() <= 1.001
        assert features.std(0).median() > 0.9
    torch.testing.assert_close(ward.read(ward.val.captions), ward.ask["text"])
    torch.testing.assert_close(ward.see(ward.val.images[:9]), ward.ask["image"][:9])


def test_a_word_that_never_varies_in_training_says_nothing_later(ward):
    # Two things, so always two "a"; a prompt about one thing has only one of them.
    constant = ward.learn["text"].abs().amax(0) == 0
    assert constant.any()
    prompts = ward.read(["a red star", "a big blue circle"])
    assert (prompts[:, constant] == 0).all()
    assert prompts.abs().max() < 3 * ward.learn["text"].abs().max()
    assert prompts.isfinite().all()


def test_no_meaning_occurs_in_both_sets(ward):
    assert not {s.key for s in ward.train.scenes} & {s.key for s in ward.val.scenes}


def test_a_training_is_the_loop_written_out(ward):
    run = ward.fit(healthy, steps=4)
    torch.manual_seed(3)
    maps = nn.ModuleDict({m: nn.Linear(x.shape[1], 32) for m, x in ward.learn.items()})
    optimiser, losses = torch.optim.AdamW(maps.parameters(), lr=5e-3), []
    for _ in range(4):
        rows = torch.randint(200, (128,))
        value = healthy(*(maps[m](ward.learn[m][rows]) for m in ("text", "image")))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.item())
    assert run.losses == pytest.approx(losses)
    torch.testing.assert_close(run.text, maps["text"](ward.ask["text"]).detach())


def test_looking_on_the_way_changes_nothing(ward):
    head = lambda wide, dim: nn.Sequential(nn.BatchNorm1d(wide), nn.Linear(wide, dim))  # noqa: E731
    plain, watched = (ward.fit(healthy, 6, head=head, look_every=n) for n in (0, 2))
    assert plain.losses == watched.losses and plain.curve == []
    assert [step for step, _ in watched.curve] == [2, 4, 6]
    assert watched.curve[-1][1] == watched.r1 == r1(watched.text, watched.image, ward.right)
    assert watched.back == r1(watched.image, watched.text, ward.right.T)


def test_a_loss_may_ask_for_the_rows(ward):
    seen = []

    def loss(a, b, rows):
        seen.append(rows)
        return healthy(a, b)

    assert ward.fit(loss, 2, batch=16).losses == ward.fit(healthy, 2, batch=16).losses
    assert len(seen) == 2 and seen[0].shape == (16,)


def test_further_parameters_are_trained_along(ward):
    number = nn.Parameter(torch.tensor(-2.0))
    ward.fit(lambda a, b: info_nce(a, b, number.exp()), 3, extra=[{"params": [number], "lr": 0.1}])
    assert number.item() != -2


def test_a_point_that_is_no_number_scores_nan():
    points, right = torch.ones(3, 2), torch.eye(3, dtype=torch.bool)
    assert r1(points, points, right) == 0
    assert r1(points * torch.nan, points, right) != r1(points * torch.nan, points, right)
